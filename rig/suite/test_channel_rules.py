"""What a control channel refuses, and what its properties promise."""

from __future__ import annotations

from typing import Any

import pytest

from rig.config import StandbyConfig
from rig.standby.api import ControlChannelTriggerStatus as Status
from rig.standby.api import HostError, HResult
from rig.suite.refusal import assert_refused
from rig.suite.scene import QUIET_S, Scene

COMPLETION_S = 0.3
"""How long the app's read completion takes in the test that its task waits for it."""


def refused(scene: Scene, hresult: HResult, method: str, **arguments: Any) -> None:
    assert_refused(scene.app, hresult, method, timeout_s=10, **arguments)


def server_of(scene: Scene) -> dict[str, Any]:
    return {"host": scene.bench.server.address, "port": scene.bench.server.port}


@pytest.mark.requirement("CCT-001")
@pytest.mark.host_alone
def test_without_an_access_request_there_is_no_channel(scene: Scene) -> None:
    refused(scene, HResult.UNAUTHORIZED_ACCESS, "construct", channel="inbox")
    assert not scene.timeline.find("CTOR")
    scene.app.call("request_access")
    scene.app.call("construct", channel="inbox")


@pytest.mark.requirement("CCT-006")
@pytest.mark.host_alone
def test_a_user_who_says_no_is_heard(scene: Scene) -> None:
    app = scene.start_app("denied", access=False)
    with pytest.raises(HostError) as error:
        scene.open(app=app)
    assert error.value.hresult is HResult.UNAUTHORIZED_ACCESS
    assert scene.open() is Status.HARDWARE_SLOT_ALLOCATED


@pytest.mark.requirement("CCT-003")
@pytest.mark.host_alone
def test_channel_ids_are_1_to_64_characters(scene: Scene) -> None:
    scene.app.call("request_access")
    for length in (1, 64):
        scene.app.call("construct", channel="x" * length)
    for length in (0, 65):
        refused(scene, HResult.INVALID_ARG, "construct", channel="x" * length)


@pytest.mark.requirement("CCT-004")
@pytest.mark.host_alone
def test_server_keep_alive_is_15_to_1439_minutes(scene: Scene) -> None:
    scene.app.call("request_access")
    for minutes in (15, 1439):
        scene.app.call("construct", channel=f"of-{minutes}", minutes=minutes)
    for minutes in (14, 1440):
        refused(scene, HResult.INVALID_ARG, "construct", channel="no", minutes=minutes)
        refused(scene, HResult.INVALID_ARG, "set_minutes", channel="of-15", minutes=minutes)
    assert scene.app.call("set_minutes", channel="of-15", minutes=16) == 16


@pytest.mark.requirement("CCT-008")
@pytest.mark.host_alone
def test_a_second_channel_of_the_same_id_fails_and_the_first_goes_on(scene: Scene) -> None:
    connection = scene.open_hardware()
    refused(scene, HResult.INVALID_STATE, "construct", channel="inbox")
    scene.push_and_run(connection, b"still here")


@pytest.mark.requirement("CCT-009")
@pytest.mark.host_alone
def test_each_channel_has_two_triggers_with_a_task_each(scene: Scene) -> None:
    interval_s = scene.bench.config.clock.minutes_s(15)
    scene.open(minutes=15)
    ids = {record.task_id for record in scene.timeline.find("REGISTER")}
    assert len(ids) == 2
    (granted,) = scene.timeline.find("SLOT_GRANT")
    scene.push_and_run(scene.bench.server.connection(), b"data")
    kept_alive = scene.timeline.wait("RUN_ENTER", kind="keepalive")
    assert kept_alive.t_ns - granted.t_ns > 0.9e9 * interval_s, "by the interval, and not by the data, however late that came"
    assert len(scene.timeline.find("RUN_ENTER", kind="push")) == 1


@pytest.mark.requirement("CCT-012")
@pytest.mark.host_alone
def test_binding_after_connecting_is_refused(scene: Scene) -> None:
    refused(scene, HResult.ILLEGAL_METHOD_CALL, "bind_connected", channel="inbox", **server_of(scene))
    assert not scene.timeline.find("USING_TRANSPORT")


@pytest.mark.requirement("CCT-013")
@pytest.mark.host_alone
def test_the_bound_transport_can_be_read_back(scene: Scene) -> None:
    scene.open_hardware()
    assert scene.app.call("transport_is_bound", channel="inbox")


