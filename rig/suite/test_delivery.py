"""Data for an app: while active, suspended, in connected standby; keep-alive tasks; a broken transport."""

from __future__ import annotations

import os
import signal

import pytest

from rig.clock import Clock, Deadline
from rig.config import StandbyConfig
from rig.inject.frames import tcp_segment, udp_datagram
from rig.standby.api import ControlChannelTriggerStatus as Status
from rig.suite.scene import Scene

WAKE_ROUNDS, FRAMES_BEHIND = 5, 20
KEEP_ALIVES = 3
SUSPENDED_ROUNDS = 25
"""Rounds of suspend, push, run in one test; `rig bench` makes a thousand."""


@pytest.mark.requirement("CCT-027")
@pytest.mark.parametrize("hardware", [True, False], ids=["hardware", "software"])
def test_while_active_data_on_either_slot_kind_runs_the_push_task(scene: Scene, hardware: bool) -> None:
    assert scene.open(hardware=hardware).allocated
    scene.push_and_run(scene.bench.server.connection(), b"hello")
    assert scene.app.call("messages", channel="inbox") == [b"hello"]


@pytest.mark.requirement("CCT-028", "CCT-042")
def test_in_standby_a_hardware_channel_wakes_and_runs(scene: Scene) -> None:
    connection = scene.open_hardware()
    after = scene.sleep()
    scene.push_and_run(connection, b"wake up")
    wake = scene.timeline.wait("NIC_WAKE", after=after)
    assert (wake.reason, wake.channel) == ("TCP_DATA", "inbox")
    resume = scene.timeline.wait("APP_RESUME", after=after)
    run = scene.timeline.wait("RUN_ENTER", kind="push", after=after)
    assert wake.seq < resume.seq < run.seq
    assert not scene.timeline.find("POWER", state="active", after=after), "the task must run in connected standby"
    scene.timeline.wait("SLEEP_ENTER", after=run.seq)
    scene.host.exit_standby()
    assert scene.app.call("messages", channel="inbox") == [b"wake up"]


@pytest.mark.requirement("CCT-028", "CCT-047")
@pytest.mark.bench_config(clock=Clock(10_000))
def test_a_software_channel_does_not_outlast_standby_and_runs_nothing_in_it(scene: Scene) -> None:
    """Neither its push task nor its keep-alive task, of which an interval ends meanwhile. Built again, it works."""
    assert scene.open(hardware=False, minutes=15) is Status.SOFTWARE_SLOT_ALLOCATED
    after = scene.sleep()
    scene.bench.server.push(b"not now")
    deadline = Deadline(2 * scene.bench.config.clock.minutes_s(15))
    scene.assert_no_wake(after)
    while not deadline.expired:
        deadline.pause()
    scene.host.exit_standby()
    active = scene.timeline.wait("POWER", state="active", after=after)
    reset = scene.timeline.wait("RESET", after=active.seq)
    assert (reset.reason, reset.hardware, reset.software) == ("LOW_POWER_EXIT", False, True)
    scene.assert_no_wake(after)
    scene.app.call("close_channel", channel="inbox")
    before = len(scene.bench.server.connections)
    assert scene.open(hardware=False) is Status.SOFTWARE_SLOT_ALLOCATED
    scene.push_and_run(scene.bench.server.connection(before), b"now")


@pytest.mark.requirement("CCT-028")
def test_a_push_to_another_port_does_not_wake(scene: Scene) -> None:
    connection = scene.open_hardware()
    after = scene.sleep()
    flow = scene.flow_to_host(connection)
    handoff = scene.handoff()
    stranger = flow.with_ports(dst_port=flow.dst_port ^ 1)
    scene.bench.inject.send(tcp_segment(stranger, handoff.rcv_nxt, handoff.snd_nxt, "PA", b"hello"))
    scene.assert_no_wake(after)
    scene.push_and_run(connection, b"hello")


@pytest.mark.requirement("CCT-030")
def test_suspended_app_is_resumed_then_reads_then_its_task_runs(scene: Scene) -> None:
    connection = scene.open_hardware()
    scene.host.suspend(scene.app)
    for number in range(SUSPENDED_ROUNDS):
        after = scene.timeline.mark()
        connection.push(b"%d" % number)
        end = scene.timeline.wait("APP_SUSPEND", after=after)
        wanted = ["APP_RESUME", "READ_COMPLETE_ENTER", "READ_COMPLETE_EXIT", "RUN_ENTER"]
        order = [r.event for r in scene.timeline.records()[after : end.seq] if r.event in wanted]
        assert order == wanted, f"round {number}"


