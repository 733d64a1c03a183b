"""A device that restarts while it speaks for the host: noticed, made good, and nothing is lost."""

from __future__ import annotations

import pytest

from rig.device.numbers import Command, Fault
from rig.net import counters
from rig.suite.scene import Scene

NOTICE_S = 20.0
"""The host asks after a second of silence; a restart takes some 50 ms."""
WATCHDOG_S = 4.0
"""This firmware at the latest (firmware/port/port.h)."""


@pytest.mark.edge(97)
def test_a_restart_asleep_wakes_the_host_which_gives_everything_anew(scene: Scene) -> None:
    connection = scene.open_hardware()
    after = scene.sleep()
    scene.assert_no_wake(after, "RESUME_REQUIRED")
    scene.bench.microcontroller.reset()
    required = scene.timeline.wait("RESUME_REQUIRED", after=after, timeout_s=NOTICE_S)
    wake = scene.timeline.wait("NIC_WAKE", after=required.seq)
    assert wake.reason == "FIRMWARE_STALLED"
    scene.timeline.wait("SLEEP_ENTER", after=wake.seq)
    scene.push_and_run(connection, b"on the new boot")
    assert len(scene.timeline.find("CTOR")) == 1, "no channel had to be made anew"


@pytest.mark.edge(97)
@pytest.mark.device_can(command=Command.FAULT_INJECT)
def test_a_firmware_that_hangs_asleep_wakes_the_host_through_its_watchdog(scene: Scene) -> None:
    connection = scene.open_hardware()
    after = scene.sleep()
    scene.device.fault_inject(Fault.HANG, 1)
    required = scene.timeline.wait("RESUME_REQUIRED", after=after, timeout_s=WATCHDOG_S + NOTICE_S)
    wake = scene.timeline.wait("NIC_WAKE", after=required.seq)
    assert wake.reason == "FIRMWARE_STALLED"
    assert scene.timeline.wait("DEVICE_RESTARTED", after=wake.seq).reset_cause == "WATCHDOG"
    scene.timeline.wait("SLEEP_ENTER", after=wake.seq)
    scene.push_and_run(connection, b"behind the watchdog")


@pytest.mark.edge(97)
def test_what_a_peer_sent_to_a_dead_device_arrives_after_all(scene: Scene) -> None:
    """The peer's kernel repeats it; the host takes it by itself as soon as it knows."""
    scene.let_peers_repeat()
    connection = scene.open_hardware()
    before = counters.read(scene.bench.network.server)
    after = scene.sleep()
    scene.bench.microcontroller.power_cut()
    connection.push(b"into the void")
    scene.bench.microcontroller.start()
    scene.timeline.wait("RESUME_REQUIRED", after=after, timeout_s=NOTICE_S)
    scene.timeline.wait("TASK_DATA", data=b"into the void".hex(), after=after, timeout_s=NOTICE_S)
    assert "TcpOutRsts" not in counters.handoff_faults(before, counters.read(scene.bench.network.server))
    scene.host.exit_standby()
    assert scene.app.call("messages", channel="inbox") == [b"into the void"]


@pytest.mark.edge(97)
def test_a_restart_while_the_host_is_awake_costs_no_slot(scene: Scene) -> None:
    connection = scene.open_hardware()
    after = scene.timeline.mark()
    scene.bench.microcontroller.reset()
    scene.timeline.wait("RESUME_REQUIRED", after=after, timeout_s=NOTICE_S)
    scene.timeline.wait("NIC_PATTERN_ADD", after=after)
    assert len(scene.device.slots()) == 1
    scene.sleep()
    scene.push_and_run(connection, b"as before")
