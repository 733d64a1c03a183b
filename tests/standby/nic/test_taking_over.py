"""A driver that was started anew, and its system, which may be another one, too: whoever was killed, and however late the device
answers, they agree on whether the host sleeps, and what they hold. Else one of them waits for what never comes."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import pytest

from rig.device.pattern import Pattern
from rig.errors import DeviceError
from rig.standby.nic import journal
from rig.standby.wire import nic
from rig.standby.wire.faults import RigFault
from rig.standby.wire.line import Received, What
from rig.standby.wire.message import decoded_answer
from tests.open_files import open_files

from .conftest import FAULTS, Parts, Point
from .served import Served, now_ns
from .test_killed import Killed

NEXT_SYSTEM = 1 << 32
"""Its first call."""
ENTER = nic.Enter(["one"], 0)
silent_at_first = pytest.mark.parametrize("silent", [False, True], ids=["the device answers", "the device is silent at first"])


def enter(keys: list[str]) -> nic.Enter:
    """By a system that has heard all that was said before."""
    return nic.Enter(keys, 0, now_ns())


def killed_at(parts: Parts, point: Point) -> None:
    """In the wake that begins now."""
    parts.inject.arm(point, Killed)
    with pytest.raises(Killed):
        parts.until(lambda: parts.driver.idle and parts.inject.struck, f"nothing passed {point}")


def agreed(parts: Parts, served: Served, *, asleep: bool) -> None:
    """After all that can still be said: what the system takes the host for is what it does."""
    parts.until(lambda: parts.driver.asleep or parts.driver.idle, "it does not come to rest")
    assert parts.driver.asleep is asleep
    assert parts.gate.is_open is not asleep
    assert not parts.timeline.find("SERVICE_FAULT")


def refused_as_woken(answer: Received[object]) -> bool:
    return isinstance(answer.body, RigFault) and answer.body.code == "RIG-R26"


# -- an entry ----------------------------------------------------------------------------------------------------------


def test_an_entry_that_was_asked_for_before_the_host_woke_is_refused(parts: Parts, served: Served) -> None:
    """Whatever came with the wake may keep the host awake now, and nobody would wake it again for that. The next driver says once
    more that the host is awake where it cannot know: while the system's next entry waits for it."""
    parts.fall_asleep()
    parts.inject.passed.clear()
    parts.wake_by_data(b"control")
    said_again = set[bool]()
    for number, point in enumerate(dict.fromkeys(parts.inject.passed)):
        parts.fall_asleep()
        parts.server.push(b"news")
        killed_at(parts, point)
        served.heard.clear()
        asked = enter(["one"])
        served.line.send_call(3 * number + 1, asked)
        served.start_driver_anew()
        answer = served.answer()
        told_ns = [woke.told_ns for woke in served.woke() if woke.told_ns > asked.woke_told_ns]  # by the second one
        said_again.add(bool(told_ns))
        assert parts.read(4) == b"news"
        parts.until(lambda: parts.driver.idle, "the driver is not idle")
        if told_ns:
            assert refused_as_woken(answer), (point, answer)
        else:
            assert isinstance(decoded_answer(ENTER, answer.body), nic.NotIdle), point
        known_ns = max(told_ns, default=asked.woke_told_ns)
        held_ns = served.result(nic.GetHeld(), 3 * number + 2).woke_told_ns
        assert held_ns == known_ns if told_ns else held_ns <= known_ns, point
        assert isinstance(served.result(nic.Enter(["one"], 0, known_ns), 3 * number + 3), nic.Entered), point
        parts.wake_by_data(b"after %d" % number)
    assert said_again == {True, False}


def test_also_where_the_driver_learns_of_the_wake_only_then(parts: Parts, served: Served) -> None:
    """Its device did not answer at first: what the driver before has left is done for the entry, and tells of the wake."""
    parts.fall_asleep()
    parts.server.push(b"news")
    killed_at(parts, ("tell", "after"))
    assert parts.sock.recv(4) == b"news"
    with device_silent(parts):
        served.start_driver_anew()
    served.line.send_call(1, enter(["one"]))
    assert refused_as_woken(served.answer())
    assert len(served.woke()) == 1
    agreed(parts, served, asleep=False)
    parts.assert_whole(1)


@silent_at_first
def test_one_that_the_driver_before_had_done_is_done(parts: Parts, served: Served, silent: bool) -> None:
    """It died before it said so."""
    parts.inject.arm(("commit", "after"), Killed)
    asked = enter(["one"])
    parts.driver.notes.owes(1, asked)
    with pytest.raises(Killed):
        parts.fall_asleep()
    served.start_driver_anew(adopting=False)
    if silent:
        parts.inject.arm(("HELLO", "before"), FAULTS["the device is silent"])
    served.line.send_call(2, nic.Adopt("one"), [parts.sock.fileno()])
    answers = {answer.number: answer for answer in (served.answer(), served.answer())}
    assert isinstance(decoded_answer(asked, answers[1].body), nic.Entered)
    agreed(parts, served, asleep=True)
    parts.wake_by_data(b"in its sleep")


