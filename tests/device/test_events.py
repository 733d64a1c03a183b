"""The event stream: in order, exactly once, whatever the line does."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from rig.clock import WAIT_S, Deadline
from rig.device import events

if TYPE_CHECKING:
    from rig.device.link import Link
    from tests.device.fake_server import FakeServer, Request


class FakeEvents:
    """The device's side of the standing request: a queue, freed by `after`."""

    def __init__(self, server: FakeServer) -> None:
        self.server = server
        self.queue: list[int] = []
        self.boot_id = 7
        self.waiting: Request | None = None
        server.handlers[(0, 100, 0x01)] = lambda body: {"boot_id": self.boot_id}
        server.handlers[(0, 100, 0x40)] = self._wait

    def _wait(self, body: dict[str, Any]) -> dict[str, Any] | None:
        self.waiting = self.server.requests[-1]
        self.queue = [n for n in self.queue if n > body["after"]]
        if not self.queue:
            return None
        self.waiting = None
        return {"event": [self.queue[0]]}

    def happen(self, n: int, fault: str = "") -> None:
        self.queue.append(n)
        first = self.queue[0]
        request, self.waiting = self.waiting, None
        if request is not None and fault != "lost":
            for _ in range(2 if fault == "double" else 1):
                self.server.reply(request, {"event": [first]})


@pytest.fixture
def device(server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeEvents]:
    monkeypatch.setattr(events, "SILENCE_S", 0.1)
    return FakeEvents(server)  # type: ignore[return-value]


def until(condition: Any) -> None:
    deadline = Deadline(WAIT_S)
    while not condition():
        assert not deadline.expired
        time.sleep(0.001)


@pytest.mark.parametrize("fault", ["", "lost", "double"])
def test_events_come_in_order_and_once(device: FakeEvents, link: Link, fault: str) -> None:
    got: list[int] = []
    link.start_events(lambda event: got.append(event[0]))
    for n in range(1, 6):
        until(lambda: device.waiting is not None)
        device.happen(n, fault)
        until(lambda n=n: got and got[-1] == n)
    assert got == [1, 2, 3, 4, 5]


def test_events_of_before_the_stream_are_delivered(device: FakeEvents, link: Link) -> None:
    got: list[int] = []
    device.queue = [1, 2, 3]
    link.start_events(lambda event: got.append(event[0]))
    until(lambda: len(got) == 3)
    until(lambda: device.queue == [])
    assert got == [1, 2, 3]


def test_a_restart_of_the_device_is_told_and_numbers_begin_again(device: FakeEvents, link: Link) -> None:
    got: list[int] = []
    restarts: list[int] = []
    device.queue = [41]
    link.start_events(lambda event: got.append(event[0]), restarts.append)
    until(lambda: got == [41] and device.waiting is not None)
    device.boot_id, device.queue, device.waiting = 8, [1], None
    until(lambda: got == [41, 1])
    assert restarts == [8]


def test_a_hello_of_another_thread_tells_of_a_restart(device: FakeEvents, link: Link, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "SILENCE_S", 30)
    got: list[int] = []
    link.start_events(lambda event: got.append(event[0]))
    until(lambda: device.waiting is not None)
    device.boot_id, device.queue, device.waiting = 8, [1], None
    link.request(0, 100, 1, {})
    until(lambda: got == [1])


def test_requests_are_served_while_the_wait_stands(device: FakeEvents, link: Link) -> None:
    link.start_events(lambda event: None)
    for number in range(600):
        assert link.request(2, 0, 0, {"d": str(number)})["r"] == str(number)
    assert len({request.seq for request in device.server.asked(100, 0x40)}) == 1
    assert {r.seq for r in device.server.asked(0, 0)}.isdisjoint({r.seq for r in device.server.asked(100, 0x40)})


def test_a_stopped_stream_leaves_events_on_the_device(device: FakeEvents, link: Link) -> None:
    got: list[int] = []
    link.start_events(lambda event: got.append(event[0]))
    until(lambda: device.waiting is not None)
    link.stop_events()
    device.happen(1)
    assert link.request(2, 0, 0, {"d": ""})["r"] == ""
    assert got == []
    assert device.queue == [1]
    link.start_events(lambda event: got.append(event[0]))
    until(lambda: got == [1])


@pytest.mark.parametrize("row", [[], ["1"], [None, 1], [float("inf")]], ids=repr)
def test_an_event_without_a_number_ends_no_link(device: FakeEvents, link: Link, row: list[Any]) -> None:
    """It is handed on for what it is, confirms nothing, and the next one comes."""
    seen: list[list[Any]] = []
    link.start_events(seen.append)
    until(lambda: device.waiting is not None)
    assert device.waiting is not None
    device.server.reply(device.waiting, {"event": row})
    until(lambda: seen)
    device.happen(1)
    until(lambda: [1] in seen)
    assert (seen, link.stats.events) == ([row, [1]], 1)
