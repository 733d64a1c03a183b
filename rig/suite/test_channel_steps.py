"""Set-up of a channel, step by step: other orders, kinds of transport, kinds of host, a device that refuses."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from rig.clock import Deadline
from rig.config import StandbyConfig
from rig.device.offload_types import TcpSlot
from rig.errors import DeviceError
from rig.net.tcp_diag import KEEP_ALIVE_TIMER, timer_of
from rig.standby.api import ControlChannelTriggerStatus as Status
from rig.standby.api import HostError, HResult
from rig.standby.app_handle import AppHandle
from rig.suite.scene import QUIET_S, Scene, skip_behind_nat

APP = "rig.suite.channel_app:ChannelApp"


@pytest.fixture
def app(scene: Scene) -> AppHandle:
    """With access."""
    app = scene.host.start_app("steps", APP)
    app.call("request_access")
    return app


def server_of(scene: Scene) -> dict[str, Any]:
    return {"host": scene.bench.server.address, "port": scene.bench.server.port}


@pytest.mark.requirement("CCT-002")
def test_without_a_resource_type_a_software_slot_is_asked_for(scene: Scene, app: AppHandle) -> None:
    assert Status(app.call("set_up", channel="plain", **server_of(scene))) is Status.SOFTWARE_SLOT_ALLOCATED
    assert [r.kind for r in scene.timeline.find("SLOT_REQUEST", channel="plain")] == ["software"]
    assert scene.device.slots() == ()
    assert app.call("set_up", channel="hard", hardware=True, **server_of(scene)) == Status.HARDWARE_SLOT_ALLOCATED
    assert len(scene.device.slots()) == 1, "the negative control: asked for, there is one"
    assert not scene.timeline.find("NIC_PATTERN_ADD", channel="plain")


@pytest.mark.requirement("CCT-011")
def test_tasks_registered_between_binding_and_waiting_run_all_the_same(scene: Scene, app: AppHandle) -> None:
    app.call("construct", channel="inbox", hardware=True)
    app.call("bind", channel="inbox")
    app.call("register", channel="inbox", kind="keepalive")
    app.call("connect", channel="inbox", **server_of(scene))
    app.call("register", channel="inbox", kind="push")
    assert Status(app.call("wait", channel="inbox")) is Status.HARDWARE_SLOT_ALLOCATED
    app.call("read", channel="inbox")
    scene.sleep()
    scene.push_and_run(scene.bench.server.connection(), b"late, but registered")


@pytest.mark.requirement("CCT-023")
@pytest.mark.bench_config(standby=StandbyConfig(hw_slots_total=1))
def test_a_device_that_refuses_the_connection_is_a_system_error_and_costs_no_slot(scene: Scene, app: AppHandle) -> None:
    strangers = fill_device(scene)
    app.call("construct", channel="no", hardware=True)
    app.call("bind", channel="no")
    app.call("connect", channel="no", **server_of(scene))
    assert [Status(app.call("wait", channel="no")) for _ in range(2)] == [Status.SYSTEM_ERROR] * 2
    assert scene.timeline.find("NIC_REFUSED", channel="no")
    assert scene.timeline.find("SLOT_FREE", channel="no")
    assert len(scene.device.slots()) == len(strangers), "nobody was evicted"
    scene.device.remove_tcp_slot(strangers[0])
    scene.open_hardware()


@pytest.mark.requirement("CCT-021", "CCT-028")
def test_an_app_that_the_device_has_no_place_for_takes_a_software_slot_and_the_host_sleeps_with_it(scene: Scene) -> None:
    fill_device(scene)
    scene.let_peers_repeat()
    assert scene.open() is Status.SYSTEM_ERROR
    scene.app.call("close_channel", channel="inbox")
    assert scene.open(hardware=False) is Status.SOFTWARE_SLOT_ALLOCATED
    connection = scene.bench.server.connection(1)
    awake = scene.timeline.mark()
    connection.push(b"awake")
    scene.timeline.wait("TASK_DATA", data=b"awake".hex(), after=awake)
    after = scene.sleep()
    connection.push(b"asleep")
    scene.assert_no_wake(after)


@pytest.mark.requirement("CCT-017")
@pytest.mark.parametrize("status", [Status.SYSTEM_ERROR, Status.SERVICE_UNAVAILABLE])
def test_an_app_that_got_no_slot_keeps_no_context(scene: Scene, status: Status) -> None:
    """POLICY_ERROR is in test_channel_rules.py."""
    if status is Status.SYSTEM_ERROR:
        fill_device(scene)
    else:
        scene.host.levers.set(session_connected=False)
    assert scene.open() is status
    assert not scene.app.call("has_context", channel="inbox")


def fill_device(scene: Scene) -> list[Any]:
    """All of its slots are strangers'."""
    refs = []
    for port in range(1, 256):
        slot = TcpSlot(
            local="192.0.2.1", remote="192.0.2.9", local_port=49152, remote_port=port, local_mac=b"\x02\0\0\0\0\1",
            next_hop_mac=b"\x02\0\0\0\0\2", snd_una=1, snd_nxt=1, snd_wl1=1, snd_wnd=64240, max_snd_wnd=64240, rcv_nxt=1,
            rcv_wnd=64240, rcv_wup=1, next_hop_ip="192.0.2.9",
        )  # fmt: skip
        try:
            refs.append(scene.device.add_tcp_slot(slot))
        except DeviceError:
            return refs
    raise AssertionError("the device takes any number of slots")


