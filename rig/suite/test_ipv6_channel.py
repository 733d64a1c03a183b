"""Control channels over IPv6: the same promises as over IPv4, judged by the server's kernel."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator

import pytest

from rig.clock import Clock, Deadline
from rig.inject.frames import tcp_segment, tcp_timestamps
from rig.net import counters
from rig.peers import PushServer
from rig.suite.scene import NO_PROBES, Scene

pytestmark = pytest.mark.topology("dual-stack")

CYCLES = 10


@pytest.fixture
def server6(scene: Scene) -> Iterator[PushServer]:
    """A push server on the server's IPv6 address. Function scope."""
    with scene.bench.serve("server", ipv6=True) as server:
        yield server


@pytest.mark.requirement("CCT-028", "CCT-042")
def test_in_standby_a_push_over_ipv6_wakes_and_runs(scene: Scene, server6: PushServer) -> None:
    connection = scene.open_hardware(server=server6)
    assert ":" in connection.peer[0]
    after = scene.sleep()
    scene.push_and_run(connection, b"wake up")
    wake = scene.timeline.wait("NIC_WAKE", after=after)
    assert (wake.reason, wake.channel) == ("TCP_DATA", "inbox")


@pytest.mark.requirement("CCT-028")
@pytest.mark.bench_config(standby=NO_PROBES)
def test_ipv6_segments_that_are_not_the_channels_do_not_wake(scene: Scene, server6: PushServer) -> None:
    """Another port; the right one with a wrong checksum; the right one as the control."""
    connection = scene.open_hardware(server=server6)
    after = scene.sleep()
    flow, handoff = scene.flow_to_host(connection), scene.handoff()
    good = tcp_segment(flow, handoff.rcv_nxt, handoff.snd_nxt, "PA", b"hello", timestamps=scene.peer_timestamps())
    scene.bench.inject.send(
        tcp_segment(flow.with_ports(dst_port=flow.dst_port ^ 1), handoff.rcv_nxt, handoff.snd_nxt, "PA", b"x")
    )
    scene.bench.inject.send(good[:-1] + bytes([good[-1] ^ 1]))
    scene.assert_no_wake(after)
    scene.bench.inject.send(good)
    assert scene.timeline.wait("NIC_WAKE", after=after).reason == "TCP_DATA"


@pytest.mark.edge(37, 103)
def test_handoffs_over_ipv6_leave_no_trace_at_the_server(scene: Scene, server6: PushServer) -> None:
    """Each cycle sleeps, is woken by a push, and sends right after; timestamps only go forward."""
    connection = scene.open_hardware(server=server6)
    before = counters.read(scene.bench.network.server)
    for number in range(CYCLES):
        scene.sleep()
        scene.push_and_run(connection, b"%d;" % number)
        scene.host.exit_standby()
        scene.app.call("send", channel="inbox", data=b"reply")
        connection.wait_received(5 * (number + 1))
    assert counters.handoff_faults(before, counters.read(scene.bench.network.server)) == {}
    stamps = [tcp_timestamps(f.data) for f in scene.bench.capture.frames(scene.server_port) if f.data[6:12] == scene.host_mac]
    values = [pair[0] for pair in stamps if pair is not None]
    assert len(values) > 2 * CYCLES
    assert all((b - a) % 2**32 < 2**31 for a, b in itertools.pairwise(values)), "TSval went back"


@pytest.mark.edge(1, 3)
@pytest.mark.bench_config(clock=Clock(50_000))
def test_keep_alives_over_ipv6_are_answered_by_the_servers_kernel(scene: Scene, server6: PushServer) -> None:
    """One every 750 ms, which is slower than the server's limit for answers; they wake nobody."""
    scene.open_hardware(server=server6)
    after = scene.sleep()
    deadline = Deadline(10)
    while (slot := scene.device.slots()[0]).ka_acked < 2:
        assert not deadline.expired, f"{slot.ka_acked} of {slot.ka_sent} probes were answered"
        time.sleep(0.05)
    assert slot.ka_lost == 0
    assert not scene.timeline.find("NIC_WAKE", after=after)
