"""Falling asleep and waking: races, lost indications, storms, and what the peer's kernel notices (nothing)."""

from __future__ import annotations

import itertools
import threading
import time
from dataclasses import replace

import pytest

from rig.clock import Deadline
from rig.config import StandbyConfig
from rig.device import tape
from rig.device.numbers import Command, Fault
from rig.device.offload_types import Pattern
from rig.errors import BenchError
from rig.inject.frames import magic_packet, tcp_fields, tcp_segment, tcp_timestamps, udp_datagram
from rig.net import counters
from rig.net.retransmission import PATIENT
from rig.suite.scene import NO_PROBES, Scene

CYCLES = 20
RTAX_FEATURE_TCP_USEC_TS = 1 << 4
"""rtnetlink.h"""
SWEEP_STEPS = 100
"""Pushes at 0 to 20 ms around the entry; `rig bench` sweeps further."""
SILENT_CYCLES = 30
STORM_FRAMES = 1000
LINGER_MS = 1000
"""The last frames of a burst whose sender was put aside find the host awake still. No longer: it would fall asleep so much later
when an app is late for its suspension."""

LATE_REPLIES, LATE_MS = 3, 100
"""To host awake and to drains, but for the last one: long enough for frames to come between two of them."""
AT_ONCE = 4
"""Frames right behind the waking one. The others come one by one, while the device's answers are on their way."""
MOST_AN_ANSWER = 5
"""Of the others, while one answer is; fewer where the device has room for few: two answers' must fit."""


def tsvals_from_host(scene: Scene) -> list[int]:
    """TSval of every segment of the host's that reached the server's port, in order."""
    values = []
    for frame in scene.bench.capture.frames(scene.server_port):
        stamps = tcp_timestamps(frame.data)
        if frame.data[6:12] == scene.last_hop_mac and stamps is not None:
            values.append(stamps[0])
    return values


def set_clock(scene: Scene, clock_hz: int, **metrics: int) -> None:
    """The host's timestamps count milliseconds unless its routes ask for more."""
    features = {} if clock_hz == 1000 else {"features": RTAX_FEATURE_TCP_USEC_TS}
    try:
        scene.bench.network.set_host_metrics({**metrics, **features})
    except BenchError as error:
        if not features:
            raise
        pytest.skip(f"this kernel has no timestamps in microseconds (tcp_usec_ts, Linux 6.7): {error.cause}")


def drains_without_frames(scene: Scene) -> list[int]:
    """When the host asked the device for its frames and it had none, in ns of CLOCK_MONOTONIC."""
    said = [one for one in tape.read(scene.bench.artefacts / tape.FILE) if one.command == Command.DRAIN and not one.write]
    asked_ns = {one.seq: one.t_ns for one in said if not one.by_device}
    return [asked_ns[one.seq] for one in said if one.by_device and not one.body["frames"]]


def ticks_per_s(scene: Scene) -> float:
    """Of the host's timestamp clock, from its first hand-over to its last."""
    first, *_, last = scene.timeline.find("HANDOFF")
    ticks: int = (last.tsval - first.tsval) % 2**32
    return ticks / ((last.t_ns - first.t_ns) / 1e9)


@pytest.mark.edge(37, 38)
@pytest.mark.parametrize("clock_hz", [1000, 1_000_000])
def test_tsval_never_goes_back_over_many_handoffs(scene: Scene, clock_hz: int) -> None:
    """With the host's timestamps in milliseconds, and in microseconds as a route may ask for (tcp_usec_ts)."""
    set_clock(scene, clock_hz, **PATIENT)
    connection = scene.open_hardware()
    before = counters.read(scene.bench.network.server)
    for number in range(CYCLES):
        scene.sleep()
        scene.push_and_run(connection, b"%d;" % number)
        scene.host.exit_standby()
        scene.app.call("send", channel="inbox", data=b"reply")
        connection.wait_received(5 * (number + 1))
    assert ticks_per_s(scene) == pytest.approx(clock_hz, rel=0.2), "the kernel has another clock"
    values = tsvals_from_host(scene)
    assert len(values) > 2 * CYCLES
    assert all((b - a) % 2**32 < 2**31 for a, b in itertools.pairwise(values)), "TSval went back"
    assert counters.handoff_faults(before, counters.read(scene.bench.network.server)) == {}