@pytest.mark.requirement("CCT-025")
def test_a_software_slot_is_not_to_be_had_while_the_system_enters_standby(scene: Scene, app: AppHandle) -> None:
    """An app that completes a read keeps the host from sleeping, and may set up channels meanwhile."""
    assert app.call("set_up", channel="busy", hardware=True, **server_of(scene)) == Status.HARDWARE_SLOT_ALLOCATED
    app.call("hold_completions", hold=True)
    scene.bench.server.push(b"wait")
    scene.timeline.wait("READ_COMPLETE_ENTER", channel="busy")
    after = scene.timeline.mark()
    scene.host.begin_standby()
    assert Status(app.call("set_up", channel="soft", **server_of(scene))) is Status.SERVICE_UNAVAILABLE
    assert app.call("set_up", channel="hard", hardware=True, **server_of(scene)) == Status.HARDWARE_SLOT_ALLOCATED
    assert scene.timeline.find("POWER", after=after)[-1].state == "entering_standby"
    app.begin_call("hold_completions", hold=False)
    scene.timeline.wait("SLEEP_ENTER", after=after)
    scene.host.exit_standby()
    app.call("close", channel="soft")
    assert Status(app.call("set_up", channel="soft", **server_of(scene))) is Status.SOFTWARE_SLOT_ALLOCATED


@pytest.mark.requirement("CCT-028")
def test_a_software_channels_keep_alive_task_does_not_run_while_the_system_enters_standby(scene: Scene, app: AppHandle) -> None:
    """An app that completes a read keeps the host from sleeping, for longer than an interval. Before it, and when the user is
    back, the task runs."""
    interval_s = scene.bench.config.clock.minutes_s(15)
    assert app.call("set_up", channel="busy", hardware=True, **server_of(scene)) == Status.HARDWARE_SLOT_ALLOCATED
    app.call("construct", channel="soft", minutes=15, hardware=False)
    app.call("register", channel="soft", kind="keepalive")
    app.call("bind", channel="soft")
    app.call("connect", channel="soft", **server_of(scene))
    assert Status(app.call("wait", channel="soft")) is Status.SOFTWARE_SLOT_ALLOCATED
    scene.timeline.wait("TASK_END", kind="keepalive")
    app.call("hold_completions", hold=True)
    scene.bench.server.connection(0).push(b"wait")
    scene.timeline.wait("READ_COMPLETE_ENTER", channel="busy")
    scene.host.begin_standby()
    entering = scene.timeline.wait("POWER", state="entering_standby")
    Deadline(2 * interval_s).wait_out()
    assert not scene.timeline.find("TASK_START", kind="keepalive", after=entering.seq), "in standby a software slot fires nothing"
    assert not scene.timeline.find("POWER", state="connected_standby"), "it did not come to sleep"
    scene.host.exit_standby()
    scene.timeline.wait("TASK_START", kind="keepalive", after=entering.seq)
    app.call("hold_completions", hold=False)