@pytest.mark.requirement("RAW-004")
@pytest.mark.parametrize("asleep", [False, True], ids=["suspended", "asleep"])
@pytest.mark.parametrize(("how", "status"), [("reset", "ERROR"), ("finish", "COMPLETED")])
def test_an_aborted_connection_is_told_before_the_task_runs(scene: Scene, how: str, status: str, asleep: bool) -> None:
    """The line is the app's own connection here. The control: one that its peer ends in order is no error."""
    connection = scene.open_hardware()
    scene.sleep() if asleep else scene.host.suspend(scene.app)
    after = scene.timeline.mark()
    getattr(connection, how)()
    run = scene.timeline.wait("RUN_ENTER", kind="push", after=after)
    (entered,) = scene.timeline.find("READ_COMPLETE_ENTER", after=after)
    (left,) = scene.timeline.find("READ_COMPLETE_EXIT", after=after)
    assert (entered.status, entered.detail.get("bytes") or 0) == (status, 0)
    assert entered.seq < left.seq < run.seq


@pytest.mark.requirement("CCT-033", "CCT-034")
def test_keep_alive_task_runs_every_server_interval_while_suspended(scene: Scene) -> None:
    """A busy machine may be late for any of them, but not for each, and is never early."""
    interval_s = scene.bench.config.clock.minutes_s(15)
    assert scene.open(minutes=15).allocated
    scene.host.suspend(scene.app)
    granted = scene.timeline.wait("SLOT_GRANT")
    runs = [scene.timeline.wait("RUN_ENTER", kind="keepalive", count=n) for n in range(1, KEEP_ALIVES + 1)]
    passed = [(run.t_ns - granted.t_ns) / 1e9 / interval_s for run in runs]
    assert all(intervals > number - 0.1 for number, intervals in enumerate(passed, 1)), passed
    assert min(after - before for before, after in zip([0.0, *passed], passed, strict=False)) < 1.9, passed
    exit_ = scene.timeline.wait("RUN_EXIT", kind="keepalive")
    sent, flushed = scene.timeline.find("KA_TX")[0], scene.timeline.find("FLUSH")[0]
    assert sent.seq < flushed.seq < exit_.seq
    suspended = scene.timeline.wait("APP_SUSPEND", after=exit_.seq)
    frames = scene.bench.capture.frames(scene.server_port)
    sent_ns = next(frame.t_ns for frame in frames if frame.data.endswith(b"keep-alive\n"))
    assert sent_ns < suspended.t_ns, "the peer has it before the app is stopped"
    assert scene.bench.server.connection().wait_received(len(b"keep-alive\n")).startswith(b"keep-alive\n")


@pytest.mark.requirement("CCT-033")
@pytest.mark.bench_config(clock=Clock(300_000))
def test_a_keep_alive_interval_goes_on_when_the_system_dies_in_it(scene: Scene) -> None:
    """Two thirds of it are over then: the task is due a third later, and not an interval."""
    interval_s = scene.bench.config.clock.minutes_s(15)
    assert scene.open(minutes=15).allocated
    scene.host.suspend(scene.app)
    Deadline(interval_s * 2 / 3).wait_out()
    after = scene.timeline.mark()
    os.kill(scene.host.pid, signal.SIGKILL)
    started = scene.timeline.wait("SYSTEM_STARTED", after=after)
    run = scene.timeline.wait("RUN_ENTER", kind="keepalive")
    (granted,) = scene.timeline.find("SLOT_GRANT")
    assert run.t_ns - granted.t_ns > 0.99e9 * interval_s, "early"
    waited = (run.t_ns - started.t_ns) / 1e9 / interval_s
    assert waited < 0.9, f"the next system has let {waited:.2f} of an interval pass, of which a third was left"


@pytest.mark.requirement("CCT-039")
def test_a_broken_transport_is_replaced_on_the_same_channel(scene: Scene) -> None:
    scene.open_hardware().reset()
    scene.timeline.wait("TASK_DATA", closed=True)
    server = scene.bench.server
    before = len(server.connections)
    status = Status(scene.app.call("reconnect", channel="inbox", host=server.address, port=server.port))
    assert status is Status.HARDWARE_SLOT_ALLOCATED
    assert len(scene.timeline.find("CTOR")) == 1
    scene.sleep()
    scene.push_and_run(server.connection(before), b"on the new one")


