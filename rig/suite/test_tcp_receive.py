"""What the device makes of segments for a slot: resets, padding, broken checksums."""

from __future__ import annotations

import pytest

from rig.inject.frames import ETHERNET_BYTES, flip_bits, pad, tcp_segment
from rig.suite.scene import NO_PROBES, Scene

pytestmark = pytest.mark.bench_config(standby=NO_PROBES)


@pytest.mark.edge(23)
def test_rst_at_rcv_nxt_wakes_and_breaks_the_slot(scene: Scene) -> None:
    connection = scene.open_hardware()
    after = scene.sleep()
    handoff, flow = scene.handoff(), scene.flow_to_host(connection)
    scene.bench.inject.send(tcp_segment(flow.with_ports(dst_port=flow.dst_port ^ 1), handoff.rcv_nxt, 0, "R"))
    scene.bench.inject.send(tcp_segment(flow, handoff.rcv_nxt - 1, 0, "R"))
    scene.assert_no_wake(after)
    connection.reset()
    assert scene.timeline.wait("NIC_WAKE", after=after).reason == "TCP_RST"
    assert scene.timeline.wait("SLOT_RELEASED", after=after).state == "BROKEN"
    scene.timeline.wait("TASK_DATA", closed=True, after=after)


@pytest.mark.edge(46)
def test_ethernet_padding_is_not_payload(scene: Scene) -> None:
    connection = scene.open_hardware()
    after = scene.sleep()
    handoff, flow = scene.handoff(), scene.flow_to_host(connection)
    ack = tcp_segment(flow, handoff.rcv_nxt, handoff.snd_nxt, "A", timestamps=scene.peer_timestamps())
    bare = tcp_segment(flow, handoff.rcv_nxt, handoff.snd_nxt, "A")
    for frame in (pad(ack, len(ack) + 20, 0x55), bare[:54] + b"\x55" * 6):
        scene.bench.inject.send(frame)
    scene.assert_no_wake(after)
    scene.push_and_run(connection, b"six by")


@pytest.mark.edge(56)
def test_no_single_flipped_bit_of_a_waking_frame_wakes(scene: Scene) -> None:
    connection = scene.open_hardware()
    after = scene.sleep()
    handoff, flow = scene.handoff(), scene.flow_to_host(connection)
    good = tcp_segment(flow, handoff.rcv_nxt, handoff.snd_nxt, "PA", b"wake", timestamps=scene.peer_timestamps())
    broken = [flip_bits(good, at, 1 << bit) for at in range(ETHERNET_BYTES, len(good)) for bit in range(8)]
    scene.send_to_device(broken)
    scene.assert_no_wake(after)
    scene.bench.inject.send(good)
    assert scene.timeline.wait("NIC_WAKE", after=after).reason == "TCP_DATA"


@pytest.mark.edge(42)
def test_a_new_fin_behind_old_data_is_a_fin(scene: Scene) -> None:
    """A lost ACK, and the FIN merged into the repetition: the kernel trims off what it has had, and the app reads the end."""
    connection = scene.open_hardware()
    after = scene.sleep()
    handoff, flow, stamps = scene.handoff(), scene.flow_to_host(connection), scene.peer_timestamps()
    scene.bench.inject.send(tcp_segment(flow, handoff.rcv_nxt - 5, handoff.snd_nxt, "PA", b"HELLO", timestamps=stamps))
    scene.assert_no_wake(after)
    scene.bench.inject.send(tcp_segment(flow, handoff.rcv_nxt - 5, handoff.snd_nxt, "FPA", b"HELLO", timestamps=stamps))
    assert scene.timeline.wait("NIC_WAKE", after=after).reason == "TCP_FIN"
    scene.timeline.wait("TASK_DATA", closed=True, after=after)
