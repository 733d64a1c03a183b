"""Events and restarts of the device, among them those of one of another make."""

from __future__ import annotations

import os
import signal
import socket
from typing import Any

import pytest

from rig.device.numbers import (
    ARM_ALL,
    GROUP_OFFLOAD,
    NO_PATTERN,
    NO_SLOT,
    EventKind,
    Fault,
    OffloadRc,
    Power,
    StateMachine,
    WakeReason,
)
from rig.errors import BenchError, DeviceError
from rig.standby.nic import handoff
from rig.standby.wire.nic import DeviceRestarted, LeaseExpired, Lost, NotIdle, Reserve, Settled

from .conftest import FAULTS, Parts


def event(kind: int, reason: int, subreason: int = 0, epoch: int = 2**31) -> list[Any]:
    return [99, kind, NO_SLOT, 0, epoch, reason, subreason, 0, 0, NO_PATTERN, 1, 1, 0, 0, b""]


def test_a_fault_of_the_device_is_written_down_and_is_no_wake(parts: Parts) -> None:
    parts.fall_asleep()
    parts.driver.hear_event(event(EventKind.FAULT, StateMachine.POWER, Power.AWAKE << 8 | Power.WOKEN))
    told = parts.timeline.find("NIC_FAULT")[0].detail
    assert told == {"machine": "POWER", "state": Power.AWAKE, "refused": Power.WOKEN, "slot": NO_SLOT}
    assert parts.driver.asleep


def test_a_reason_that_nobody_knows_wakes_all_the_same(parts: Parts) -> None:
    parts.fall_asleep()
    parts.driver.hear_event(event(EventKind.WAKE, 0x4FFF))
    assert parts.woke()[0] == ("0x4fff", None, ())
    parts.wait_awake()
    parts.assert_whole(1)


def test_an_event_of_an_earlier_sleep_that_comes_late_wakes_nobody(parts: Parts) -> None:
    """Its frame would be taken for the one that wakes now, and that one would be lost until the peer repeats it."""
    parts.fall_asleep()
    parts.driver.hear_event(event(EventKind.WAKE, WakeReason.TCP_DATA, epoch=1))
    assert parts.driver.asleep
    parts.wake_by_data(b"in time")


@pytest.mark.parametrize("row", [[], event(9, 0), [1, "wake"]])
def test_what_is_no_event_is_said_and_nothing_else(parts: Parts, row: list[Any]) -> None:
    parts.fall_asleep()
    parts.driver.hear_event(row)
    assert "violates offload.cddl" in parts.timeline.find("NIC_VIOLATION")[0].error
    assert parts.driver.asleep
    parts.wake_by_data(b"as ever")


def test_a_device_that_restarts_and_is_silent_keeps_nobody_off_the_network(parts: Parts) -> None:
    """The host speaks for itself without asking it anything; when it answers again it gets everything anew."""
    parts.fall_asleep()
    parts.inject.for_ever = FAULTS["the device is silent"]
    parts.driver.anew.hear_restart(8)
    assert parts.gate.is_open
    assert parts.sock.getsockopt(socket.IPPROTO_TCP, handoff.TCP_REPAIR) == 0
    with pytest.raises(BenchError, match="RIG-B03"):
        parts.driver.enter(["one"], 0)
    parts.inject.for_ever = None
    parts.until(lambda: parts.driver.idle, "it is not attached anew")
    assert DeviceRestarted(8) in parts.notices
    parts.fall_asleep()
    parts.wake_by_data(b"as before")


def test_a_connection_that_a_restarted_device_would_not_have_again_is_lost(parts: Parts) -> None:
    """The host does not sleep with it, as nobody would keep it; its owner is told, and may connect again."""
    parts.inject.arm(("ADD_TCP_SLOT", "before"), FAULTS["the device refuses"])
    parts.driver.anew.hear_restart(8)
    parts.wait_awake()
    assert parts.notices == [DeviceRestarted(8), Lost("one"), Settled()]
    assert isinstance(outcome := parts.driver.enter(["one"], 0), NotIdle)
    assert (outcome.key, outcome.reason) == ("one", "the device has no slot for it")
    assert not parts.driver.asleep
    parts.assert_whole(1)
    parts.driver.give_back("one")
    parts.driver.reserve(Reserve("one", {"app": "a", "channel": "c"}, 1439), parts.sock.dup())
    parts.fall_asleep()
    parts.wake_by_data(b"in its new slot")


@pytest.mark.parametrize("fault", ["the device is silent", "the lease is over"])
def test_a_device_that_cannot_be_had_while_it_gets_all_anew_loses_nobody(parts: Parts, fault: str) -> None:
    over = DeviceError(GROUP_OFFLOAD, OffloadRc.RESUME_REQUIRED, OffloadRc.RESUME_REQUIRED.name, "a slot")
    parts.inject.arm(("ADD_TCP_SLOT", "before"), FAULTS.get(fault, lambda: over))
    parts.driver.anew.hear_restart(8)
    parts.until(lambda: parts.driver.idle, "it is not attached anew")
    assert set(parts.notices) <= {DeviceRestarted(8), LeaseExpired(), Settled()}
    parts.fall_asleep()
    parts.wake_by_data(b"as before")


def test_a_device_that_hangs_at_entry_keeps_nobody_off_the_network(parts: Parts) -> None:
    """Its process is stopped in the middle, for as long as an entry is patient."""
    parts.inject.arm(("freeze", "after"), lambda: os.kill(parts.device_process.pid, signal.SIGSTOP) or OSError("no fault"))  # type: ignore[func-returns-value]
    with pytest.raises(BenchError):
        parts.fall_asleep()
    assert parts.gate.is_open
    assert parts.sock.getsockopt(socket.IPPROTO_TCP, handoff.TCP_REPAIR) == 0
    os.kill(parts.device_process.pid, signal.SIGCONT)
    parts.until(lambda: parts.driver.idle, "the device is not idle")
    parts.assert_whole(1)
    parts.fall_asleep()
    parts.wake_by_data(b"and on")


def test_a_lost_reply_to_commit_is_a_sleep_all_the_same(parts: Parts) -> None:
    """The device has taken over: the host asks, and sleeps on."""
    parts.inject.arm(("COMMIT", "after"), FAULTS["the device is silent"])
    parts.fall_asleep()
    parts.wake_by_data(b"well kept")


def test_a_slot_that_the_device_would_not_free_is_freed_later(parts: Parts) -> None:
    parts.inject.arm(("REMOVE_TCP_SLOT", "before"), FAULTS["the device refuses"])
    parts.driver.give_back("one")
    assert len(parts.client.slots()) == 1
    parts.driver.enter([], 0)
    assert parts.client.slots() == ()


def test_replies_lost_on_the_line_are_asked_for_again(parts: Parts) -> None:
    parts.client.fault_inject(Fault.DROP_REPLY, 3)
    parts.fall_asleep()
    parts.wake_by_data(b"slow and sure")


def test_a_device_that_is_not_where_its_driver_takes_it_to_be_is_put_there_before_the_next_sleep(parts: Parts) -> None:
    """As one whose driver was killed: the first thing that it is asked for is what it answers for the host, and it refuses."""
    epoch = parts.client.prepare(epoch=parts.client.status().epoch, arm=ARM_ALL, mac=bytes(6)).epoch
    parts.client.commit(epoch)
    parts.driver._offloads.forget()
    parts.fall_asleep()
    parts.wake_by_data(b"and it wakes the host")