@pytest.mark.edge(38)
@pytest.mark.parametrize("clock_hz", [1000, 1_000_000])
def test_the_device_goes_on_with_the_hosts_timestamp_clock(scene: Scene, clock_hz: int) -> None:
    """Two probes of the device, 750 ms apart, and the hand-over before them: one clock, and no step in it."""
    set_clock(scene, clock_hz)
    scene.open_hardware()
    mark = scene.bench.capture.mark(scene.device_port)
    scene.sleep()
    (closed,) = scene.timeline.find("GATE_CLOSED")
    handed, stamps = scene.handoff(), list[tuple[int, int]]()
    deadline = Deadline(10)
    while len(stamps) < 2:
        assert not deadline.expired, f"of two probes of the device with timestamps came {len(stamps)}, {stamps}"
        deadline.pause()
        frames = [f for f in scene.bench.capture.frames(scene.device_port, after=mark) if f.data[6:12] == scene.host_mac]
        stamps = [(f.t_ns, pair[0]) for f in frames if (pair := tcp_timestamps(f.data)) is not None]
    for t_ns, tsval in stamps[:2]:
        least_s, most_s = (t_ns - handed.t_ns) / 1e9, (t_ns - closed.t_ns) / 1e9  # it was read between the two
        assert least_s - 0.1 < (tsval - handed.tsval) % 2**32 / clock_hz < most_s + 0.1


@pytest.mark.edge(89)
@pytest.mark.bench_config(standby=NO_PROBES)
def test_a_push_around_commit_is_delivered_exactly_once(scene: Scene) -> None:
    connection = scene.open_hardware()
    expected = b""
    for step in range(SWEEP_STEPS):
        message = b"%d;" % step
        pusher = threading.Timer(step * 0.0002, connection.push, (message,))
        after = scene.timeline.mark()
        pusher.start()
        scene.host.enter_standby()
        pusher.join()
        scene.timeline.wait("TASK_DATA", after=after)
        scene.host.exit_standby()
        expected += message
    assert b"".join(scene.app.call("messages", channel="inbox")) == expected


@pytest.mark.edge(89)
def test_a_push_to_a_software_channel_is_delivered_once_when_active(scene: Scene) -> None:
    """The negative control: the same push must not wake, and still arrives once. No task runs for it: its slot did not last over
    the standby (CCT-047)."""
    scene.let_peers_repeat()
    assert scene.open(hardware=False).allocated
    after = scene.sleep()
    scene.bench.server.push(b"later")
    scene.assert_no_wake(after)
    scene.host.exit_standby()
    scene.timeline.wait("READ_COMPLETE_EXIT", channel="inbox", after=after)
    assert scene.app.call("messages", channel="inbox") == [b"later"]


@pytest.mark.edge(94)
@pytest.mark.device_can(command=Command.FAULT_INJECT)
def test_a_lost_wake_indication_is_told_again(scene: Scene) -> None:
    connection = scene.open_hardware()
    after = scene.sleep()
    scene.device.fault_inject(Fault.DROP_EVENT, 1)
    scene.push_and_run(connection, b"told twice")
    assert len(scene.timeline.find("NIC_WAKE", after=after)) == 1


@pytest.mark.edge(94)
@pytest.mark.bench_config(standby=NO_PROBES)
def test_an_old_wake_does_not_wake_again(scene: Scene) -> None:
    connection = scene.open_hardware()
    scene.sleep()
    scene.push_and_run(connection, b"once")
    scene.host.exit_standby()
    after = scene.timeline.mark()
    for _ in range(SILENT_CYCLES):
        scene.host.enter_standby()
        scene.host.exit_standby()
    assert not scene.timeline.find("NIC_WAKE", after=after)


@pytest.mark.edge(95)
@pytest.mark.bench_config(standby=StandbyConfig(linger_ms=LINGER_MS))
def test_a_storm_of_waking_frames_is_one_wake(scene: Scene) -> None:
    connection = scene.open_hardware()
    scene.device.add_pattern(Pattern.magic(1))
    plan = scene.bench.network.topology
    after, before = scene.sleep(), scene.device.counters()
    storm = [magic_packet(plan.next_hop.mac, plan.host.mac, dst_mac=plan.host.mac)] * STORM_FRAMES
    scene.bench.inject.burst(storm)
    wake = scene.timeline.wait("NIC_WAKE", after=after)
    scene.timeline.wait("SLOT_RELEASED", after=wake.seq)
    assert len(scene.timeline.find("NIC_WAKE", after=after)) == 1
    first = scene.timeline.find("REINJECT", after=after)[0]
    assert (first.index, first.flags & 1) == (1, 1), "the first of them is kept, and marked as the one that woke"
    counted = scene.device.counters()
    assert counted["rx_total"] - before["rx_total"] >= 1
    scene.push_and_run(connection, b"and the host still works")