@pytest.mark.requirement("CCT-027", "CCT-028")
def test_pushes_of_a_software_channel_wait_for_the_user_each_with_its_run(scene: Scene, app: AppHandle) -> None:
    """A run keeps the host from sleeping meanwhile, so that the slot is not lost."""
    for channel, hardware in (("busy", True), ("soft", False)):
        app.call("set_up", channel=channel, hardware=hardware, **server_of(scene))
    busy, soft = (scene.bench.server.connection(number) for number in range(2))
    app.call("hold_tasks", hold=True)
    busy.push(b"work")
    scene.timeline.wait("RUN_ENTER", channel="busy")
    after = scene.timeline.mark()
    scene.host.begin_standby()
    for number in range(2):
        soft.push(b"%d" % number)
        scene.timeline.wait("READ_COMPLETE_EXIT", channel="soft", after=after, count=number + 1)
    scene.timeline.assert_none("TASK_START", channel="soft", after=after, timeout_s=QUIET_S)
    scene.host.exit_standby()
    app.call("hold_tasks", hold=False)
    scene.timeline.wait("TASK_END", channel="soft", after=after, count=2)
    assert not scene.timeline.find("RESET", after=after)


@pytest.mark.requirement("CCT-029")
@pytest.mark.parametrize("asleep", [False, True], ids=["active", "asleep"])
def test_after_shutdown_nothing_fires_and_nothing_stays_armed(scene: Scene, app: AppHandle, asleep: bool) -> None:
    for name, hardware in (("hard", True), ("soft", False)):
        assert Status(app.call("set_up", channel=name, hardware=hardware, **server_of(scene))).allocated
    connections = list(scene.bench.server.connections)
    if asleep:
        scene.sleep()
    assert len(scene.device.slots()) == 1
    after = scene.timeline.mark()
    scene.host.shutdown()
    scene.timeline.wait("APP_TERMINATED", after=after)
    for connection in connections:
        connection.push(b"is anybody there?")
    scene.assert_no_wake(after)
    assert (scene.device.slots(), scene.device.patterns()) == ((), ())


@pytest.mark.requirement("CCT-035")
def test_what_was_written_before_a_flush_outlives_the_app(scene: Scene, app: AppHandle) -> None:
    assert app.call("set_up", channel="inbox", hardware=True, **server_of(scene)) == Status.HARDWARE_SLOT_ALLOCATED
    data, times = bytes(range(256)), 1500
    app.call("write_and_flush", channel="inbox", data=data, times=times)
    scene.host.suspend(app)
    assert scene.timeline.find("FLUSH", channel="inbox")
    assert scene.bench.server.connection().wait_received(len(data) * times) == data * times


@pytest.mark.requirement("CCT-038")
def test_a_channels_transport_has_no_tcp_keep_alives(scene: Scene, app: AppHandle) -> None:
    for name in ("refused", "bound"):
        app.call("construct", channel=name, hardware=True)
    with pytest.raises(HostError) as error:
        app.call("bind", channel="refused", keep_alive=True)
    assert error.value.hresult is HResult.INVALID_ARG
    assert not scene.timeline.find("USING_TRANSPORT", channel="refused")
    app.call("connect", channel="unbound", keep_alive=True, **server_of(scene))
    assert kernels_timer(scene, 0) == KEEP_ALIVE_TIMER, "the negative control: any other socket has them"
    app.call("bind", channel="bound")
    app.call("connect", channel="bound", keep_alive=True, **server_of(scene))
    assert Status(app.call("wait", channel="bound")) is Status.HARDWARE_SLOT_ALLOCATED
    with pytest.raises(HostError):
        app.call("set_option", channel="bound", level=socket.SOL_SOCKET, option=socket.SO_KEEPALIVE, value=1)
    assert kernels_timer(scene, 1) != KEEP_ALIVE_TIMER


def kernels_timer(scene: Scene, number: int) -> int:
    """Of the host's end of that connection."""
    skip_behind_nat(scene.bench)
    connection = scene.bench.server.connection(number)
    return scene.bench.network.host.run(lambda: timer_of(connection.peer, connection.sock.getsockname()[:2]))


@pytest.mark.requirement("CCT-050")
@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_loopback_gets_no_hardware_channel(scene: Scene, app: AppHandle, host: str) -> None:
    app.call("construct", channel="inner", hardware=True)
    app.call("bind", channel="inner")
    with pytest.raises(HostError) as error:
        app.call("connect", channel="inner", host=host, port=scene.bench.server.port)
    assert error.value.hresult is HResult.NOT_SUPPORTED_FOR_SOCKET
    assert not scene.timeline.find("SLOT_REQUEST")
    scene.open_hardware()


