"""Two faults at once: a driver dies, and the device answers late, or the next driver dies as well. In the end system and driver
agree on whether the host sleeps: each goes by what it has heard, and neither asks the other again."""

from __future__ import annotations

import socket
import time
from typing import Any

import pytest

from rig.device.pattern import Pattern
from rig.device.tcp_slot import SlotRef
from rig.errors import BenchError
from rig.peers import PushServer
from rig.standby.wire import nic
from rig.standby.wire.line import What
from rig.standby.wire.message import Call, decoded_answer

from .conftest import FAULTS, Parts
from .served import Served
from .test_killed import Killed
from .test_taking_over import NEXT_SYSTEM, device_silent, enter, killed_at

SILENT = FAULTS["the device is silent"]


class SystemSide:
    """What SleepCycle makes of what it reads, in order. It has an entry under way, or sleeps."""

    def __init__(self, parts: Parts, served: Served, *, entry: int | None = None) -> None:
        self._parts = parts
        self._served = served
        self._entry = entry
        self.asleep = entry is None
        self.answers: dict[int, What] = {}

    def read(self) -> None:
        """All that there is."""
        while (received := self._served.receive()) is not None:
            if received.what is What.NOTICE:
                if isinstance(received.body, nic.Woke):
                    self.asleep, self._entry = False, None
                continue
            self.answers[received.number] = received.what
            if received.number == self._entry and received.what is What.RESULT:
                self.asleep = isinstance(decoded_answer(enter([]), received.body), nic.Entered)

    def agrees(self) -> None:
        """When nothing more is to be done by either."""
        parts, rests_since_s = self._parts, time.monotonic()

        def at_rest() -> bool:
            nonlocal rests_since_s
            self.read()
            if not (parts.driver.asleep or parts.driver.idle):
                rests_since_s = time.monotonic()
            return time.monotonic() - rests_since_s > 0.1

        parts.until(at_rest, "the driver does not come to rest")
        assert self.asleep is parts.driver.asleep
        assert parts.gate.is_open is not parts.driver.asleep
        assert not parts.timeline.find("SERVICE_FAULT")


def killed_in_entry(parts: Parts, number: int) -> None:
    """The device speaks for the host, and nobody has said so."""
    parts.inject.arm(("commit", "after"), Killed)
    parts.driver.notes.owes(number, enter(["one"]))
    with pytest.raises(Killed):
        parts.fall_asleep()


