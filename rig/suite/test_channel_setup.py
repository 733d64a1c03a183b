"""Setting up a control channel: order, slots, refusals, closing."""

from __future__ import annotations

import pytest

from rig.config import StandbyConfig
from rig.net.tcp_info import TCP_ESTABLISHED, tcp_info
from rig.standby.api import ControlChannelTriggerStatus as Status
from rig.standby.api import HostError, HResult
from rig.suite.scene import Scene


@pytest.mark.requirement("CCT-010")
def test_set_up_goes_in_the_canonical_order(scene: Scene) -> None:
    scene.open_hardware()
    order = ["CTOR", "REGISTER", "REGISTER", "USING_TRANSPORT", "CONNECT_BEGIN", "CONNECT_END", "SLOT_GRANT", "READ_POST"]
    scene.timeline.wait("READ_POST", channel="inbox")
    assert [r.event for r in scene.timeline.records() if r.event in order] == order


@pytest.mark.requirement("CCT-016", "CCT-041")
def test_wait_returns_with_the_connection_up_and_its_entry_in_the_device(scene: Scene) -> None:
    assert scene.device.slots() == ()
    connection = scene.open_hardware()
    assert tcp_info(connection.sock).state == TCP_ESTABLISHED
    (slot,) = scene.device.slots()
    added = scene.timeline.wait("NIC_PATTERN_ADD", channel="inbox")
    assert (slot.slot, slot.gen) == (added.slot, added.gen)
    scene.app.call("close_channel", channel="inbox")
    assert scene.device.slots() == ()


@pytest.mark.requirement("CCT-018")
@pytest.mark.bench_config(standby=StandbyConfig(aoac=False))
def test_without_connected_standby_a_hardware_request_gets_a_software_slot(scene: Scene) -> None:
    assert scene.open() is Status.SOFTWARE_SLOT_ALLOCATED
    assert scene.device.slots() == ()
    assert not scene.timeline.find("NIC_PATTERN_ADD")


@pytest.mark.requirement("CCT-019")
def test_a_free_hardware_slot_is_given(scene: Scene) -> None:
    assert scene.open("inbox") is Status.HARDWARE_SLOT_ALLOCATED
    assert scene.timeline.find("SLOT_GRANT", kind="hardware", channel="inbox")
    assert scene.open("news", hardware=False) is Status.SOFTWARE_SLOT_ALLOCATED
    assert len(scene.device.slots()) == 1, "a software channel must leave the device alone"


@pytest.mark.requirement("CCT-020")
@pytest.mark.bench_config(standby=StandbyConfig(hw_slots_total=1))
def test_no_free_hardware_slot_fails_the_connect(scene: Scene) -> None:
    scene.open_hardware("first")
    with pytest.raises(HostError) as refused:
        scene.open("second")
    assert refused.value.hresult is HResult.NO_SLOT
    assert not scene.timeline.find("SLOT_GRANT", channel="second")
    assert len(scene.device.slots()) == 1


@pytest.mark.requirement("CCT-020")
@pytest.mark.bench_config(standby=StandbyConfig(hw_slots_total=1, no_slot_fails_connect=False))
def test_no_free_hardware_slot_is_a_policy_error_never_a_downgrade(scene: Scene) -> None:
    scene.open_hardware("first")
    assert scene.open("second") is Status.POLICY_ERROR
    assert not scene.timeline.find("SLOT_GRANT", channel="second")


@pytest.mark.requirement("CCT-021")
@pytest.mark.bench_config(standby=StandbyConfig(hw_slots_total=1))
def test_after_the_refusal_a_software_channel_works_while_active(scene: Scene) -> None:
    scene.open_hardware("first")
    with pytest.raises(HostError):
        scene.open("second")
    before = len(scene.bench.server.connections)
    assert scene.open("second", hardware=False) is Status.SOFTWARE_SLOT_ALLOCATED
    scene.push_and_run(scene.bench.server.connection(before), b"while active", "second")


@pytest.mark.requirement("CCT-022")
@pytest.mark.parametrize("hardware", [True, False], ids=["hardware", "software"])
@pytest.mark.bench_config(standby=StandbyConfig(hw_slots_per_app=2, sw_slots_per_app=2))
def test_more_slots_than_policy_allows_is_a_policy_error(scene: Scene, hardware: bool) -> None:
    for channel in ("one", "two"):
        assert scene.open(channel, hardware=hardware).allocated
    assert scene.open("three", hardware=hardware) is Status.POLICY_ERROR
    for number, channel in enumerate(("one", "two")):
        scene.push_and_run(scene.bench.server.connection(number), channel.encode(), channel)


@pytest.mark.requirement("CCT-024")
@pytest.mark.parametrize("how", ["finish", "reset"])
def test_a_peer_that_leaves_during_set_up_is_transport_disconnected(scene: Scene, how: str) -> None:
    scene.app.call("connect_only", channel="inbox", host=scene.bench.server.address, port=scene.bench.server.port)
    getattr(scene.bench.server.connection(), how)()
    scene.app.call("wait_not_established", channel="inbox")
    assert Status(scene.app.call("finish_set_up", channel="inbox")) is Status.TRANSPORT_DISCONNECTED
    assert scene.timeline.find("SLOT_FREE", channel="inbox")
    assert scene.device.slots() == ()


@pytest.mark.requirement("CCT-044")
@pytest.mark.bench_config(standby=StandbyConfig(hw_slots_total=1))
def test_close_aborts_the_read_and_frees_the_slot_for_the_next_app(scene: Scene) -> None:
    scene.open_hardware()
    scene.app.call("close_channel", channel="inbox")
    scene.timeline.wait("READ_COMPLETE_ENTER", status="CANCELED", channel="inbox")
    for event in ("SLOT_FREE", "NIC_PATTERN_DEL"):
        scene.timeline.wait(event, channel="inbox")
    other = scene.start_app("other")
    scene.open_hardware("inbox", app=other)
