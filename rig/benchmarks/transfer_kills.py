"""SIGKILLs of all that takes part in background transfers, at random moments while they run: the app, the system, the process of
transfers, the server.

A round: some downloads start, one of the four dies at a random moment, and what died is there again; the app attaches to what it
finds. Then each file that was reported complete has the server's content, and each other one goes on, or says why not.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from rig.bench import Bench
from rig.benchmarks.transfers import APP
from rig.clock import Deadline
from rig.errors import RigError
from rig.events import TimelineEvent as E
from rig.peers.nginx import Nginx
from rig.standby.app_handle import AppHandle
from rig.standby.wire.hresult import HostError

AT_ONCE = 4
LEAST_BYTES, MOST_BYTES = 4 << 20, 20 << 20
SPREAD_S = 0.5
"""So long it takes them about: what dies dies before, while or after they run."""
ROUND_TIMEOUT_S = 60.0
FILES = 8
"""That the server has, of different lengths."""


class Victim(Enum):
    """Who dies."""

    APP = "app"
    SYSTEM = "system"
    TRANSFERS = "process of transfers"
    SERVER = "server"


@dataclass
class TransferKills:
    """What the rounds showed."""

    seed: int
    kills: Counter[str] = field(default_factory=Counter)
    """By victim."""
    while_running: int = 0
    """Kills that met at least one transfer that had not ended."""
    complete: int = 0
    """Transfers that were reported so."""
    failed: Counter[str] = field(default_factory=Counter)
    """Those that ended otherwise, by the name of what they say."""
    wrong: list[str] = field(default_factory=list)
    """Files whose content is not the server's although they have their name or were reported; transfers that say nothing."""

    @property
    def right(self) -> bool:
        return not self.wrong


class Rounds:
    def __init__(self, bench: Bench, nginx: Nginx, seed: int) -> None:
        self._bench = bench
        self._nginx = nginx
        self._random = random.Random(seed)
        self.found = TransferKills(seed)
        self._contents = [self._random.randbytes(self._random.randint(LEAST_BYTES, MOST_BYTES)) for _ in range(FILES)]
        for number, data in enumerate(self._contents):
            nginx.publish(f"/{number}", data)
        self._app = self._launch()

    def run(self, number: int) -> None:
        """Raises AssertionError for transfers that neither end nor say anything."""
        after = self._bench.timeline.mark()
        files = {f"round-{number}-{one}": self._random.randrange(FILES) for one in range(AT_ONCE)}
        for name, source in files.items():
            path = str(self._bench.artefacts / name)
            self._app.call("download", uri=self._nginx.url(f"/{source}"), path=path)
        victim = self._random.choice(list(Victim))
        time.sleep(self._random.random() * SPREAD_S)  # the random moment itself
        ended = len(self._bench.timeline.find(E.TRANSFER_ENDED, after=after))
        self._kill(victim)
        self.found.kills[victim.value] += 1
        self.found.while_running += ended < AT_ONCE
        for name, source in files.items():
            self.judge(name, self._outcome(name, after), self._contents[source])

    def _kill(self, victim: Victim) -> None:
        """Returns when it is there again."""
        host, timeline = self._bench.host, self._bench.timeline
        after = timeline.mark()
        match victim:
            case Victim.APP:
                os.kill(timeline.find(E.APP_READY, app=self._app.name)[-1].pid, signal.SIGKILL)
                timeline.wait(E.APP_TERMINATED, after=after, app=self._app.name)
                self._app = self._launch()
                self._app.call("attach")
            case Victim.SYSTEM:
                os.kill(host.pid, signal.SIGKILL)
                timeline.wait(E.SYSTEM_STARTED, after=after)
            case Victim.TRANSFERS:
                os.kill(host.transfers_pid, signal.SIGKILL)
            case Victim.SERVER:
                self._nginx.restart()

    def _launch(self) -> AppHandle:
        return self._bench.host.start_app("transfers", APP)

    def _outcome(self, name: str, after: int) -> str:
        """What a process of the app has heard of its end, the first that did."""
        timeline, deadline = self._bench.timeline, Deadline(ROUND_TIMEOUT_S)
        while True:
            heard = timeline.find("transfer-over", name=name, after=after)
            if heard:
                return str(heard[0].outcome)
            if deadline.expired:
                raise AssertionError(f"{name} neither ended nor said anything for {ROUND_TIMEOUT_S:.0f} s: {self._listed()}")
            deadline.pause()

    def _listed(self) -> object:
        try:
            return self._app.call("listed")
        except (RigError, HostError) as error:
            return error

    def judge(self, name: str, outcome: str, data: bytes) -> None:
        file = self._bench.artefacts / name
        if file.exists() and file.read_bytes() != data:
            self.found.wrong.append(f"{name}: {outcome}, and what has its name is not what the server has")
        elif outcome == "COMPLETED" and not file.exists():
            self.found.wrong.append(f"{name}: {outcome}, and there is no file")
        elif not outcome:
            self.found.wrong.append(f"{name}: not complete, and nobody says why")
        if outcome == "COMPLETED":
            self.found.complete += 1
        else:
            self.found.failed[outcome.partition(" (")[0]] += 1
        for left in (file, *_parts(file)):
            left.unlink(missing_ok=True)


def _parts(file: Path) -> list[Path]:
    return list(file.parent.glob(f"{file.name}.*"))


def run(bench: Bench, kills: int, progress: Callable[[int], None], *, seed: int = 1) -> TransferKills:
    """On a fresh bench. Raises AssertionError, TimelineTimeout or what the host raises when a round does not end."""
    bench.capture.close()  # it would keep every frame
    with bench.peers.nginx() as nginx:
        rounds = Rounds(bench, nginx, seed)
        for number in range(kills):
            rounds.run(number)
            progress(number + 1)
    return rounds.found
