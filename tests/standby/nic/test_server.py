"""The driver's end of the line to the system, beside a journal that cannot be written."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rig.device.pattern import Pattern
from rig.standby.nic import journal
from rig.standby.wire import nic
from rig.standby.wire.faults import Internal
from rig.standby.wire.line import What
from rig.standby.wire.message import decoded_answer
from tests.open_files import open_files

from .conftest import Parts
from .served import Served

Break = Callable[[Parts, pytest.MonkeyPatch], None]


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