@pytest.mark.requirement("CCT-050")
@pytest.mark.bench_config(standby=StandbyConfig(hw_slots_total=1))
@pytest.mark.parametrize("hardware", [True, False], ids=["hardware", "software"])
def test_a_datagram_socket_is_no_transport(scene: Scene, app: AppHandle, hardware: bool) -> None:
    app.call("construct", channel="inbox", hardware=hardware)
    app.call("register", channel="inbox")
    app.call("bind", channel="inbox", datagram=True)
    app.call("connect", channel="inbox", **server_of(scene))
    with pytest.raises(HostError) as error:
        app.call("wait", channel="inbox")
    assert error.value.hresult is HResult.OUT_OF_MEMORY
    assert not scene.timeline.find("SLOT_GRANT")
    assert scene.device.slots() == ()
    app.call("bind", channel="inbox")
    app.call("connect", channel="inbox", **server_of(scene))
    assert Status(app.call("wait", channel="inbox")).allocated, "the negative control: a stream socket is"


@pytest.mark.requirement("CCT-052")
def test_a_device_that_is_not_there_wakes_nobody(scene: Scene, app: AppHandle) -> None:
    app.call("construct", channel="inbox")
    supported: dict[str, Any] = {"channel": "inbox", "name": "is_wake_from_low_power_supported"}
    assert app.call("get", **supported) is True
    scene.bench.microcontroller.power_cut()
    assert app.call("get", **supported) is False
    scene.bench.microcontroller.start()
    scene.device.wait_until_there()
    assert app.call("get", **supported) is True


@pytest.mark.requirement("CCT-043")
def test_a_run_whose_channel_was_closed_meanwhile_finds_none_and_ends_well(scene: Scene, app: AppHandle) -> None:
    assert app.call("set_up", channel="inbox", hardware=True, **server_of(scene)) == Status.HARDWARE_SLOT_ALLOCATED
    app.call("hold_tasks", hold=True)
    scene.bench.server.push(b"before the close")
    scene.timeline.wait("RUN_ENTER", kind="push")
    app.call("close", channel="inbox")
    app.call("hold_tasks", hold=False)
    assert scene.timeline.wait("closed-meanwhile").channel == "inbox"
    assert scene.timeline.wait("RUN_EXIT", kind="push").fault is None


@pytest.mark.requirement("CCT-048")
def test_a_change_of_the_network_makes_the_app_build_its_channel_again(scene: Scene, app: AppHandle) -> None:
    app.call("register_for_network_changes")
    assert app.call("set_up", channel="inbox", hardware=True, **server_of(scene)) == Status.HARDWARE_SLOT_ALLOCATED
    first = scene.bench.server.connection()
    after = scene.timeline.mark()
    scene.host.levers.link(False)
    scene.timeline.wait("TASK_PENDING", task="network", after=after)
    assert not scene.timeline.find("RUN_ENTER", task="network"), "there is nothing to build on"
    scene.host.levers.link(True)
    end = scene.timeline.wait("RUN_EXIT", task="network", after=after)
    assert end.fault is None
    order = ["RUN_ENTER", "NIC_PATTERN_DEL", "SLOT_FREE", "CONNECT_BEGIN", "SLOT_GRANT", "RUN_EXIT"]
    assert [r.event for r in scene.timeline.records()[after : end.seq + 1] if r.event in order] == order
    first.wait_closed()
    assert len(scene.device.slots()) == 1
    scene.push_and_run(scene.bench.server.connection(1), b"on the new one")


@pytest.mark.requirement("CCT-007")
@pytest.mark.parametrize(
    "supported",
    [
        pytest.param(False, id="phone", marks=pytest.mark.bench_config(standby=StandbyConfig(family="phone"))),
        pytest.param(False, id="javascript", marks=pytest.mark.bench_config(standby=StandbyConfig(app_runtime="javascript"))),
        pytest.param(True, id="desktop"),
    ],
)
def test_phones_and_javascript_have_no_channels(scene: Scene, app: AppHandle, supported: bool) -> None:
    assert app.call("supported") is supported
    if supported:
        app.call("construct", channel="inbox")
        return
    with pytest.raises(HostError) as error:
        app.call("construct", channel="inbox")
    assert error.value.hresult is HResult.NOT_SUPPORTED
    assert not scene.timeline.find("CTOR")
