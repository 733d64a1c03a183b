"""Hours of connected standby on a scaled clock: channels of all intervals, random pushes, peers that die, a NAT that forgets.

The server keeps the mailboxes of rig/benchmarks/mailbox_app.py: on each connection it sends what the mailbox does not have yet.
So a message that was pushed into a connection which nobody had any more comes on the next one, and at the end every mailbox must
have every message, each once and in order. A run of the push task without a completed read is one for nothing.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from rig.bench import Bench
from rig.clock import Clock, Deadline
from rig.config import BenchConfig, StandbyConfig
from rig.peers import PushConnection
from rig.standby.app_handle import AppHandle
from rig.timeline import Record

MINUTE_US = 30_000
"""A day in 43 s."""
INTERVALS_MIN = (15, 20, 30, 45, 60, 75, 90, 120, 180, 240, 360, 480, 720, 960, 1200, 1439)
"""Server keep-alive of the channels: the shortest, the longest, and what apps choose between."""
RETRY_MIN = 5.0
"""Between unanswered keep-alives: 150 ms of real time, in which a busy machine's server answers, too."""
PUSHES_AN_HOUR, DEATHS_AN_HOUR, FORGETS_AN_HOUR = 8.0, 0.5, 0.125
MINUTES_AN_HOUR, HOURS_A_DAY = 60, 24
CATCH_UP_S = 20.0
"""After the last hour: what is under way arrives, connections that ended are made anew."""


@dataclass(frozen=True)
class Day:
    """What the hours showed. Times are of the scaled clock where they say minutes, real where they say ms."""

    hours: float
    wall_s: float
    pushed: int
    peers_died: int
    nat_forgot: int
    connections: int
    lost_or_doubled: int
    """Messages that a mailbox lacks, or has twice or out of order."""
    runs_for_nothing: int
    runs: dict[str, int]
    """Of tasks, by kind."""
    wakes: dict[str, int]
    """By reason; those of the host's own timers have none."""
    awake_ms: float
    """Real time, of `wall_s`: a wake costs what it costs whatever the scale."""
    held_ms: dict[str, float]
    """Of that, by what held the host awake: tasks, reads, starts ... Holds overlap."""

    @property
    def right(self) -> bool:
        return self.lost_or_doubled == 0 and self.runs_for_nothing == 0


def config(device: str) -> BenchConfig:
    """A bench behind a NAT, with a slot for each channel."""
    slots = len(INTERVALS_MIN)
    standby = StandbyConfig(hw_slots_total=slots, hw_slots_per_app=slots, network_ka_retry_min=RETRY_MIN)
    return BenchConfig(device=device, topology="nat", clock=Clock(MINUTE_US), standby=standby)


class Mailboxes:
    """The server's side: what each mailbox is to get, and which connection is its newest."""

    def __init__(self, bench: Bench) -> None:
        self._server = bench.server
        self._lock = threading.Lock()
        self._messages: dict[str, list[bytes]] = {}
        self._newest: dict[str, PushConnection] = {}
        self._known = 0

    def adopt(self) -> None:
        """Connections that were accepted since; they say by themselves whose they are."""
        for connection in self._server.connections[self._known :]:
            self._known += 1
            threading.Thread(target=self._greet, args=(connection,), daemon=True).start()

    @property
    def accepted(self) -> int:
        return self._known

    def push(self, name: str) -> None:
        """A new message. On a connection that is gone it is lost, and comes again on the next."""
        with self._lock:
            messages = self._messages.setdefault(name, [])
            messages.append(b"%s %06d" % (name.encode(), len(messages)))
            connection = self._newest.get(name)
            if connection is not None:
                _send(connection, messages[-1:])

    def newest(self, name: str) -> PushConnection | None:
        with self._lock:
            return self._newest.get(name)

    def wanted(self) -> dict[str, list[bytes]]:
        with self._lock:
            return {name: list(messages) for name, messages in self._messages.items()}

    def _greet(self, connection: PushConnection) -> None:
        deadline = Deadline(CATCH_UP_S)
        while b"\n" not in connection.received:
            if deadline.expired or connection.closed_by_peer:
                return
            deadline.pause()
        _, name, have = connection.received.split(b"\n")[0].decode().split()
        with self._lock:
            self._newest[name] = connection
            _send(connection, self._messages.setdefault(name, [])[int(have) :])


def _send(connection: PushConnection, messages: list[bytes]) -> None:
    """Once for all of them, as a server that has fallen behind does."""
    if messages:
        try:
            connection.push(b"".join(message + b"\n" for message in messages))
        except OSError:
            pass  # it is gone; the next one says what it lacks


