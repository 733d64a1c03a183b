"""Patterns that the driver holds: whom a wake continues, and that the device has each of them exactly once."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator

import pytest

from rig.device.pattern import Pattern
from rig.errors import BenchError, DeviceError
from rig.standby.nic.patterns import FIRST_ID
from rig.standby.wire.nic import AddPattern, DeviceRestarted, Lost, Settled

from .conftest import DOOR, DOORMAN, FAULTS, Parts
from .test_killed import Killed, points_of

OTHER = Pattern.udp(0, 7001)


def numbers(parts: Parts) -> list[int]:
    return [pattern.id for pattern in parts.client.patterns()]


@pytest.fixture
def stopped() -> Iterator[int]:
    """A process that is."""
    process = subprocess.Popen(["sleep", "inf"])
    process.send_signal(signal.SIGSTOP)
    assert os.WIFSTOPPED(os.waitpid(process.pid, os.WUNTRACED)[1])
    yield process.pid
    process.kill()
    process.wait()


def test_a_frame_that_matches_wakes_the_host_and_continues_those_that_its_pattern_names(parts: Parts, stopped: int) -> None:
    parts.inject.passed.clear()
    parts.driver.add_pattern(AddPattern("door", DOORMAN, DOOR, (stopped,)))
    assert parts.inject.passed == [], "whom it continues the device need not know"
    parts.fall_asleep()
    parts.wake_by_knocking(b"knock")
    assert ("PACKET", "door", (stopped,)) in parts.woke()
    assert os.WIFCONTINUED(os.waitpid(stopped, os.WCONTINUED)[1])
    wake, resume = parts.timeline.find("NIC_WAKE")[-1], parts.timeline.find("APP_RESUME")[-1]
    assert (wake.app, wake.pattern_id) == ("doorman", FIRST_ID)
    assert resume.app == "doorman"
    parts.assert_whole(1)


def test_one_that_is_removed_wakes_nobody_and_another_one_under_its_key_takes_its_place(parts: Parts) -> None:
    parts.driver.add_pattern(AddPattern("door", DOORMAN, OTHER))
    assert [pattern.port for pattern in parts.client.patterns()] == [7001]
    parts.driver.remove_pattern("door")
    parts.driver.remove_pattern("door")
    assert numbers(parts) == []
    added, removed = parts.timeline.find("NIC_PATTERN_ADD", app="doorman"), parts.timeline.find("NIC_PATTERN_DEL", app="doorman")
    assert [record.pattern_id for record in added] == [record.pattern_id for record in removed]
    parts.fall_asleep()
    parts.knock(b"nobody")
    parts.wake_by_data(b"data do")
    assert "PACKET" not in [wake.reason for wake in parts.timeline.find("NIC_WAKE")]


@pytest.mark.parametrize("fault", ["the device refuses", "the device is silent"])
def test_what_the_device_would_not_remove_is_removed_before_the_next_sleep(parts: Parts, fault: str) -> None:
    parts.inject.arm(("REMOVE_PATTERN", "before"), FAULTS[fault])
    parts.driver.remove_pattern("door")
    assert len(numbers(parts)) == 1
    parts.fall_asleep()
    parts.knock(b"nobody")
    parts.wake_by_data(b"data do")
    assert numbers(parts) == []


def test_it_can_be_removed_while_the_host_sleeps(parts: Parts) -> None:
    parts.fall_asleep()
    parts.driver.remove_pattern("door")
    parts.knock(b"nobody")
    parts.wake_by_data(b"data do")
    assert numbers(parts) == []


def test_one_that_is_refused_is_not_held(parts: Parts) -> None:
    parts.inject.arm(("ADD_PATTERN", "before"), FAULTS["the device refuses"])
    with pytest.raises(DeviceError):
        parts.driver.add_pattern(AddPattern("other", DOORMAN, OTHER))
    assert parts.driver.held().patterns == ["door"]
    assert parts.timeline.find("NIC_REFUSED")[-1].app == "doorman"


def test_one_whose_reply_was_lost_is_not_left_on_the_device(parts: Parts) -> None:
    parts.inject.arm(("ADD_PATTERN", "after"), FAULTS["the device is silent"])
    with pytest.raises(BenchError, match="RIG-B03"):
        parts.driver.add_pattern(AddPattern("other", DOORMAN, OTHER))
    assert len(numbers(parts)) == 2
    parts.fall_asleep()
    parts.wake_by_data(b"data do")
    parts.assert_whole(1)


def test_a_pattern_that_somebody_else_gave_the_device_is_left_alone(parts: Parts) -> None:
    """A test's own, over the host's control channel."""
    parts.client.add_pattern(Pattern.udp(5, 7005))
    parts.driver.notes.write()
    parts.start_driver_anew()
    parts.until(lambda: parts.driver.idle, "the driver is not idle")
    assert sorted(numbers(parts)) == [5, FIRST_ID]


# -- the device starts anew --------------------------------------------------------------------------------------------


def restart_device(parts: Parts) -> None:
    parts.device_process.power_cut()
    parts.device_process.start()
    parts.until(lambda: any(isinstance(notice, DeviceRestarted) for notice in parts.notices), "the restart is not heard of")
    parts.until(lambda: parts.driver.idle, "the driver is not idle")


@pytest.mark.parametrize("asleep", [False, True], ids=["awake", "asleep"])
def test_a_device_that_restarts_has_it_once_and_it_continues_the_same(parts: Parts, stopped: int, asleep: bool) -> None:
    parts.driver.add_pattern(AddPattern("door", DOORMAN, DOOR, (stopped,)))
    parts.driver.add_pattern(AddPattern("other", DOORMAN, OTHER))
    if asleep:
        parts.fall_asleep()
    restart_device(parts)
    assert sorted(pattern.port for pattern in parts.client.patterns()) == [7000, 7001]
    parts.driver.remove_pattern("other")
    parts.fall_asleep()
    parts.wake_by_knocking(b"knock")
    assert ("PACKET", "door", (stopped,)) in parts.woke()


def test_a_device_that_cannot_be_had_while_it_gets_them_anew_has_them_once(parts: Parts) -> None:
    for port in (7001, 7002, 7003):
        parts.driver.add_pattern(AddPattern(str(port), DOORMAN, Pattern.udp(0, port)))
    parts.inject.passed.clear()
    parts.driver.anew.hear_restart(8)
    parts.until(lambda: parts.driver.idle, "it is not attached anew")
    adds = parts.inject.passed.count(("ADD_PATTERN", "after"))
    assert adds == 4
    for skip in range(adds):
        for when in ("before", "after"):
            parts.inject.arm(("ADD_PATTERN", when), FAULTS["the device is silent"], skip)
            parts.driver.anew.hear_restart(9 + skip)
            parts.until(lambda: parts.inject.struck and parts.driver.idle, "it is not attached anew")
            assert sorted(pattern.port for pattern in parts.client.patterns()) == [7000, 7001, 7002, 7003]


def test_one_that_a_restarted_device_would_not_have_again_is_lost_and_may_be_added_again(parts: Parts) -> None:
    parts.inject.arm(("ADD_PATTERN", "before"), FAULTS["the device refuses"])
    parts.driver.anew.hear_restart(8)
    parts.wait_awake()
    assert parts.notices == [DeviceRestarted(8), Lost("door"), Settled()]
    assert parts.driver.held().patterns == []
    parts.fall_asleep()
    parts.wake_by_data(b"the connection is kept")
    parts.driver.add_pattern(AddPattern("door", DOORMAN, DOOR))
    assert parts.driver.held().patterns == ["door"]
    parts.assert_whole(1)


# -- the driver is killed ----------------------------------------------------------------------------------------------


def test_a_driver_that_is_killed_while_it_adds_one_leaves_it_on_the_device_once(parts: Parts) -> None:
    """The next one does again what the system has no answer to."""

    def add() -> None:
        parts.driver.add_pattern(AddPattern("other", DOORMAN, OTHER))

    points = points_of(parts, add)
    assert len(points) == 2
    for point in points:
        parts.driver.remove_pattern("other")
        parts.driver.notes.write()
        parts.inject.arm(point, Killed)
        with pytest.raises(Killed):
            add()
        parts.start_driver_anew()
        parts.until(lambda: parts.driver.idle, "the driver is not idle")
        add()
        assert sorted(pattern.port for pattern in parts.client.patterns()) == [7000, 7001]


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_driver_that_is_killed_while_it_removes_one_leaves_none(parts: Parts, when: str) -> None:
    parts.driver.notes.write()
    parts.inject.arm(("REMOVE_PATTERN", when), Killed)
    with pytest.raises(Killed):
        parts.driver.remove_pattern("door")
    parts.start_driver_anew()
    parts.until(lambda: parts.driver.idle, "the driver is not idle")
    parts.driver.remove_pattern("door")
    assert numbers(parts) == []


def test_a_driver_that_is_started_anew_while_the_host_sleeps_knows_whom_it_continues(parts: Parts, stopped: int) -> None:
    parts.driver.add_pattern(AddPattern("door", DOORMAN, DOOR, (stopped,)))
    parts.fall_asleep()
    parts.start_driver_anew()
    assert parts.driver.held().patterns == ["door"]
    parts.wake_by_knocking(b"knock")
    assert ("PACKET", "door", (stopped,)) in parts.woke()
    parts.assert_whole(1)


@pytest.mark.parametrize("lost", [False, True], ids=["kept", "lost"])
def test_a_driver_that_is_started_anew_gives_a_device_what_it_has_lost(parts: Parts, lost: bool) -> None:
    parts.driver.notes.write()
    parts.client.remove_pattern(FIRST_ID)
    if lost:
        parts.inject.arm(("ADD_PATTERN", "before"), FAULTS["the device refuses"])
    parts.start_driver_anew()
    parts.until(lambda: parts.driver.idle, "the driver is not idle")
    assert (Lost("door") in parts.notices) == lost
    assert len(numbers(parts)) == (0 if lost else 1)


def test_a_number_that_a_killed_driver_has_left_is_none_of_the_next_ones(parts: Parts) -> None:
    """Nobody has written it down: it would wake the host for nobody."""
    parts.driver.notes.write()
    parts.client.add_pattern(Pattern.udp(FIRST_ID + 7, 7007))
    parts.start_driver_anew()
    parts.until(lambda: parts.driver.idle, "the driver is not idle")
    assert numbers(parts) == [FIRST_ID]
