"""A slot is paused, resumed and updated while a real peer's kernel holds the other end of its connection."""

from __future__ import annotations

import pytest

from rig.clock import Clock, Deadline
from rig.config import StandbyConfig
from rig.device.numbers import Command, OffloadRc, SlotFlag, SlotState
from rig.device.offload_types import SlotRef
from rig.errors import DeviceError
from rig.net.tcp_info import TCP_ESTABLISHED, tcp_info
from rig.suite.scene import NO_PROBES, Scene
from rig.suite.wire_door import WireDoor

PATIENT = {"clock": Clock(50_000), "standby": StandbyConfig(network_ka_retry_min=12, network_ka_probes=3)}
"""Probes after 750 ms, and 600 ms apart: the peer's kernel answers at most one in 500 ms."""
SELDOM = {
    "clock": Clock(50_000),
    "standby": StandbyConfig(network_ka_initial_min=1400, network_ka_retry_min=12, network_ka_probes=3),
}
"""The first probe after 70 s."""
QUICKER_MS = 12 * 60_000
"""600 ms on that clock."""


def slot(scene: Scene) -> SlotRef:
    (info,) = scene.device.slots()
    return info.ref


def wait_acked(scene: Scene, count: int) -> None:
    """Until the peer's kernel has answered so many probes."""
    deadline = Deadline(10)
    while (state := scene.device.slots()[0]).ka_acked < count:
        assert not deadline.expired, f"{state.ka_acked} of {count} probes were answered"
        deadline.pause()


@pytest.mark.bench_config(standby=NO_PROBES)
@pytest.mark.device_can(command=(Command.PAUSE_TCP_SLOT, Command.RESUME_TCP_SLOT))
def test_a_push_into_a_pause_arrives_once_after_it(scene: Scene) -> None:
    """The peer's kernel repeats what nobody acknowledges; the first repetition after the pause wakes."""
    scene.let_peers_repeat()
    connection = scene.open_hardware()
    after = scene.sleep()
    ref = slot(scene)
    scene.device.pause_tcp_slot(ref)
    connection.push(b"into the pause")
    scene.assert_no_wake(after)
    assert tcp_info(connection.sock).state == TCP_ESTABLISHED
    scene.device.resume_tcp_slot(ref)
    assert scene.timeline.wait("NIC_WAKE", after=after).reason == "TCP_DATA"
    scene.timeline.wait("TASK_DATA", data=b"into the pause".hex(), after=after)
    scene.host.exit_standby()
    assert scene.app.call("messages", channel="inbox") == [b"into the pause"]


@pytest.mark.bench_config(**PATIENT)
@pytest.mark.device_can(command=(Command.PAUSE_TCP_SLOT, Command.RESUME_TCP_SLOT))
def test_a_paused_slot_sends_nothing_and_resumed_it_probes_at_once(scene: Scene) -> None:
    """Longer than the idle time and all its probes: without the pause it would have probed, without the resume never."""
    scene.open_hardware()
    scene.sleep()
    wait_acked(scene, 1)
    ref = slot(scene)
    scene.device.pause_tcp_slot(ref)
    before = scene.device.get_tcp_slot(ref)
    deadline = Deadline(4 * 0.75)
    while not deadline.expired:
        assert scene.device.get_tcp_slot(ref).ka_sent == before.ka_sent
        deadline.pause()
    assert (before.state, before.next_ka_due_ms) == (SlotState.PAUSED, 0)
    mark = scene.bench.capture.mark(scene.device_port)
    scene.device.resume_tcp_slot(ref)
    scene.bench.capture.wait_for(
        scene.device_port, lambda data: data[6:12] == scene.host_mac and data[12:14] == b"\x08\x00", after=mark, what="a probe"
    )
    wait_acked(scene, before.ka_acked + 1)


@pytest.mark.bench_config(**SELDOM)
@pytest.mark.device_can(command=Command.UPDATE_TCP_SLOT)
def test_an_update_of_the_interval_takes_effect_asleep(scene: Scene) -> None:
    connection = scene.open_hardware()
    after = scene.sleep()
    ref = slot(scene)
    assert scene.device.get_tcp_slot(ref).next_ka_due_ms > 60_000
    scene.device.update_tcp_slot(ref, ka_idle_ms=QUICKER_MS)
    wait_acked(scene, 2)
    scene.assert_no_wake(after)
    scene.push_and_run(connection, b"and it still wakes")


@pytest.mark.bench_config(**SELDOM)
@pytest.mark.device_can(command=Command.UPDATE_TCP_SLOT)
def test_a_refused_update_changes_nothing(scene: Scene) -> None:
    """The negative control: a good field beside a bad one has no effect."""
    scene.open_hardware()
    after = scene.sleep()
    ref = slot(scene)
    with pytest.raises(DeviceError) as refused:
        scene.device.update_tcp_slot(ref, ka_idle_ms=QUICKER_MS, next_hop_mac=b"\xff" * 6)
    assert refused.value.rc == OffloadRc.BAD_ADDR
    scene.assert_no_wake(after)
    state = scene.device.get_tcp_slot(ref)
    assert (state.ka_sent, state.next_ka_due_ms > 60_000) == (0, True)


@pytest.mark.bench_config(standby=NO_PROBES)
@pytest.mark.device_can(command=(Command.PAUSE_TCP_SLOT, Command.RESUME_TCP_SLOT))
def test_a_channel_paused_awake_sleeps_on_and_wakes_again_when_resumed(scene: Scene) -> None:
    """The place of the channel is paused, the host sleeps with it: no push wakes. Resumed awake, the next sleep has it back."""
    scene.let_peers_repeat()
    connection = scene.open_hardware()
    ref = slot(scene)
    scene.device.pause_tcp_slot(ref)
    after = scene.sleep()
    connection.push(b"not now")
    scene.assert_no_wake(after)
    scene.host.exit_standby()
    scene.timeline.wait("TASK_DATA", data=b"not now".hex(), after=after)
    assert scene.device.get_tcp_slot(ref).state is SlotState.PAUSED
    scene.device.resume_tcp_slot(ref)
    scene.sleep()
    scene.push_and_run(connection, b"now")


@pytest.mark.topology("flat")
@pytest.mark.parametrize(
    ("flags", "before"), [(SlotFlag.KEEP, SlotState.IDLE), (SlotFlag(0), SlotState.ACTIVE)], ids=["KEEP", "no flag"]
)
@pytest.mark.device_can(command=(Command.PAUSE_TCP_SLOT, Command.RESUME_TCP_SLOT))
def test_a_slot_is_after_a_pause_what_it_was_before(door: WireDoor, flags: SlotFlag, before: SlotState) -> None:
    """Contract section 3: a reservation is none of the device's connections before it was added in a standby."""
    ref = door.add_slot(flags=flags)
    assert door.slot(ref).state is before
    door.client.pause_tcp_slot(ref)
    assert door.slot(ref).state is SlotState.PAUSED
    door.client.resume_tcp_slot(ref)
    after = door.slot(ref).state
    assert after is before, f"a slot that was {before.name} is {after.name} after pause and resume"