def run(bench: Bench, hours: float, progress: Callable[[int], None], *, seed: int = 1) -> Day:
    """On a fresh bench of `config`. `progress` gets whole hours. Raises what the host and the timeline raise."""
    began_s = time.monotonic()
    chosen, boxes = random.Random(seed), Mailboxes(bench)
    app = bench.host.start_app("mailboxes", "rig.benchmarks.mailbox_app:MailboxApp")
    names = [f"box-{minutes}" for minutes in INTERVALS_MIN]
    for name, minutes in zip(names, INTERVALS_MIN, strict=True):
        app.call("open", box=name, host=bench.server.address, port=bench.server.port, minutes=minutes)
        boxes.adopt()
    bench.host.enter_standby()
    entered = bench.timeline.mark()
    happened = Counter(_live(bench, boxes, _events(hours, names, chosen), hours, progress))
    lasted = bench.timeline.mark()
    bench.host.exit_standby()
    lost = _catch_up(bench, app, boxes)
    records = bench.timeline.records(entered)[: lasted - entered]
    return Day(
        hours=hours,
        wall_s=time.monotonic() - began_s,
        pushed=sum(map(len, boxes.wanted().values())),
        peers_died=happened["reset"] + happened["finish"],
        nat_forgot=happened["forget"],
        connections=boxes.accepted,
        lost_or_doubled=lost,
        runs_for_nothing=app.call("runs_for_nothing"),
        runs=dict(Counter(str(record.kind) for record in records if record.event == "RUN_ENTER")),
        wakes=dict(Counter(str(record.reason) for record in records if record.event == "NIC_WAKE")),
        awake_ms=awake_ms(records),
        held_ms=_held_ms(records),
    )


def _events(hours: float, names: list[str], chosen: random.Random) -> list[tuple[float, str, str]]:
    """(minute, what, mailbox), in order."""
    rates = {"push": PUSHES_AN_HOUR, "reset": DEATHS_AN_HOUR / 2, "finish": DEATHS_AN_HOUR / 2, "forget": FORGETS_AN_HOUR}
    events = [
        (chosen.uniform(0, hours * MINUTES_AN_HOUR), what, chosen.choice(names))
        for what, rate in rates.items()
        for _ in range(max(1, round(rate * hours)))
    ]
    return sorted(events)


def _live(
    bench: Bench, boxes: Mailboxes, events: list[tuple[float, str, str]], hours: float, progress: Callable[[int], None]
) -> Iterator[str]:
    """Let everything happen when it is its time; gives what has happened."""
    began_s, clock = time.monotonic(), bench.config.clock
    for minute, what, name in [*events, (hours * MINUTES_AN_HOUR, "end", "")]:
        end_s = began_s + clock.minutes_s(minute)
        while (left_s := end_s - time.monotonic()) > 0:  # the schedule itself: nothing is waited for
            boxes.adopt()
            time.sleep(min(left_s, 0.02))
        progress(int(minute / MINUTES_AN_HOUR))
        if _happens(bench, boxes, what, name):
            yield what


def _happens(bench: Bench, boxes: Mailboxes, what: str, name: str) -> bool:
    if what == "push":
        boxes.push(name)
    elif what == "forget":
        bench.network.forget_mappings()
    elif what in ("reset", "finish"):
        connection = boxes.newest(name)
        if connection is None or connection.closed_by_peer:
            return False
        try:
            connection.reset() if what == "reset" else connection.finish()
        except OSError:  # it has died already
            return False
    return what != "end"


def _catch_up(bench: Bench, app: AppHandle, boxes: Mailboxes) -> int:
    """Until every mailbox has what it is to have; how many messages are wrong at the end of the patience."""
    deadline = Deadline(CATCH_UP_S)
    while True:
        app.call("reconnect_closed", timeout_s=CATCH_UP_S)
        boxes.adopt()
        wanted = boxes.wanted()
        wrong = sum(_differences(messages, app.call("messages", box=name)) for name, messages in wanted.items())
        if wrong == 0 or deadline.expired:
            return wrong
        deadline.pause()


def _differences(wanted: list[bytes], got: list[bytes]) -> int:
    """Places where they differ."""
    same = sum(a == b for a, b in zip(wanted, got, strict=False))
    return max(len(wanted), len(got)) - same


def awake_ms(records: list[Record]) -> float:
    """Between a wake and the next sleep."""
    awake_ns, woke_ns = 0, None
    for record in records:
        if record.event == "SLEEP_EXIT":
            woke_ns = record.t_ns
        elif record.event == "SLEEP_ENTER" and woke_ns is not None:
            awake_ns += record.t_ns - woke_ns
            woke_ns = None
    return awake_ns / 1e6


def _held_ms(records: list[Record]) -> dict[str, float]:
    """By what the hold was for, without numbers: "task box-15-push, instance 7" is one of the push tasks'."""
    held: Counter[str] = Counter()
    for record in records:
        if record.event == "HELD":
            why = str(record.reason)
            task = why.startswith("task ")
            held[f"{why.split(',')[0].rpartition('-')[2]} tasks" if task else why] += record.held_ms
    return {why: round(ms, 1) for why, ms in held.most_common()}
