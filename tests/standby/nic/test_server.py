"""The driver's end of the line to the system, beside a journal that cannot be written."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from rig.device.pattern import Pattern
from rig.standby.nic import journal
from rig.standby.nic.pass_through import PassThrough
from rig.standby.nic.server import LineToSystem, Server
from rig.standby.wire import nic
from rig.standby.wire.faults import Internal, RigFault
from rig.standby.wire.line import Line, Received, What, pair
from rig.standby.wire.message import Notice, decoded_answer
from tests.open_files import open_files

from .conftest import Parts
from .test_killed import Killed

Break = Callable[[Parts, pytest.MonkeyPatch], None]


class Said(list[Notice]):
    """By a driver: it goes over its line, too, as soon as that is there."""

    to_system: LineToSystem | None = None

    def append(self, notice: Notice) -> None:
        super().append(notice)
        if self.to_system is not None:
            self.to_system.tell(notice)

    def goes_to(self, to_system: LineToSystem) -> None:
        for notice in self:
            to_system.tell(notice)
        self.to_system = to_system


class Served:
    """The driver of `parts` behind a line; `line` is the system's end."""

    def __init__(self, parts: Parts, stack: ExitStack) -> None:
        ours, theirs = pair()
        stack.callback(ours.close)
        stack.callback(theirs.close)
        self.line: Line[Any] = Line(ours, nic.FromDriver)
        self.line.sock.setblocking(False)
        self.heard: list[Notice] = []
        """Notices that came before an answer."""
        self._parts = parts
        self._end: Line[nic.ToDriver] = Line(theirs, nic.ToDriver)
        self._watch()
        stack.callback(lambda: parts.loop.unwatch(theirs.fileno()))

    def _watch(self) -> None:
        parts = self._parts
        passing = PassThrough(parts.link, parts.loop, lambda *_: None)
        self.to_system = LineToSystem(self._end, parts.loop)
        server = Server(self._end, self.to_system, parts.driver, passing, dict, parts.timeline, parts.loop)
        parts.loop.watch(self._end.fileno(), server.readable)

    def start_driver_anew(self, *, adopting: bool = True) -> None:
        """It serves the line from then on, and what it says goes over it. `adopting`: it is given its descriptors."""
        self._parts.notices = said = Said()
        if adopting:
            self._parts.start_driver_anew()
        else:
            self._parts.replace_driver()
        self._watch()
        said.goes_to(self.to_system)

    def answer(self) -> Received[Any]:
        answers: list[Received[Any]] = []

        def heard() -> bool:
            try:
                received = self.line.receive()
            except BlockingIOError:
                return False
            assert received is not None
            if received.what is What.NOTICE:
                self.heard.append(received.body)
            else:
                answers.append(received)
            return bool(answers)

        self._parts.until(heard, "no answer", timeout_s=5)
        return answers[0]


@pytest.fixture
def served(parts: Parts) -> Iterator[Served]:
    with ExitStack() as stack:
        yield Served(parts, stack)


def test_patterns_come_and_go_over_the_line(parts: Parts, served: Served) -> None:
    served.line.send_call(1, nic.AddPattern("other", {"app": "a"}, Pattern.udp(0, 7001), (7, 8)))
    assert served.answer().what is What.RESULT
    served.line.send_call(2, nic.GetHeld())
    held = decoded_answer(nic.GetHeld(), served.answer().body)
    assert held == nic.Held(False, parts.driver.held().slots, ["door", "other"])
    note = journal.Journal(parts.journal_fd).last()
    assert note is not None
    assert [(pattern.key, pattern.resume) for pattern in note.patterns] == [("door", ()), ("other", (7, 8))]
    served.line.send_call(3, nic.RemovePattern("other"))
    assert served.answer().what is What.RESULT
    assert [pattern.port for pattern in parts.client.patterns()] == [7000]


def no_room(_parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "PLACE_BYTES", 64)


def refused_by_the_kernel(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts.driver.notes._journal, "_fd", -1)


@pytest.mark.parametrize("breaks", [no_room, refused_by_the_kernel])
def test_the_host_wakes_and_a_connection_can_go_though_nothing_can_be_noted(
    parts: Parts, served: Served, monkeypatch: pytest.MonkeyPatch, breaks: Break
) -> None:
    parts.fall_asleep()
    with monkeypatch.context() as broken:
        breaks(parts, broken)
        served.line.send_call(1, nic.Wake("user"))
        assert served.answer().what is What.RESULT
        parts.assert_whole(1)
        served.line.send_call(2, nic.GiveBack("one"))
        assert served.answer().what is What.RESULT
        assert parts.client.slots() == ()
    parts.until(lambda: parts.driver.idle, "what could not be noted is not made up for")
    assert parts.notices[-1] == nic.Settled()
    note = journal.Journal(parts.journal_fd).last()
    assert note is not None
    assert not note.connections


