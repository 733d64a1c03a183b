"""A server that is no neighbour: the device speaks to the gateway in the host's name, over IPv4 and IPv6."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from rig.clock import WAIT_S, Clock, Deadline
from rig.config import StandbyConfig
from rig.inject.frames import IPPROTO_TCP, tcp_fields, tcp_segment, transport
from rig.inject.injector import Injector
from rig.net import counters
from rig.net.capture import CaptureTimeout
from rig.peers import PushServer
from rig.suite.scene import NO_PROBES, QUIET_S, Scene

pytestmark = [
    pytest.mark.topology("routed"),
    pytest.mark.parametrize("server", [socket.AF_INET, socket.AF_INET6], ids=["ipv4", "ipv6"], indirect=True),
]

UNHURRIED = {"clock": Clock(50_000), "standby": StandbyConfig(network_ka_retry_min=12)}
"""A keep-alive every 15 minutes of 50 ms: 750 ms, slower than the server's kernel limits its answers (500 ms). Behind one whose
answer a busy machine has not seen yet the next comes after 600 ms: that would count it as lost."""
HOPS_LEFT = 63
"""Of the 64 that the host's kernel starts with, behind one router."""


@pytest.fixture
def server(request: pytest.FixtureRequest, scene: Scene) -> Iterator[PushServer]:
    """A push server of the family. Function scope."""
    with scene.bench.peers.push_server(ipv6=request.param == socket.AF_INET6) as opened:
        yield opened


def is_tcp(frame: bytes, src_mac: bytes) -> bool:
    try:
        return frame[6:12] == src_mac and transport(frame)[0] == IPPROTO_TCP
    except ValueError:
        return False


def hop_limit(frame: bytes) -> int:
    return frame[21] if frame[12:14] == b"\x86\xdd" else frame[22]


@pytest.mark.edge(1)
@pytest.mark.bench_config(**UNHURRIED)
def test_probes_go_to_the_gateway_and_the_server_behind_it_answers(scene: Scene, server: PushServer) -> None:
    scene.open_hardware(server=server)
    capture = scene.bench.capture
    mark, behind = capture.mark(scene.device_port), capture.mark(scene.server_port)
    after, before = scene.sleep(), counters.read(scene.bench.network.server)
    handoff = scene.handoff()
    probe = capture.wait_for(scene.device_port, lambda data: is_tcp(data, scene.host_mac), after=mark).data
    assert (probe[:6], hop_limit(probe)) == (scene.next_hop_mac, HOPS_LEFT + 1)
    arrived = capture.wait_for(scene.server_port, lambda data: is_tcp(data, scene.last_hop_mac), after=behind).data
    assert (arrived[:6], hop_limit(arrived)) == (scene.server_mac, HOPS_LEFT)
    assert tcp_fields(arrived) == tcp_fields(probe) == ((handoff.snd_nxt - 1) % 2**32, handoff.rcv_nxt, "A", b"")
    deadline = Deadline(WAIT_S)
    while (slot := scene.device.slots()[0]).ka_acked < 2:
        assert not deadline.expired, f"{slot.ka_acked} of {slot.ka_sent} probes were answered"
        deadline.pause()
    assert slot.ka_lost == 0
    assert not scene.timeline.find("NIC_WAKE", after=after)
    assert counters.handoff_faults(before, counters.read(scene.bench.network.server)) == {}


@pytest.mark.edge(1)
@pytest.mark.bench_config(standby=NO_PROBES)
def test_a_probe_to_the_servers_own_address_would_get_nowhere(scene: Scene, server: PushServer) -> None:
    """The negative control: what a device would do that took the server for a neighbour."""
    connection = scene.open_hardware(server=server)
    scene.sleep()
    handoff, flow = scene.handoff(), scene.flow_to_host(connection).reversed
    with Injector.on(scene.bench.network.wire, scene.next_hop_port) as towards_gateway:
        for mac, arrives in ((scene.server_mac, False), (scene.next_hop_mac, True)):
            mark = scene.bench.capture.mark(scene.server_port)
            segment = tcp_segment(flow, handoff.snd_nxt - 1, handoff.rcv_nxt, timestamps=(handoff.tsval, 0))
            towards_gateway.send(mac + segment[6:])
            assert came(scene, mark) is arrives


def came(scene: Scene, mark: int) -> bool:
    """Whether anything of the host's reaches the server in the next QUIET_S."""
    try:
        scene.bench.capture.wait_for(scene.server_port, lambda data: is_tcp(data, scene.last_hop_mac), QUIET_S, after=mark)
    except CaptureTimeout:
        return False
    return True


@pytest.mark.requirement("CCT-028", "CCT-042")
@pytest.mark.usefixtures("patient_host")
def test_a_push_through_the_gateway_wakes_and_the_host_answers(scene: Scene, server: PushServer) -> None:
    connection = scene.open_hardware(server=server)
    before = counters.read(scene.bench.network.server)
    for number in range(3):
        after = scene.sleep()
        scene.push_and_run(connection, b"%d;" % number)
        assert scene.timeline.wait("NIC_WAKE", after=after).reason == "TCP_DATA"
        scene.host.exit_standby()
        scene.app.call("send", channel="inbox", data=b"reply")
        connection.wait_received(5 * (number + 1))
    assert counters.handoff_faults(before, counters.read(scene.bench.network.server)) == {}


@pytest.mark.requirement("CCT-028")
def test_a_push_to_another_port_through_the_gateway_does_not_wake(scene: Scene, server: PushServer) -> None:
    connection = scene.open_hardware(server=server)
    after = scene.sleep()
    flow, handoff = scene.flow_to_host(connection), scene.handoff()
    stranger = tcp_segment(flow.with_ports(dst_port=flow.dst_port ^ 1), handoff.rcv_nxt, handoff.snd_nxt, "PA", b"hello")
    scene.bench.inject.send(stranger)
    scene.assert_no_wake(after)
    scene.push_and_run(connection, b"hello")
