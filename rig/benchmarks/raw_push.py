"""Raw push notifications to a host that sleeps, again and again: how long the first of each sleep takes to its task, and whether
each of all of them was delivered once and in order, or dropped by the rule that it fell under.

A latency counts from the moment when the push service has taken the POST to RUN_ENTER.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rig.bench import Bench
from rig.benchmarks.raw_push_app import GOT
from rig.peers.push_service import PushService
from rig.standby.app_handle import AppHandle
from rig.timeline import Timeline

APP = "rig.benchmarks.raw_push_app:RawPushApp"
A_SLEEP = 50
"""Notifications: one that wakes the host, and those behind it."""
DROPPED_EACH = 10
"""One of so many is for an app that has no task for it (RAW-008)."""
TIMEOUT_S = 30.0
UNLIMITED = 1_000_000_000
"""POSTs a minute of the bench's clock: how fast one may post is no figure of the host's."""


@dataclass
class PushFigures:
    ms: dict[str, list[float]] = field(default_factory=dict)
    """Latencies, by where the task runs."""
    sent: dict[str, list[str]] = field(default_factory=dict)
    """By app."""
    got: dict[str, list[str]] = field(default_factory=dict)
    dropped: int = 0
    sleeps: int = 0

    @property
    def right(self) -> bool:
        wanted = {app: contents for app, contents in self.sent.items() if app != "deaf"}
        return self.got == wanted and self.dropped == len(self.sent.get("deaf", ()))


class _Apps:
    """Two that have a task, in their own process and in one of its own, in turn; and one that has none."""

    def __init__(self, bench: Bench, service: PushService) -> None:
        self._service = service
        self.names = {"in_process": "inside", "out_of_process": "outside"}
        self._uris = {}
        for where, name in self.names.items():
            app = bench.host.start_app(name, APP)
            app.call("register", out_of_process=where == "out_of_process")
            self._uris[name] = _channel(app)
        self._uris["deaf"] = _channel(bench.host.start_app("deaf", APP))

    def post(self, name: str, content: str) -> int:
        """Returns when the service has taken it, CLOCK_MONOTONIC, ns."""
        reply = self._service.post(self._uris[name], content.encode())
        assert reply.code == 200, f"the push service answers {reply.code}"
        return self._service.notification(reply).posted_ns


def _channel(app: AppHandle) -> str:
    uri: str = app.call("channel")
    return uri


def run(bench: Bench, count: int, progress: Callable[[int], None]) -> PushFigures:
    """Raises TimelineTimeout for what does not come."""
    figures = PushFigures({"in_process": [], "out_of_process": []})
    with _serving(bench) as service:
        apps = _Apps(bench, service)
        bench.host.enter_standby()
        begun = bench.timeline.mark()
        for first in range(0, count, A_SLEEP):
            where = ("in_process", "out_of_process")[figures.sleeps % 2]
            after = bench.timeline.mark()
            posted_ns = _post(apps, figures, where, first)
            ran = bench.timeline.wait("RUN_ENTER", after=after, timeout_s=TIMEOUT_S)
            figures.ms[where].append((ran.t_ns - posted_ns) / 1e6)
            figures.sleeps += 1
            for number in range(first + 1, min(first + A_SLEEP, count)):
                _post(apps, figures, where, number)
            _until_done(bench.timeline, figures, after, apps.names[where])
            progress(min(first + A_SLEEP, count))
    for name in apps.names.values():
        if name in figures.sent:
            figures.got[name] = [record.content for record in bench.timeline.find(GOT, app=name, after=begun)]
    figures.dropped = len(bench.timeline.find("PUSH_DROPPED", after=begun))
    return figures


@contextmanager
def _serving(bench: Bench) -> Iterator[PushService]:
    with bench.peers.push_service() as service:
        service.throttle(UNLIMITED)
        bench.host.use_push_service(service)
        yield service


def _post(apps: _Apps, figures: PushFigures, where: str, number: int) -> int:
    """When it was taken."""
    name = "deaf" if number % DROPPED_EACH == DROPPED_EACH - 1 else apps.names[where]
    figures.sent.setdefault(name, []).append(str(number))
    return apps.post(name, str(number))


def _until_done(timeline: Timeline, figures: PushFigures, after: int, name: str) -> None:
    """The last of them, and the host sleeps again."""
    done = timeline.wait(GOT, app=name, content=figures.sent[name][-1], after=after, timeout_s=TIMEOUT_S)
    timeline.wait("SLEEP_ENTER", after=done.seq, timeout_s=TIMEOUT_S)