@pytest.mark.parametrize("breaks", [no_room, refused_by_the_kernel])
def test_a_push_wakes_the_host_though_nothing_can_be_noted(
    parts: Parts, served: Served, monkeypatch: pytest.MonkeyPatch, breaks: Break
) -> None:
    parts.fall_asleep()
    with monkeypatch.context() as broken:
        breaks(parts, broken)
        parts.server.push(b"news")
        assert parts.read(4) == b"news"
        parts.assert_whole(1)
    parts.until(lambda: parts.driver.idle, "what could not be noted is not made up for")
    parts.fall_asleep()
    parts.wake_by_data(b"more")


@pytest.mark.parametrize(("breaks", "words"), [(no_room, "no room"), (refused_by_the_kernel, "Bad file descriptor")])
def test_a_call_that_cannot_be_noted_is_answered_and_the_next_is_served(
    parts: Parts, served: Served, monkeypatch: pytest.MonkeyPatch, breaks: Break, words: str
) -> None:
    """And its descriptor is closed, and no driver after this one does it."""
    open_before = open_files()
    with monkeypatch.context() as broken:
        breaks(parts, broken)
        served.line.send_call(1, nic.Reserve("two", {}, 15), [parts.sock.fileno()])
        answer = served.answer()
    assert (answer.what, answer.number) == (What.FAULT, 1)
    assert isinstance(answer.body, Internal)
    assert words in answer.body.text
    assert len(parts.timeline.find("SERVICE_FAULT")) == 1
    assert open_files() == open_before
    served.line.send_call(2, nic.GetPayloadState("one"))
    answer = served.answer()
    assert (answer.what, answer.number) == (What.RESULT, 2)
    assert not parts.errors
    note = journal.Journal(parts.journal_fd).last()
    assert note is not None
    assert not note.calls


def test_an_entry_that_was_said_before_the_host_woke_is_refused(parts: Parts, served: Served) -> None:
    """Whatever came with the wake may keep the host awake now, and nobody would wake it again for that. A driver that was started
    anew may say once more that the host is awake, while the system's next entry waits for it: killed between any two steps."""
    parts.fall_asleep()
    parts.inject.passed.clear()
    parts.wake_by_data(b"control")
    said_again = set[bool]()
    for number, point in enumerate(dict.fromkeys(parts.inject.passed)):
        parts.fall_asleep()
        parts.inject.arm(point, Killed)
        parts.server.push(b"news")
        with pytest.raises(Killed):
            parts.until(lambda: parts.driver.idle and parts.inject.struck, f"nothing passed {point}")
        said_ns = time.monotonic_ns()  # the system has heard all that the first one has said
        served.line.send_call(3 * number + 1, nic.Enter(["one"], 0, said_ns))
        served.start_driver_anew()
        answer = served.answer()
        told_ns = [notice.told_ns for notice in served.heard if isinstance(notice, nic.Woke) and notice.told_ns > said_ns]
        said_again.add(bool(told_ns))
        assert parts.read(4) == b"news"
        parts.until(lambda: parts.driver.idle, "the driver is not idle")
        if told_ns:
            assert isinstance(answer.body, RigFault), (point, answer)
            assert answer.body.code == "RIG-R26"
        else:
            assert isinstance(decoded_answer(nic.Enter([], 0), answer.body), nic.NotIdle), point
        served.line.send_call(3 * number + 2, nic.GetHeld())
        assert decoded_answer(nic.GetHeld(), served.answer().body).woke_ns == max(told_ns, default=0), point
        served.line.send_call(3 * number + 3, nic.Enter(["one"], 0, max(told_ns, default=said_ns)))
        assert isinstance(decoded_answer(nic.Enter([], 0), served.answer().body), nic.Entered), point
        parts.wake_by_data(b"after %d" % number)
        served.heard.clear()
    assert said_again == {True, False}


def test_what_a_dead_system_asked_of_a_dead_driver_is_not_done_behind_the_next_ones_back(parts: Parts, served: Served) -> None:
    """It was told what is held, and that the host is awake."""
    parts.driver.notes.write()
    open_before = open_files()
    served.line.send_call(1, nic.Enter(["one"], 0))
    served.line.send_call(2, nic.AddPattern("other", {"app": "a"}, Pattern.udp(0, 7001), ()))
    served.line.send_call(3, nic.Reserve("two", {"app": "a"}, 15), [parts.sock.fileno()])
    served.start_driver_anew(adopting=False)
    served.line.send_call(1 << 32, nic.GetHeld())
    answers = [served.answer() for _ in range(4)]
    assert [(answer.number, answer.what) for answer in answers[:3]] == [(number, What.FAULT) for number in (1, 2, 3)]
    held = decoded_answer(nic.GetHeld(), answers[3].body)
    assert (held.asleep, list(held.slots), held.patterns) == (False, ["one"], ["door"])
    served.line.send_call(1 << 32 | 1, nic.Adopt("one"), [parts.sock.fileno()])
    assert served.answer().what is What.RESULT
    parts.until(lambda: parts.driver.idle, "the driver is not idle")
    assert parts.driver.held() == held
    assert not parts.timeline.find("SLEEP_ENTER")
    assert open_files() == open_before
    parts.assert_whole(1)