@pytest.mark.edge(102)
@pytest.mark.bench_config(standby=replace(NO_PROBES, linger_ms=LINGER_MS))
def test_reason_first_then_the_waking_frame_then_the_rest_each_once(scene: Scene) -> None:
    connection = scene.open_hardware()
    after = scene.sleep()
    handoff, flow = scene.handoff(), scene.flow_to_host(connection)
    plan = scene.bench.network.topology
    behind = [udp_datagram(flow.with_ports(4000, 9), b"number %d" % n) for n in range(3)]
    push = tcp_segment(flow, handoff.rcv_nxt, handoff.snd_nxt, "PA", b"first", timestamps=scene.peer_timestamps())
    mark = scene.bench.capture.mark(plan.host.port)
    scene.bench.inject.burst([push, *behind])
    wake = scene.timeline.wait("NIC_WAKE", after=after)
    scene.timeline.wait("TASK_DATA", data=b"first".hex(), after=after)
    scene.timeline.wait("SLOT_RELEASED", after=after)
    assert wake.seq < scene.timeline.find("REINJECT", after=after)[0].seq
    scene.bench.capture.wait_for(plan.host.port, lambda data: data == behind[-1], after=mark)
    at_host = [frame.data for frame in scene.bench.capture.frames(plan.host.port, after=mark)]
    injected = [data for data in at_host if data in (push, *behind)]
    assert injected == [push, *behind]


@pytest.mark.edge(102)
@pytest.mark.bench_config(standby=replace(NO_PROBES, linger_ms=LINGER_MS))
@pytest.mark.device_can(command=Command.FAULT_INJECT, buffered_frames=AT_ONCE + 2)
def test_nothing_overtakes_the_frames_that_wait_on_the_device(scene: Scene) -> None:
    """Its answers come late, as of a busy one: what comes meanwhile waits behind them, and none of it is lost. What comes to the
    device once the host has asked it for the last may come behind a frame that the switch, told meanwhile, gave to the host."""
    connection = scene.open_hardware()
    scene.sleep()
    handoff, flow = scene.handoff(), scene.flow_to_host(connection)
    push = tcp_segment(flow, handoff.rcv_nxt, handoff.snd_nxt, "PA", b"first", timestamps=scene.peer_timestamps())
    an_answer = min(MOST_AN_ANSWER, (scene.device.capabilities().buffered_frames - AT_ONCE) // 2)
    behind = [udp_datagram(flow.with_ports(4000, 9), b"number %02d" % n) for n in range(AT_ONCE + (LATE_REPLIES + 1) * an_answer)]
    port = scene.bench.network.topology.host.port
    mark = scene.bench.capture.mark(port)
    scene.device.fault_inject(Fault.DELAY_REPLY, LATE_REPLIES, delay_ms=LATE_MS)
    scene.bench.inject.burst([push, *behind[:AT_ONCE]])
    scene.bench.inject.burst(behind[AT_ONCE:], interval_us=LATE_MS * 1000 / an_answer)
    scene.bench.capture.wait_for(port, lambda data: data == behind[-1], after=mark)
    scene.timeline.wait("SLOT_RELEASED")
    sent = [push, *behind]
    numbers = [sent.index(frame.data) for frame in scene.bench.capture.frames(port, after=mark) if frame.data in sent]
    assert sorted(numbers) == list(range(len(sent))), f"the host had these of {len(sent)} frames: {numbers}"
    empty = drains_without_frames(scene)
    assert empty, "the host never asked the device for its last frame"
    in_time = [frame.data for frame in scene.bench.capture.frames(scene.bench.network.device_port) if frame.t_ns < empty[0]]
    waiting = [number for number, data in enumerate(sent) if data in in_time]
    lack = f"only {len(waiting)} frames were on the device before it was asked for its last: this shows nothing of its answers"
    assert len(waiting) > AT_ONCE + 1, lack
    assert numbers[: len(waiting)] == waiting, f"frames {waiting} waited on the device, and came to the host so: {numbers}"


@pytest.mark.edge(103)
def test_the_hosts_first_segment_after_resume_is_taken_without_a_murmur(scene: Scene) -> None:
    connection = scene.open_hardware()
    before = counters.read(scene.bench.network.server)
    scene.sleep()
    time.sleep(0.01)  # a handful of timestamp ticks on the device
    scene.host.exit_standby()
    scene.app.call("send", channel="inbox", data=b"right after")
    assert connection.wait_received(len(b"right after")) == b"right after"
    assert counters.handoff_faults(before, counters.read(scene.bench.network.server)) == {}
    handoff = scene.handoff()
    assert any(
        tcp_fields(f.data)[:1] == (handoff.snd_nxt,)
        for f in scene.bench.capture.frames(scene.server_port)
        if f.data[6:12] == scene.last_hop_mac and f.data[12:14] == b"\x08\x00" and f.data[23] == 6
    )