@pytest.mark.requirement("CCT-014")
@pytest.mark.host_alone
def test_a_channel_nobody_waited_for_runs_no_task(scene: Scene) -> None:
    scene.app.call("read_without_wait", channel="inbox", **server_of(scene))
    scene.bench.server.push(b"too early")
    scene.timeline.wait("USAGE_FAULT", channel="inbox")
    assert not scene.timeline.find("RUN_ENTER")


@pytest.mark.requirement("CCT-015")
@pytest.mark.host_alone
def test_waiting_before_connecting_is_refused(scene: Scene) -> None:
    refused(scene, HResult.ILLEGAL_METHOD_CALL, "wait_unconnected", channel="inbox")
    assert not scene.timeline.find("SLOT_GRANT")


@pytest.mark.requirement("CCT-017")
@pytest.mark.bench_config(standby=StandbyConfig(hw_slots_total=1, no_slot_fails_connect=False))
def test_a_status_that_is_no_allocation_stores_no_context(scene: Scene) -> None:
    scene.open_hardware("first")
    assert scene.open("second") is Status.POLICY_ERROR
    assert scene.app.call("has_context", channel="first")
    assert not scene.app.call("has_context", channel="second")


@pytest.mark.requirement("CCT-031")
@pytest.mark.host_alone
def test_the_task_waits_for_the_read_completion_to_return(scene: Scene) -> None:
    connection = scene.open_hardware()
    scene.app.call("set_completion_delay", seconds=COMPLETION_S)
    after = scene.timeline.mark()
    scene.push_and_run(connection, b"slowly")
    entered = scene.timeline.wait("READ_COMPLETE_ENTER", after=after)
    left = scene.timeline.wait("READ_COMPLETE_EXIT", after=after)
    run = scene.timeline.wait("RUN_ENTER", after=after)
    assert left.seq < run.seq
    assert (run.t_ns - entered.t_ns) / 1e9 >= COMPLETION_S


@pytest.mark.requirement("CCT-032")
@pytest.mark.host_alone
def test_without_a_posted_read_no_task_runs_until_there_is_one(scene: Scene) -> None:
    assert scene.open(read=False).allocated
    after = scene.timeline.mark()
    scene.bench.server.push(b"waiting in the kernel")
    scene.timeline.assert_none("RUN_ENTER", after=after, timeout_s=QUIET_S)
    scene.app.call("post_read", channel="inbox")
    scene.timeline.wait("TASK_DATA", data=b"waiting in the kernel".hex(), after=after)


@pytest.mark.requirement("CCT-036", "CCT-037")
@pytest.mark.bench_config(standby=StandbyConfig(network_ka_initial_min=17, network_ka_floor_min=14, network_ka_step_min=2))
def test_the_network_interval_obeys_the_servers_and_goes_down_to_a_floor(scene: Scene) -> None:
    scene.open(minutes=16)
    assert scene.app.call("network_keep_alive_minutes", channel="inbox") == 16
    assert [scene.app.call("decrease_keep_alive", channel="inbox") for _ in range(3)] == [14, 14, 14]
    scene.sleep()
    (slot,) = scene.device.slots()
    assert slot.next_ka_due_ms <= scene.bench.config.clock.minutes_s(14) * 1000


@pytest.mark.requirement("CCT-043")
@pytest.mark.host_alone
def test_a_task_finds_its_own_channel_among_several(scene: Scene) -> None:
    ends = {name: scene.open_hardware(name) for name in ("one", "two")}
    for name, connection in reversed(ends.items()):
        scene.push_and_run(connection, name.encode(), name)
    assert {name: scene.app.call("seen_by_task", channel=name) for name in ends} == {"one": [b"one"], "two": [b"two"]}


@pytest.mark.requirement("CCT-052")
def test_with_connected_standby_wake_is_supported(scene: Scene) -> None:
    scene.open()
    assert scene.app.call("wake_supported", channel="inbox") is True


@pytest.mark.requirement("CCT-052")
@pytest.mark.bench_config(standby=StandbyConfig(aoac=False))
def test_without_connected_standby_wake_is_not_supported(scene: Scene) -> None:
    scene.open()
    assert scene.app.call("wake_supported", channel="inbox") is False
