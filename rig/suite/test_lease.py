"""A host that dies while it sleeps, one that hangs, and one that only sleeps long; edge case 98."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from rig.clock import WAIT_S, Clock, Deadline
from rig.config import StandbyConfig
from rig.device.link import Link
from rig.device.numbers import Command, Fault, Owner, Power
from rig.device.offload import OffloadClient
from rig.net.capture import CaptureTimeout
from rig.suite.scene import Scene
from rig.suite.wire_door import WireDoor

pytestmark = pytest.mark.edge(98)

IDLE_S = 0.6
SHORT = {
    "clock": Clock(12_000),
    "standby": StandbyConfig(lease_min=300, network_ka_initial_min=50, network_ka_retry_min=50, network_ka_probes=3),
}
"""A lease of 3.6 s, renewed after 3.2 s. Probes 0.6 s apart: the peer's kernel answers at most one in 500 ms."""
LONGER = {
    "clock": Clock(50_000),
    "standby": StandbyConfig(lease_min=150, network_ka_initial_min=20, network_ka_retry_min=12, network_ka_probes=3),
}
"""7.5 s, renewed after 6.75 s, so that a busy machine has 0.75 s to do it."""


BRIEF = {
    "clock": Clock(20_000),
    "standby": StandbyConfig(lease_min=30, network_ka_initial_min=50, network_ka_retry_min=30, network_ka_probes=3),
}
"""0.6 s, renewed after 0.54 s."""


def said_for_the_host(scene: Scene, after: int, timeout_s: float) -> bool:
    """Whether the device sends anything in the host's name."""
    try:
        scene.bench.capture.wait_for(scene.device_port, lambda data: data[6:12] == scene.host_mac, timeout_s, after=after)
    except CaptureTimeout:
        return False
    return True


def wait_silent(scene: Scene) -> None:
    """Until the device has said nothing for two idle times, within which it would have probed."""
    deadline = Deadline(20)
    while said_for_the_host(scene, scene.bench.capture.mark(scene.device_port), 2 * IDLE_S):
        assert not deadline.expired, "the device speaks on for a host that is gone"


@contextmanager
def without_a_host(scene: Scene) -> Iterator[OffloadClient]:
    """The control channel of a host that was killed."""
    with Link(scene.bench.microcontroller.port) as link:
        yield OffloadClient(link)


@pytest.mark.bench_config(**SHORT)
def test_a_dead_hosts_lease_ends_and_the_next_host_starts_clean(scene: Scene) -> None:
    connection = scene.open_hardware()
    scene.sleep()
    mark = scene.bench.capture.mark(scene.device_port)
    scene.host.kill()
    assert said_for_the_host(scene, mark, 3 * IDLE_S), "the control: until then the connection is kept alive"
    with without_a_host(scene) as device:
        deadline = Deadline(20)
        while (status := device.status()).power is not Power.EXPIRED:
            left = f"{status.lease_left_ms} ms are left of the lease"
            assert not deadline.expired, f"{left}: no WRITE came, and a READ does not renew it (contract section 2)"
            deadline.pause()
        mark = scene.bench.capture.mark(scene.device_port)
        assert not said_for_the_host(scene, mark, 2 * IDLE_S)
        status = device.status()
        assert (status.owner, status.lease_left_ms, device.slots(), device.offloads()) == (Owner.NONE, 0, (), ())
        assert device.counters()["lease_expired"] == 1
        connection.push(b"to the dead")
        assert not said_for_the_host(scene, mark, IDLE_S / 2)
    bench = scene.bench
    bench.host.restart()
    again = Scene(bench)
    fresh = again.open_hardware()
    again.sleep()
    again.push_and_run(fresh, b"to the living")
    assert len(again.device.slots()) == 1


