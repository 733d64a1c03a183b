"""SIGKILLs of a process of the standby host at random moments: it runs, falls asleep, sleeps, wakes, or the user comes back.

A round: numbered bytes go both ways on one hardware channel, the process dies at a random point of one `Moment`, and is started
anew by the supervisor; then the user comes back, and everything that was sent so far must have arrived, each byte once and in
order, at the app and at the server. At the end the channel is closed: the device must hold nothing, and its slots are free.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import Any

from rig.bench import Bench
from rig.benchmarks.apps import CHAT_APP
from rig.clock import Deadline
from rig.errors import RigError
from rig.events import TimelineEvent as E
from rig.peers import PushConnection
from rig.standby.app_handle import AppHandle
from rig.standby.wire.hresult import HostError
from rig.timeline import TimelineTimeout

CHANNEL = "inbox"
ROUND_TIMEOUT_S = 20.0
SPREAD_S = 0.03
"""An entry takes some 10 ms, a wake some 2: the process dies within, before or after either."""
ASIDE_S = 2 * SPREAD_S
"""How long the entry under way is waited for when its end may never come."""
RETRY_S = 0.01

Progress = Callable[[int], None]


class Moment(Enum):
    """What goes on when the process dies."""

    RUNNING = "running"
    ENTERING = "entering"
    ASLEEP = "asleep"
    WAKING = "waking"
    LEAVING = "leaving"


@dataclass(frozen=True)
class Kills:
    """What the rounds showed."""

    kills: dict[str, int]
    """By what went on."""
    delivered_once_in_order: bool
    slots_left: int
    """On the device, after the channel was closed."""
    recovery_ms: list[float]
    """From the kill to the moment when all that was sent has arrived."""

    @property
    def right(self) -> bool:
        return self.delivered_once_in_order and self.slots_left == 0


class Rounds:
    """One channel, its server's end, and what has been sent on it."""

    def __init__(self, bench: Bench, seed: int, victim: Callable[[], int]) -> None:
        self._bench = bench
        self._host = bench.host
        self._random = random.Random(seed)
        self._victim = victim
        self._app: AppHandle = bench.host.start_app("chat", CHAT_APP)
        arguments: dict[str, Any] = {"host": bench.server.address, "port": bench.server.port, "minutes": 1439}
        self._app.call("open_channel", channel=CHANNEL, **arguments)
        self._connection: PushConnection = bench.server.connection()
        self._pushed = self._written = b""
        self._numbers = 0

    def run(self, moment: Moment) -> float:
        """Kill once; returns the ms until everything has arrived. Raises AssertionError or TimelineTimeout when it does not."""
        with self._busy(moment):
            time.sleep(self._random.random() * SPREAD_S)  # the random moment itself
            killed_s = time.monotonic()
            after = self._bench.timeline.mark()
            os.kill(self._victim(), signal.SIGKILL)
        self._bench.timeline.wait(E.SYSTEM_STARTED, after=after, timeout_s=ROUND_TIMEOUT_S)
        self._until(self._host.exit_standby, "the user is back")
        self._push()
        self._write()
        self._until(self._arrived, "every byte has arrived")
        return (time.monotonic() - killed_s) * 1000

    def close(self) -> int:
        """Close the channel; returns how many slots the device still holds."""
        self._until(lambda: self._app.call("close_channel", channel=CHANNEL), "the channel is closed")
        return len(self._bench.device.slots())

    @contextmanager
    def _busy(self, moment: Moment) -> Iterator[None]:
        """Goes on while the block runs."""
        if moment is Moment.RUNNING:
            self._push()
            yield
            return
        if moment is Moment.ENTERING:
            with _beside(lambda: self._host.enter_standby(ASIDE_S)):
                yield
            return
        self._host.enter_standby(ROUND_TIMEOUT_S)
        if moment is Moment.WAKING:
            self._push()
        with _beside(self._host.exit_standby) if moment is Moment.LEAVING else contextlib.nullcontext():
            yield

    def _push(self) -> None:
        self._numbers += 1
        message = b"%08d;" % self._numbers
        self._connection.push(message)
        self._pushed += message

    def _write(self) -> None:
        """By the app itself, which no death of the system may hinder: so it is tried once."""
        self._numbers += 1
        message = b"%08d;" % self._numbers
        self._app.call("send", channel=CHANNEL, data=message)
        self._written += message

    @property
    def delivered(self) -> bool:
        """Whether all that was sent has arrived, each byte once and in order."""
        try:
            self._arrived()
        except AssertionError:
            return False
        return True

    def _arrived(self) -> None:
        arrived = b"".join(self._app.call("messages", channel=CHANNEL)), self._connection.received
        assert arrived == (self._pushed, self._written), f"{[len(data) for data in arrived]} bytes arrived"

    def _until(self, call: Callable[[], Any], what: str) -> None:
        """As often as it takes: the system may be about to start."""
        deadline = Deadline(ROUND_TIMEOUT_S)
        while True:
            try:
                call()
                return
            except (RigError, HostError, AssertionError) as error:
                if deadline.expired:
                    raise AssertionError(f"{what}: not within {ROUND_TIMEOUT_S} s: {error}") from error
                time.sleep(RETRY_S)


def run(bench: Bench, kills: int, progress: Progress, *, seed: int = 1, victim: Callable[[], int] | None = None) -> Kills:
    """On a fresh bench. `victim` says whom to kill each time, the system by default. Raises AssertionError, TimelineTimeout or
    what the host raises when a round does not end."""
    rounds = Rounds(bench, seed, victim or (lambda: bench.host.pid))
    chosen = random.Random(seed)
    counts = {moment.value: 0 for moment in Moment}
    recovery_ms = []
    for number in range(kills):
        moment = chosen.choice(list(Moment))
        recovery_ms.append(rounds.run(moment))
        counts[moment.value] += 1
        progress(number + 1)
    delivered = rounds.delivered
    return Kills(counts, delivered, rounds.close(), recovery_ms)


@contextmanager
def _beside(call: Callable[[], Any]) -> Iterator[None]:
    """The call on a thread of its own; that the system dies under it is what happens here."""

    def quietly() -> None:
        with contextlib.suppress(RigError, HostError, TimelineTimeout, TimeoutError):
            call()

    thread = threading.Thread(target=quietly, name="kills", daemon=True)
    thread.start()
    try:
        yield
    finally:
        thread.join(ROUND_TIMEOUT_S)