def test_of_one_whose_device_cannot_be_asked_nobody_sleeps(parts: Parts, served: Served) -> None:
    """The entry before it was done, and its system hears that it has failed: that system takes the host for awake."""
    parts.inject.arm(("commit", "after"), Killed)
    parts.driver.notes.owes(1, enter(["one"]))
    with pytest.raises(Killed):
        parts.fall_asleep()
    with device_silent(parts):
        parts.start_driver_anew()
        served.serve()
        assert served.answer().what is What.FAULT
    served.until_woke()
    agreed(parts, served, asleep=False)
    parts.assert_whole(1)


@contextmanager
def device_silent(parts: Parts) -> Iterator[None]:
    parts.inject.for_ever = FAULTS["the device is silent"]
    yield
    parts.inject.for_ever = None


def test_one_that_may_have_been_answered_is_not_done_again(parts: Parts, served: Served) -> None:
    """The driver before died between the answer and the note of it: the system goes by the answer."""
    parts.driver.notes.owes(1, enter(["one"]))
    parts.server.push(b"unread")
    parts.until(lambda: isinstance(parts.driver.enter(["one"], 0), nic.NotIdle), "nothing is unread")
    assert parts.sock.recv(6) == b"unread"
    served.start_driver_anew(adopting=False)
    served.line.send_call(2, nic.Adopt("one"), [parts.sock.fileno()])
    answers = {answer.number: answer for answer in (served.answer(), served.answer())}
    assert refused_as_woken(answers[1])
    agreed(parts, served, asleep=False)


def test_of_one_that_failed_no_wake_is_told(parts: Parts, served: Served) -> None:
    """The system has heard that it did."""
    parts.inject.arm(("commit", "before"), FAULTS["the device refuses"])
    with pytest.raises(DeviceError):
        parts.fall_asleep()
    parts.driver.notes.write()
    served.start_driver_anew()
    assert not served.result(nic.GetHeld(), NEXT_SYSTEM).asleep
    agreed(parts, served, asleep=False)
    assert not any(isinstance(notice, nic.Woke) for notice in parts.notices)


def test_one_is_entered_that_finds_the_host_asleep(parts: Parts, served: Served) -> None:
    parts.fall_asleep()
    with device_silent(parts):
        served.start_driver_anew()
    assert isinstance(served.result(enter(["one"]), 1), nic.Entered)
    agreed(parts, served, asleep=True)
    parts.wake_by_data(b"in its sleep")


# -- a wake ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("owed", [False, True], ids=["by the device", "by the system"])
def test_a_wake_of_a_sleep_without_connections_is_told(parts: Parts, served: Served, owed: bool) -> None:
    """No socket's numbers are noted then. Killed between any two steps of it."""
    parts.driver.give_back("one")
    assert isinstance(parts.driver.enter([], 0), nic.Entered)
    parts.inject.passed.clear()
    parts.wake_by_knocking(b"control")
    for number, point in enumerate(dict.fromkeys(parts.inject.passed)):
        assert isinstance(parts.driver.enter([], 0), nic.Entered)
        parts.notices.clear()
        served.heard.clear()
        if owed:
            parts.driver.notes.owes(number + 1, nic.Wake("user"))
            parts.inject.arm(point, Killed)
            try:
                parts.driver.wake("user")
            except Killed:
                pass
        else:
            parts.knock(b"who is there")
            killed_at(parts, point)
        parts.inject.disarm()
        told = any(isinstance(notice, nic.Woke) for notice in parts.notices)
        served.start_driver_anew()
        parts.until(lambda: parts.driver.idle, "the driver is not idle")
        assert told or any(isinstance(notice, nic.Woke) for notice in parts.notices), point
        if owed:
            assert served.answer().number == number + 1
        parts.has_heard()
        assert parts.gate.is_open


@pytest.mark.parametrize("dies", [False, True], ids=["the system lives", "the system dies"])
@pytest.mark.parametrize("missed", ["nothing", "its first request", "all requests"])
def test_a_wake_that_waits_for_the_driver_wakes_the_host(parts: Parts, served: Served, dies: bool, missed: str) -> None:
    """Whoever asked for it: the user may be back. The answer may be that the device could not be asked yet."""
    parts.fall_asleep()
    served.start_driver_anew(adopting=False)
    served.line.send_call(1, nic.Wake("user"))
    if dies:
        assert served.result(nic.GetHeld(), NEXT_SYSTEM).asleep
    if missed == "its first request":
        parts.inject.arm(("HELLO", "before"), FAULTS["the device is silent"])
    with device_silent(parts) if missed == "all requests" else nullcontext():
        served.line.send_call(NEXT_SYSTEM + 1, nic.Adopt("one"), [parts.sock.fileno()])
        answers = {answer.number: answer.what for answer in (served.answer(), served.answer())}
    assert answers == {1: What.FAULT if missed == "all requests" else What.RESULT, NEXT_SYSTEM + 1: What.RESULT}
    served.until_woke()
    agreed(parts, served, asleep=False)
    parts.assert_whole(1)