@pytest.mark.bench_config(**LONGER)
def test_a_host_that_sleeps_longer_than_its_lease_wakes_to_renew_it(scene: Scene) -> None:
    """The negative control: nobody is taken for dead that lives. No app notices."""
    connection = scene.open_hardware()
    after = scene.sleep()
    wake = scene.timeline.wait("NIC_WAKE", after=after, timeout_s=15)
    assert wake.reason == "HOST_TIMER"
    assert "channel" not in wake.detail
    scene.timeline.wait("SLEEP_ENTER", after=wake.seq)
    assert scene.device.counters()["lease_expired"] == 0
    assert scene.device.status().lease_left_ms > 75 * 60_000
    for event in ("APP_RESUME", "RUN_ENTER", "RESUME_REQUIRED"):
        assert not scene.timeline.find(event, after=after)
    scene.push_and_run(connection, b"the connection lived on")


@pytest.mark.bench_config(**SHORT)
def test_a_host_that_hung_past_its_lease_gives_everything_anew(scene: Scene) -> None:
    """Its driver is stopped, as on a machine that hangs: the device falls silent, and says so when the host goes on."""
    connection = scene.open_hardware()
    after = scene.sleep()
    os.kill(scene.host.driver_pid, signal.SIGSTOP)
    try:
        wait_silent(scene)
    finally:
        os.kill(scene.host.driver_pid, signal.SIGCONT)
    required = scene.timeline.wait("RESUME_REQUIRED", after=after)
    assert required.lease_min == 300
    scene.timeline.wait("SLEEP_ENTER", after=required.seq)
    assert scene.device.counters()["lease_expired"] == 1
    scene.push_and_run(connection, b"nothing was lost")
    scene.host.exit_standby()
    assert scene.app.call("messages", channel="inbox") == [b"nothing was lost"]


@pytest.mark.bench_config(**BRIEF)
@pytest.mark.wakes("HOST_TIMER")  # where the host asks anew between its timer and the end of the lease
@pytest.mark.device_can(command=Command.FAULT_INJECT)
def test_a_host_that_missed_its_timer_is_told_and_gives_everything_anew(scene: Scene) -> None:
    """Indications are lost, and the host asks for them anew once a second: mostly too late, and then it hears of the end."""
    connection = scene.open_hardware()
    after = scene.timeline.mark()
    scene.device.fault_inject(Fault.DROP_EVENT, 1000)
    scene.sleep()
    wake = scene.timeline.wait("NIC_WAKE", after=after, timeout_s=20, reason="LEASE_EXPIRED")
    scene.timeline.wait("SLEEP_ENTER", after=wake.seq)
    scene.host.exit_standby()
    scene.device.fault_inject(Fault.DROP_EVENT, 0)
    assert scene.timeline.find("RESUME_REQUIRED", after=after)
    assert scene.device.counters()["lease_expired"] >= 1
    scene.sleep()
    scene.push_and_run(connection, b"as before")
    scene.host.exit_standby()
    assert scene.app.call("messages", channel="inbox") == [b"as before"]


LEASE_MS, MINUTE_US = 60_000, 1_000_000
"""A second: a busy machine has as much to get through the states."""


@pytest.mark.topology("flat")
@pytest.mark.parametrize("power", [Power.D0, Power.PREPARED, Power.D3, Power.AWAKE], ids=lambda power: power.name)
def test_the_lease_ends_in_every_state_but_d0(door: WireDoor, power: Power) -> None:
    """Contract section 2: a host that dies in the middle of its way to sleep or back, too."""
    door.scale(MINUTE_US)
    door.client.attach(1, LEASE_MS)
    for step, reached in ((door.prepare, Power.PREPARED), (door.commit, Power.D3), (door.host_awake, Power.AWAKE)):
        if power is Power.D0:
            break
        step()
        if power is reached:
            break
    over = Deadline(LEASE_MS / 60_000 * MINUTE_US / 1e6)
    while not over.expired:
        over.pause()
    after, words = door.status().power, f"the lease of {LEASE_MS} ms began in {power.name} and is over"
    deadline = Deadline(WAIT_S)
    while power is not Power.D0 and after is not Power.EXPIRED and not deadline.expired:
        deadline.pause()
        after = door.status().power
    right = Power.D0 if power is Power.D0 else Power.EXPIRED
    assert after is right, f"{words}: the device is in {after.name}, {right.name} expected"
