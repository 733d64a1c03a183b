"""Control channels over IPv6: the same promises as over IPv4, judged by the server's kernel."""

from __future__ import annotations

import itertools
import socket
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import pytest

from rig.clock import Clock, Deadline
from rig.config import StandbyConfig
from rig.device.numbers import OffloadRc, SlotFlag
from rig.device.offload_types import TcpSlot
from rig.errors import DeviceError
from rig.inject.frames import tcp_segment, tcp_timestamps
from rig.net import counters, links
from rig.peers import PushServer
from rig.suite.scene import NO_PROBES, Scene

pytestmark = pytest.mark.topology("dual-stack")

CYCLES = 10


@pytest.fixture
def server6(scene: Scene) -> Iterator[PushServer]:
    """A push server on the server's IPv6 address. Function scope."""
    with scene.bench.peers.push_server(ipv6=True) as server:
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
@pytest.mark.usefixtures("patient_host")
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


PROBING = {"clock": Clock(50_000), "standby": StandbyConfig(network_ka_retry_min=12)}
"""A keep-alive every 750 ms, the next one 600 ms behind one whose answer a busy machine has not seen yet: it would be counted as
lost, and within 500 ms the peer's kernel answers no other."""


@pytest.mark.edge(1, 3)
@pytest.mark.bench_config(**PROBING)
def test_keep_alives_over_ipv6_are_answered_by_the_servers_kernel(scene: Scene, server6: PushServer) -> None:
    """One every 750 ms, which is slower than the server's limit for answers; they wake nobody."""
    scene.open_hardware(server=server6)
    after = scene.sleep()
    deadline = Deadline(10)
    while (slot := scene.device.slots()[0]).ka_acked < 2:
        assert not deadline.expired, f"{slot.ka_acked} of {slot.ka_sent} probes were answered"
        deadline.pause()
    assert slot.ka_lost == 0
    assert not scene.timeline.find("NIC_WAKE", after=after)


# -- the flow label -----------------------------------------------------------------------------------------------------

EXPEDITED = 0xB8
"""A traffic class: DSCP 46."""


def flow_words(scene: Scene, after: int) -> list[int]:
    """The first 32 bits of the IPv6 header of each TCP segment with the host's address: version, traffic class, flow label."""
    frames = [frame.data for frame in scene.bench.capture.frames(scene.server_port, after=after)]
    mine = [f for f in frames if f[6:12] == scene.last_hop_mac and f[12:14] == b"\x86\xdd" and f[20] == socket.IPPROTO_TCP]
    return [int.from_bytes(f[14:18], "big") for f in mine]


def probed(scene: Scene, count: int) -> list[int]:
    """The flow words of what the device sends from now on until the peer's kernel has answered `count` probes more."""
    mark = scene.bench.capture.mark(scene.server_port)
    deadline, acked = Deadline(10), scene.device.slots()[0].ka_acked + count
    while scene.device.slots()[0].ka_acked < acked:
        assert not deadline.expired, "probes are not answered"
        deadline.pause()
    return flow_words(scene, mark)


@pytest.mark.bench_config(**PROBING)
@pytest.mark.device_can(slot_flag=SlotFlag.FLOW_LABEL)
def test_the_devices_segments_carry_the_flow_label_of_the_hosts_own(scene: Scene, server6: PushServer) -> None:
    """One for a flow, RFC 6437 section 3; and the traffic class that the app has set. Over two sleeps, and a push between."""
    connection = scene.open_hardware(server=server6)
    scene.app.call("set_option", channel="inbox", level=socket.IPPROTO_IPV6, option=socket.IPV6_TCLASS, value=EXPEDITED)
    for number in (b"1", b"2"):
        scene.app.call("send", channel="inbox", data=number)
        connection.wait_received(int(number))
        scene.sleep()
        last = flow_words(scene, 0)[-1]
        assert last >> 20 == 0x600 | EXPEDITED
        assert last & 0xFFFFF
        assert set(probed(scene, 2)) == {last}
        scene.push_and_run(connection, b"push")
        scene.host.exit_standby()


@pytest.mark.bench_config(**PROBING)
def test_a_host_without_flow_labels_has_none_while_it_sleeps(scene: Scene, server6: PushServer) -> None:
    """The negative control: the device makes none up."""
    scene.bench.network.host.run(partial(links.set_sysctl, "net/ipv6/auto_flowlabels", 0, required=True))
    scene.open_hardware(server=server6)
    scene.sleep()
    assert set(flow_words(scene, 0)) == {0x60000000}
    assert set(probed(scene, 1)) == {0x60000000}


@pytest.mark.device_can(slot_flag=SlotFlag.FLOW_LABEL)
def test_a_flow_label_has_20_bits_and_is_of_ipv6(scene: Scene) -> None:
    plan = scene.bench.network.topology
    slot = TcpSlot(
        local=plan.host.ip6, remote=plan.server.ip6, local_port=1, remote_port=2, local_mac=scene.host_mac,
        next_hop_mac=scene.server_mac, flow_label=1 << 20, snd_una=1, snd_nxt=1, snd_wl1=1, snd_wnd=1000, max_snd_wnd=1000,
        rcv_nxt=1, rcv_wnd=1000, rcv_wup=1,
    )  # fmt: skip
    for wrong in (slot, replace(slot, flow_label=0xFFFFFFFF), replace(slot, local="192.0.2.1", remote="192.0.2.2", flow_label=1)):
        with pytest.raises(DeviceError) as refused:
            scene.device.add_tcp_slot(wrong)
        assert refused.value.rc == OffloadRc.BAD_ARG
    assert scene.device.slots() == ()
    scene.device.add_tcp_slot(replace(slot, flow_label=0xFFFFF))