@pytest.mark.requirement("CCT-039")
def test_a_transport_that_its_app_has_closed_does_not_keep_the_host_awake(scene: Scene) -> None:
    """However long the server leaves its own side open. The other channel still wakes it, and a new transport on the same one."""
    scene.open_hardware()
    other = scene.open_hardware("other")
    scene.app.call("close_socket", channel="inbox")
    scene.bench.server.connection(0).wait_closed()
    scene.sleep()
    assert len(scene.timeline.find("HANDOFF", channel="inbox")) == 0
    scene.push_and_run(other, b"still here", "other")
    scene.host.exit_standby()
    server = scene.bench.server
    status = Status(scene.app.call("reconnect", channel="inbox", host=server.address, port=server.port))
    assert status is Status.HARDWARE_SLOT_ALLOCATED
    scene.sleep()
    scene.push_and_run(server.connection(2), b"on the new one")


@pytest.mark.requirement("CCT-040")
def test_zero_bytes_mean_that_the_server_closed(scene: Scene) -> None:
    connection = scene.open_hardware()
    connection.finish()
    ended = scene.timeline.wait("READ_COMPLETE_ENTER", bytes=0, status="COMPLETED")
    task = scene.timeline.wait("TASK_DATA", closed=True)
    assert not [r for r in scene.timeline.find("READ_POST") if r.seq > ended.seq], "no read may be posted on the dead socket"
    server = scene.bench.server
    scene.app.call("reconnect", channel="inbox", host=server.address, port=server.port)
    assert scene.timeline.wait("CONNECT_BEGIN", after=task.seq)


@pytest.mark.requirement("CCT-040")
@pytest.mark.parametrize("how", ["finish", "reset"])
def test_a_connection_that_ended_in_standby_wakes_once_and_lets_the_host_sleep_again(scene: Scene, how: str) -> None:
    """The other channel still wakes it, and a new transport on the same channel does."""
    ended, other = scene.open_hardware(), scene.open_hardware("other")
    after = scene.sleep()
    getattr(ended, how)()
    wake = scene.timeline.wait("NIC_WAKE", after=after)
    assert (wake.reason, wake.channel) == ("TCP_FIN" if how == "finish" else "TCP_RST", "inbox")
    scene.timeline.wait("TASK_DATA", closed=True, after=after)
    asleep = scene.timeline.wait("SLEEP_ENTER", after=wake.seq)
    scene.assert_no_wake(asleep.seq, "APP_RESUME")
    assert len(scene.device.slots()) == 1
    scene.push_and_run(other, b"still here", "other")
    scene.host.exit_standby()
    server = scene.bench.server
    before = len(server.connections)
    status = scene.app.call("reconnect", channel="inbox", host=server.address, port=server.port)
    assert Status(status) is Status.HARDWARE_SLOT_ALLOCATED
    scene.sleep()
    scene.push_and_run(server.connection(before), b"on the new one")


@pytest.mark.requirement("CCT-026", "CCT-044")
def test_channels_opened_and_closed_while_a_wake_is_not_over_get_their_slots(scene: Scene) -> None:
    """The device takes no slot before it is released, and first it hands over what came behind the waking frame."""
    connection = scene.open_hardware()
    flow = scene.flow_to_host(connection).with_ports(4000, 9)
    behind = [udp_datagram(flow, bytes(1400))] * FRAMES_BEHIND
    for number in range(WAKE_ROUNDS):
        after = scene.sleep()
        connection.push(b"%d" % number)
        scene.bench.inject.burst(behind)
        scene.timeline.wait("NIC_WAKE", after=after)
        scene.host.exit_standby()
        assert scene.open(f"late-{number}") is Status.HARDWARE_SLOT_ALLOCATED
        scene.app.call("close_channel", channel=f"late-{number}")
        scene.timeline.wait("TASK_DATA", data=(b"%d" % number).hex(), after=after)
    assert len(scene.device.slots()) == 1


@pytest.mark.requirement("CCT-041")
@pytest.mark.bench_config(standby=StandbyConfig(hw_slots_total=2, hw_slots_per_app=4))
def test_device_entries_follow_the_slots_and_none_is_ever_evicted(scene: Scene) -> None:
    connections = [scene.open_hardware(name) for name in ("one", "two")]
    slots = {slot.ref for slot in scene.device.slots()}
    with pytest.raises(Exception, match="NO_SLOT"):
        scene.open("three")
    assert {slot.ref for slot in scene.device.slots()} == slots
    scene.sleep()
    for name, connection in zip(("one", "two"), connections, strict=True):
        scene.push_and_run(connection, name.encode(), name)