def test_one_that_was_told_and_not_done_with_the_device_is_done(parts: Parts, served: Served) -> None:
    """The device had not heard of it and speaks on; the system has, and takes the host for awake."""
    parts.fall_asleep()
    parts.inject.arm(("HOST_AWAKE", "before"), FAULTS["the device is silent"])
    with device_silent(parts):
        parts.driver.wake("user")
    parts.driver.notes.write()
    assert any(isinstance(notice, nic.Woke) for notice in parts.notices)
    served.start_driver_anew()
    parts.until(lambda: parts.driver.idle, "the driver is not idle")
    parts.assert_whole(1)


# -- what is held ------------------------------------------------------------------------------------------------------


def test_a_system_that_asks_before_the_device_has_answered_takes_the_host_for_asleep(parts: Parts, served: Served) -> None:
    parts.fall_asleep()
    with device_silent(parts):
        served.start_driver_anew()
    assert served.result(nic.GetHeld(), NEXT_SYSTEM).asleep
    parts.until(lambda: parts.driver.asleep, "the driver has not taken over")
    agreed(parts, served, asleep=True)


def test_it_hears_that_the_host_is_awake_where_it_is(parts: Parts, served: Served) -> None:
    parts.fall_asleep()
    parts.server.push(b"news")
    killed_at(parts, ("tell", "after"))
    with device_silent(parts):
        served.start_driver_anew()
    assert served.result(nic.GetHeld(), NEXT_SYSTEM).asleep
    served.until_woke()
    agreed(parts, served, asleep=False)


def test_what_a_dead_system_asked_of_a_dead_driver_is_not_done_behind_the_next_ones_back(parts: Parts, served: Served) -> None:
    """It was told what is held, and that the host is awake."""
    parts.driver.notes.write()
    open_before = open_files()
    served.line.send_call(1, enter(["one"]))
    served.line.send_call(2, nic.AddPattern("other", {"app": "a"}, Pattern.udp(0, 7001), ()))
    served.line.send_call(3, nic.Reserve("two", {"app": "a"}, 15), [parts.sock.fileno()])
    served.start_driver_anew(adopting=False)
    served.line.send_call(NEXT_SYSTEM, nic.GetHeld())
    answers = [served.answer() for _ in range(4)]
    assert [(answer.number, answer.what) for answer in answers[:3]] == [(number, What.FAULT) for number in (1, 2, 3)]
    held = decoded_answer(nic.GetHeld(), answers[3].body)
    assert (held.asleep, list(held.slots), held.patterns) == (False, ["one"], ["door"])
    served.result(nic.Adopt("one"), NEXT_SYSTEM + 1, descriptor=parts.sock.fileno())
    parts.until(lambda: parts.driver.idle, "the driver is not idle")
    assert parts.driver.held() == held
    assert not parts.timeline.find("SLEEP_ENTER")
    assert open_files() == open_before
    parts.assert_whole(1)


def test_they_are_refused_though_nothing_can_be_noted(parts: Parts, served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the next system would wait for its first answer for ever."""
    parts.driver.notes.write()
    served.start_driver_anew(adopting=False)
    for number in (1, 2):
        served.line.send_call(number, nic.RemovePattern("other"))
    parts.until(lambda: {1, 2} <= parts.driver.notes._calls.keys(), "they were not taken")
    monkeypatch.setattr(journal.Journal, "write", disk_full)
    served.line.send_call(NEXT_SYSTEM, nic.GetHeld())
    assert [served.answer().number for _ in range(3)] == [1, 2, NEXT_SYSTEM]


def disk_full(*_arguments: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("again", [False, True])
def test_what_is_given_back_meanwhile_is_held_no_more(parts: Parts, served: Served, two: str, again: bool) -> None:
    """One of two connections; the host sleeps on. `again`: the next system says so, too, and of one that nobody has heard of."""
    parts.until(lambda: isinstance(parts.driver.enter(["one", two], 0), nic.Entered), "it is not idle")
    served.start_driver_anew(adopting=False)
    served.result(nic.GiveBack(two), 1)
    held = served.result(nic.GetHeld(), NEXT_SYSTEM)
    assert (held.asleep, list(held.slots)) == (True, ["one"])
    for number, key in enumerate((two, "unheard of") if again else (), NEXT_SYSTEM + 1):
        served.result(nic.GiveBack(key), number)
    served.result(nic.Adopt("one"), NEXT_SYSTEM + 3, descriptor=parts.sock.fileno())
    agreed(parts, served, asleep=True)
    assert len(parts.client.slots()) == 1
    parts.wake_by_data(b"for the other one")