def silent_from_commit_on(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    """The device takes over, and says nothing more."""
    device = parts.driver._standby.device
    commit = device.commit

    def committed(epoch: int) -> object:
        commit(epoch)
        parts.inject.for_ever = SILENT
        raise SILENT()

    monkeypatch.setattr(device, "commit", committed)


def test_a_wake_that_was_asked_for_in_vain_is_not_forgotten_with_the_driver(parts: Parts, served: Served) -> None:
    parts.fall_asleep()
    parts.driver.notes.owes(2, nic.Wake("user"))
    system = SystemSide(parts, served)
    with device_silent(parts):
        parts.start_driver_anew()
        served.serve()
        system.read()
    assert system.answers == {2: What.FAULT}
    served.start_driver_anew()
    system.agrees()
    assert not system.asleep


def test_nor_is_an_entry_that_was_refused_in_vain(parts: Parts, served: Served) -> None:
    """The system takes the host for awake."""
    killed_in_entry(parts, 1)
    system = SystemSide(parts, served, entry=1)
    with device_silent(parts):
        parts.start_driver_anew()
        served.serve()
        system.read()
    assert system.answers == {1: What.FAULT}
    served.start_driver_anew()
    system.agrees()


def test_what_was_given_back_to_a_driver_that_died_is_not_waited_for_by_the_next(parts: Parts, served: Served, two: str) -> None:
    served.start_driver_anew(adopting=False)
    served.result(nic.GiveBack(two), 1)
    served.start_driver_anew(adopting=False)
    served.result(nic.Adopt("one"), 2, descriptor=parts.sock.fileno())
    assert not parts.driver.adopting
    parts.until(lambda: parts.driver.idle, "the driver is not idle")
    assert len(parts.client.slots()) == 1


@pytest.mark.parametrize("begun", ["a wake", "an entry"])
def test_an_entry_behind_one_that_the_device_has_not_heard_the_end_of(
    parts: Parts, served: Served, monkeypatch: pytest.MonkeyPatch, begun: str
) -> None:
    """The system knew that the host was awake, the device did not: asleep for a moment, the host is woken, and that is told."""
    if begun == "a wake":
        parts.fall_asleep()
        with device_silent(parts):
            parts.driver.wake("user")
    else:
        silent_from_commit_on(parts, monkeypatch)
        with pytest.raises(BenchError):
            parts.fall_asleep()
        parts.inject.for_ever = None
    parts.driver.notes.write()  # as any call does
    system = SystemSide(parts, served, entry=1)
    served.line.send_call(1, enter(["one"]))
    served.start_driver_anew(adopting=False)
    parts.until(lambda: 1 in parts.driver.notes._calls, "it was not taken")
    served.line.send_call(2, nic.Adopt("one"), [parts.sock.fileno()])
    system.agrees()
    assert not system.asleep


def test_what_is_held_is_said_of_such_a_host_too(parts: Parts, served: Served) -> None:
    parts.driver.give_back("one")
    assert isinstance(parts.driver.enter([], 0), nic.Entered)
    with device_silent(parts):
        parts.driver.wake("user")
        parts.driver.notes.owes(NEXT_SYSTEM, nic.GetHeld())
    served.start_driver_anew()
    held = decoded_answer(nic.GetHeld(), served.answer().body)
    parts.until(lambda: parts.driver.idle, "the driver is not idle")
    if held.asleep:
        served.until_woke()


def test_a_slot_that_the_device_does_not_take_back_keeps_no_entry_from_being_answered(
    parts: Parts, served: Served, monkeypatch: pytest.MonkeyPatch, two: str
) -> None:
    """The entry was done, and what is left can wait."""
    parts.driver.notes.owes(1, enter(["one", two]))
    parts.until(lambda: isinstance(parts.driver.enter(["one", two], 0), nic.Entered), "it is not idle")
    system = SystemSide(parts, served, entry=1)
    served.start_driver_anew(adopting=False)
    served.line.send_call(2, nic.GiveBack(two))
    parts.until(lambda: not {"one", two} <= set(parts.driver.held().slots), "it was not given back")
    device, refused = parts.driver._standby.device, list[SlotRef]()
    remove = device.remove_tcp_slot

    def removed_late(slot: SlotRef) -> None:
        if len(refused) < 2:
            refused.append(slot)
            raise SILENT()
        remove(slot)

    monkeypatch.setattr(device, "remove_tcp_slot", removed_late)
    parts.inject.arm(("HELLO", "before"), SILENT)
    served.line.send_call(4, nic.Adopt("one"), [parts.sock.fileno()])
    system.agrees()
    assert len(refused) == 2
    assert system.asleep


def test_a_driver_knows_of_the_wake_that_the_one_before_has_told(parts: Parts, served: Served) -> None:
    """An entry waits for the third driver that was asked for before the second one told of the wake."""
    parts.fall_asleep()
    parts.server.push(b"news")
    killed_at(parts, ("tell", "after"))
    assert parts.sock.recv(4) == b"news"
    system = SystemSide(parts, served, entry=1)
    served.line.send_call(2, nic.AddPattern("other", {"app": "a"}, Pattern.udp(0, 7001), ()))
    served.line.send_call(1, enter(["one"]))
    parts.start_driver_anew()
    served.serve()
    killed_at(parts, ("ADD_PATTERN", "before"))
    served.start_driver_anew()
    system.agrees()
    assert not system.asleep


def test_an_event_that_is_heard_before_the_driver_has_taken_over_wakes_the_host(
    parts: Parts, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The device does not say it again; a call of the system's has the driver take over in the same moment."""
    parts.fall_asleep()
    served.start_driver_anew(adopting=False)
    parts.server.push(b"news")
    parts.until(lambda: bool(parts.client.status().events_pending), "the device has no event")
    parts.inject.arm(("STATUS", "before"), SILENT)
    hear, heard = parts.driver.hear_event, list[bool]()

    def heard_then_called(row: list[object]) -> None:
        heard.append(True)
        hear(row)
        parts.driver.remove_pattern("other")

    monkeypatch.setattr(parts.driver, "hear_event", heard_then_called)
    served.line.send_call(2, nic.Adopt("one"), [parts.sock.fileno()])
    assert parts.read(4) == b"news"
    assert heard
    served.until_woke()


def test_an_entry_that_failed_half_way_is_over_for_the_next_driver_too(
    parts: Parts, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The device took over, its answer was lost; the driver dies between what it says of that and the note of it."""
    silent_from_commit_on(parts, monkeypatch)

    def answered(_number: int) -> None:
        raise Killed

    monkeypatch.setattr(parts.driver.notes, "answered", answered)
    system = SystemSide(parts, served, entry=1)
    served.line.send_call(1, enter(["one"]))
    with pytest.raises(Killed):
        parts.until(lambda: False, "nothing was answered")
    parts.inject.for_ever = None
    served.start_driver_anew()
    system.agrees()
    assert not system.asleep


def test_a_slot_whose_reply_is_lost_is_freed(parts: Parts, two: str) -> None:
    parts.driver.give_back(two)
    with socket.create_connection((parts.sock.getpeername()), 5) as other:
        parts.inject.arm(("ADD_TCP_SLOT", "after"), SILENT)
        with pytest.raises(BenchError, match="RIG-B03"):
            parts.driver.reserve(nic.Reserve("three", {"app": "b"}, 1439), other.dup())
    assert len(parts.client.slots()) == 2
    parts.driver.be_ready()
    assert len(parts.client.slots()) == 1


def test_also_where_its_driver_died_and_the_host_sleeps(parts: Parts, served: Served, second: PushServer) -> None:
    parts.inject.arm(("ADD_TCP_SLOT", "after"), Killed)
    with socket.create_connection((second.address, second.port), 5) as other, pytest.raises(Killed):
        parts.driver.reserve(nic.Reserve("three", {"app": "b"}, 1439), other.dup())
    parts.fall_asleep()
    assert len(parts.client.slots()) == 2
    served.start_driver_anew()
    assert parts.driver.asleep
    assert len(parts.client.slots()) == 1


def test_a_connection_that_no_driver_knows_keeps_nobody_awake(parts: Parts, served: Served) -> None:
    """The driver that took it died before it had noted it, and after it had said so: its owner is told that it is of no use."""
    calls: list[Call[Any]] = [enter(["one", "unheard of"]), nic.Update("unheard of", 15, None, ())]
    for number, call in enumerate(calls, 1):
        served.line.send_call(number, call)
        assert served.answer().what is What.FAULT
        assert parts.notices[-1] == nic.Lost("unheard of")
    assert isinstance(served.result(enter(["one"]), 3), nic.Entered)
