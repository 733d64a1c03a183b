"""What the device sends in the sleeping host's name besides TCP: the judges are the peer's sockets, and scapy on the wire."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from rig.device.numbers import MdnsFlag, OffloadType, UdpFlag
from rig.device.offload_types import ProtocolOffload
from rig.suite.offload_room import OF_FLAT_HOST
from rig.suite.queries import WAIT_S, is_igmp, is_mld_report, query4, query6, reports
from rig.suite.scene import QUIET_S, Scene, skip_behind_nat

OFFLOAD_ID = 900
NATT_PORT = 4500
INTERVAL_MS = 120_000
"""Two specification minutes."""


def interval_s(scene: Scene) -> float:
    """INTERVAL_MS on the bench's clock."""
    return INTERVAL_MS / 60_000 * scene.bench.config.clock.minute_us / 1e6


@pytest.fixture
def peer(scene: Scene) -> Iterator[socket.socket]:
    """A UDP socket of the server's kernel on port 4500. Function scope."""
    skip_behind_nat(scene.bench)
    with scene.bench.network.server.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(WAIT_S)
        sock.bind((scene.bench.network.topology.server.ip4, NATT_PORT))
        yield sock


def natt(scene: Scene) -> ProtocolOffload:
    plan = scene.bench.network.topology
    return ProtocolOffload.natt(
        OFFLOAD_ID,
        ip=plan.host.ip4,
        mac=scene.host_mac,
        remote=plan.server.ip4,
        next_hop_mac=scene.next_hop_mac,
        interval_ms=INTERVAL_MS,
    )


def sent_by_device(scene: Scene, offload_id: int = OFFLOAD_ID) -> int:
    return next(row.answered for row in scene.device.offloads() if row.id == offload_id)


@pytest.mark.edge(21)
@pytest.mark.device_can(offload=OffloadType.NATT, offloads=OF_FLAT_HOST + 1)
def test_nat_t_keep_alives_reach_the_peers_socket(scene: Scene, peer: socket.socket) -> None:
    scene.device.add_offload(natt(scene))
    scene.sleep()
    received = [peer.recvfrom(100) for _ in range(4)]
    assert received == [(b"\xff", (scene.bench.network.topology.host.ip4, NATT_PORT))] * 4
    assert sent_by_device(scene) >= 4


@pytest.mark.edge(21)
@pytest.mark.parametrize(
    "payload", [bytes(4) + bytes(range(1, 33)), bytes.fromhex("0badcafe00000001") + bytes(24)], ids=["IKE", "ESP"]
)
@pytest.mark.device_can(offload=OffloadType.NATT, offloads=OF_FLAT_HOST + 1)
def test_inbound_keep_alive_is_silent_and_ipsec_wakes(scene: Scene, peer: socket.socket, payload: bytes) -> None:
    """All sent by the peer's kernel, after an ARP exchange with the device."""
    scene.device.add_offload(natt(scene))
    host = scene.bench.network.topology.host.ip4, NATT_PORT
    before = scene.device.counters()
    after = scene.sleep()
    for _ in range(3):
        peer.sendto(b"\xff", host)
    scene.wait_counted("natt_ka_ignored", before, 3)
    scene.assert_no_wake(after)
    assert scene.device.counters()["natt_ka_ignored"] - before["natt_ka_ignored"] == 3
    peer.sendto(payload, host)
    assert scene.timeline.wait("NIC_WAKE", after=after).reason == "IPSEC"


@pytest.mark.edge(21)
@pytest.mark.device_can(offload=OffloadType.NATT, offloads=OF_FLAT_HOST + 1)
def test_a_removed_keep_alive_is_silent(scene: Scene, peer: socket.socket) -> None:
    scene.device.add_offload(natt(scene))
    scene.device.remove_offload(OFFLOAD_ID)
    scene.sleep()
    peer.settimeout(3 * interval_s(scene))
    with pytest.raises(TimeoutError):
        peer.recvfrom(100)


@pytest.mark.parametrize("length", [0, 1, 32])
@pytest.mark.device_can(offload=OffloadType.UDP, offloads=OF_FLAT_HOST + 1)
def test_udp_keep_alive_of_any_payload(scene: Scene, peer: socket.socket, length: int) -> None:
    plan, payload = scene.bench.network.topology, bytes(range(length))
    scene.device.add_offload(
        ProtocolOffload(
            id=OFFLOAD_ID, type=OffloadType.UDP, ip=plan.host.ip4, mac=scene.host_mac, remote=plan.server.ip4, data=payload,
            next_hop_mac=scene.next_hop_mac, local_port=6000, remote_port=NATT_PORT, interval_ms=INTERVAL_MS,
            flags=UdpFlag.WAKE_ON_DATA,
        )
    )  # fmt: skip
    after = scene.sleep()
    assert [peer.recvfrom(100) for _ in range(2)] == [(payload, (plan.host.ip4, 6000))] * 2
    scene.assert_no_wake(after)
    peer.sendto(b"data", (plan.host.ip4, 6000))
    assert scene.timeline.wait("NIC_WAKE", after=after).reason == "UDP_DATA"


# -- groups ------------------------------------------------------------------------------------------------------------

GROUPS4 = ("239.1.2.3", "224.0.0.253")
GROUPS6 = ("ff02::1:ff00:10", "ff05::5")
"""A device may wait any part of the response time. Of ours MAC and group settle which (firmware/core/membership.c):
for these an eighth at most, so that a busy machine has the rest of RESPONSE_S to be late with."""
RESPONSE_S = 2
HOST_LINK_LOCAL = "fe80::10"


def with_groups(scene: Scene) -> None:
    plan = scene.bench.network.topology
    for i, group in enumerate(GROUPS4):
        scene.device.add_offload(ProtocolOffload.group(OFFLOAD_ID + i, ip=plan.host.ip4, mac=scene.host_mac, group=group))
    for i, group in enumerate(GROUPS6):
        number = OFFLOAD_ID + len(GROUPS4) + i
        scene.device.add_offload(ProtocolOffload.group(number, ip=HOST_LINK_LOCAL, mac=scene.host_mac, group=group))


@pytest.mark.edge(87)
@pytest.mark.device_can(offload=OffloadType.GROUP, offloads=OF_FLAT_HOST + len(GROUPS4) + len(GROUPS6))
def test_igmp_query_is_answered_in_time_for_every_group(scene: Scene) -> None:
    from scapy.layers.igmp import IGMP
    from scapy.layers.inet import IP
    from scapy.layers.l2 import Ether

    with_groups(scene)
    after = scene.sleep()
    mark = scene.bench.capture.mark(scene.next_hop_port)
    asked_ns = scene.bench.inject.send(query4(scene, response_ds=10 * RESPONSE_S))
    found = reports(scene, mark, is_igmp, len(GROUPS4))
    assert {Ether(data)[IGMP].gaddr for _, data in found} == set(GROUPS4)
    for t_ns, data in found:
        frame = Ether(data)
        assert (frame[IP].dst, frame[IP].ttl, frame[IGMP].type) == (frame[IGMP].gaddr, 1, 0x16)
        assert 0 < t_ns - asked_ns < RESPONSE_S * 1e9
    scene.assert_no_wake(after)


@pytest.mark.edge(87)
@pytest.mark.device_can(offload=OffloadType.GROUP, offloads=OF_FLAT_HOST + len(GROUPS4) + len(GROUPS6))
def test_mld_query_is_answered_in_time_for_every_group(scene: Scene) -> None:
    from scapy.layers.inet6 import ICMPv6MLReport2, IPv6
    from scapy.layers.l2 import Ether

    with_groups(scene)
    after = scene.sleep()
    mark = scene.bench.capture.mark(scene.next_hop_port)
    asked_ns = scene.bench.inject.send(query6(scene, response_ms=1000 * RESPONSE_S))
    sender = socket.inet_pton(socket.AF_INET6, HOST_LINK_LOCAL)  # the service's own reports come from the host's real one
    found = reports(scene, mark, lambda data: is_mld_report(data) and data[22:38] == sender, len(GROUPS6))
    assert {Ether(data)[ICMPv6MLReport2].records[0].dst for _, data in found} == set(GROUPS6)
    for t_ns, data in found:
        assert (Ether(data)[IPv6].dst, Ether(data)[IPv6].src) == ("ff02::16", HOST_LINK_LOCAL)
        assert 0 < t_ns - asked_ns < RESPONSE_S * 1e9
    scene.assert_no_wake(after)


@pytest.mark.edge(87)
@pytest.mark.device_can(offload=OffloadType.GROUP)
def test_without_the_offload_a_query_is_policy(scene: Scene) -> None:
    after = scene.sleep()
    before = scene.device.counters()
    scene.bench.inject.send(query4(scene, response_ds=1))
    scene.wait_received_by_device(before, 1)
    scene.assert_no_wake(after)
    assert scene.device.counters()["group_reports"] == before["group_reports"]


# -- DHCP --------------------------------------------------------------------------------------------------------------

LEASE_S = 3600
"""Sixty specification minutes: T1 after thirty, 1.5 s. As long again a busy machine has for its answer."""
XID = 0x5EED0000
ROUTER, OTHER_ROUTER = "192.0.2.1", "192.0.2.2"


@pytest.fixture
def dhcp_server(scene: Scene) -> Iterator[socket.socket]:
    """The server's end of port 67. Function scope."""
    import scapy.layers.dhcp  # noqa: F401  # half a second, which is more than the device waits for an answer

    skip_behind_nat(scene.bench)
    with scene.bench.network.server.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(WAIT_S)
        sock.bind((scene.bench.network.topology.server.ip4, 67))
        yield sock


def with_lease(scene: Scene) -> None:
    plan = scene.bench.network.topology
    scene.device.add_offload(
        ProtocolOffload(
            id=OFFLOAD_ID, type=OffloadType.DHCP, ip=plan.host.ip4, mac=scene.host_mac, remote=plan.server.ip4, xid=XID,
            next_hop_mac=scene.next_hop_mac, lease_s=LEASE_S, data=b"\x01" + scene.host_mac,
            options=b"\x03\x04" + socket.inet_aton(ROUTER),
        )
    )  # fmt: skip


def serve(scene: Scene, server: socket.socket, kind: str, number: int, router: str = ROUTER) -> None:
    """Take one request, which must be a renewal as RFC 2131 has it, and answer it. The one before may have been repeated, as its
    answer was late."""
    from scapy.layers.dhcp import BOOTP, DHCP

    plan = scene.bench.network.topology
    raw, peer = server.recvfrom(1000)
    while BOOTP(raw).xid == XID + number - 1:
        raw, peer = server.recvfrom(1000)
    asked = BOOTP(raw)
    assert (peer, asked.xid, asked.ciaddr) == ((plan.host.ip4, 68), XID + number, plan.host.ip4)
    for option in (("message-type", 3), ("client_id", b"\x01" + scene.host_mac)):
        assert option in asked[DHCP].options
    options = [("message-type", kind), ("server_id", plan.server.ip4), ("lease_time", LEASE_S), ("router", router), "end"]
    reply = BOOTP(op=2, xid=asked.xid, ciaddr=asked.ciaddr, yiaddr=asked.ciaddr, chaddr=asked.chaddr) / DHCP(options=options)
    server.sendto(bytes(reply), peer)


@pytest.mark.device_can(offload=OffloadType.DHCP, offloads=OF_FLAT_HOST + 1)
def test_the_lease_is_renewed_while_the_host_sleeps(scene: Scene, dhcp_server: socket.socket) -> None:
    with_lease(scene)
    wakes = scene.device.status().wakes
    scene.sleep()
    for number in range(3):
        serve(scene, dhcp_server, "ack", number)
    scene.wait_for(lambda: sent_by_device(scene), 3)
    row = next(row for row in scene.device.offloads() if row.id == OFFLOAD_ID)
    assert row.lease_s > LEASE_S / 2
    assert scene.device.status().wakes == wakes, "woken by a renewal"


@pytest.mark.device_can(offload=OffloadType.DHCP, offloads=OF_FLAT_HOST + 1)
def test_a_renewal_with_another_router_wakes_the_host(scene: Scene, dhcp_server: socket.socket) -> None:
    with_lease(scene)
    after = scene.sleep()
    serve(scene, dhcp_server, "ack", 0)
    scene.assert_no_wake(after)
    serve(scene, dhcp_server, "ack", 1, OTHER_ROUTER)
    assert scene.timeline.wait("NIC_WAKE", after=after).reason == "DHCP_CHANGED"


@pytest.mark.device_can(offload=OffloadType.DHCP, offloads=OF_FLAT_HOST + 1)
def test_a_nak_wakes_the_host(scene: Scene, dhcp_server: socket.socket) -> None:
    with_lease(scene)
    after = scene.sleep()
    serve(scene, dhcp_server, "ack", 0)
    serve(scene, dhcp_server, "nak", 1)
    assert scene.timeline.wait("NIC_WAKE", after=after).reason == "DHCP_NAK"


@pytest.mark.device_can(offload=OffloadType.DHCP, offloads=OF_FLAT_HOST + 1)
def test_a_silent_server_ends_the_lease_and_wakes(scene: Scene, dhcp_server: socket.socket) -> None:
    with_lease(scene)
    after = scene.sleep()
    assert scene.timeline.wait("NIC_WAKE", after=after).reason == "DHCP_EXPIRED"
    dhcp_server.recvfrom(1000)
    dhcp_server.recvfrom(1000)


# -- mDNS --------------------------------------------------------------------------------------------------------------

MDNS_GROUP = "224.0.0.251", 5353
HOST_NAME = b"\x07sleeper\x05local\0"
TYPE_A, CLASS_IN = 1, 1


def with_record(scene: Scene) -> bytes:
    """The host's address record; returns its data."""
    plan = scene.bench.network.topology
    data = socket.inet_aton(plan.host.ip4)
    scene.device.add_offload(
        ProtocolOffload(
            id=OFFLOAD_ID, type=OffloadType.MDNS, ip=plan.host.ip4, mac=scene.host_mac, name=HOST_NAME, rrtype=TYPE_A, data=data,
            flags=MdnsFlag.UNIQUE,
        )
    )  # fmt: skip
    return data


@contextmanager
def resolver(scene: Scene, port: int) -> Iterator[socket.socket]:
    """A socket of a neighbour's kernel that speaks to the mDNS group; on port 5353 it hears it, too."""
    address = socket.inet_aton(scene.bench.network.topology.next_hop.ip4)
    with scene.bench.network.next_hop.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(WAIT_S)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, address)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 0)
        sock.bind(("", port))
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(MDNS_GROUP[0]) + address)
        yield sock


def mdns_question(*, known: bytes = b"", id_: int = 0) -> bytes:
    return struct.pack("!6H", id_, 0, 1, bool(known), 0, 0) + HOST_NAME + struct.pack("!2H", TYPE_A, CLASS_IN) + known


def mdns_record(data: bytes, ttl_s: int, rrclass: int) -> bytes:
    return HOST_NAME + struct.pack("!2HIH", TYPE_A, rrclass, ttl_s, len(data)) + data


@pytest.mark.device_can(offload=OffloadType.MDNS, offloads=OF_FLAT_HOST + 1)
def test_mdns_question_of_the_peers_kernel_is_answered_to_the_group(scene: Scene) -> None:
    data = with_record(scene)
    after = scene.sleep()
    with resolver(scene, MDNS_GROUP[1]) as sock:
        sock.sendto(mdns_question(), MDNS_GROUP)
        answer, sender = sock.recvfrom(1000)
    assert sender == (scene.bench.network.topology.host.ip4, 5353)
    assert answer == struct.pack("!6H", 0, 0x8400, 0, 1, 0, 0) + mdns_record(data, 120, 0x8000 | CLASS_IN)
    scene.assert_no_wake(after)


@pytest.mark.device_can(offload=OffloadType.MDNS, offloads=OF_FLAT_HOST + 1)
def test_a_legacy_resolver_is_answered_alone(scene: Scene) -> None:
    data = with_record(scene)
    scene.sleep()
    with resolver(scene, 0) as sock:
        sock.sendto(mdns_question(id_=77), MDNS_GROUP)
        answer, _ = sock.recvfrom(1000)
    asked = HOST_NAME + struct.pack("!2H", TYPE_A, CLASS_IN)
    assert answer == struct.pack("!6H", 77, 0x8400, 1, 1, 0, 0) + asked + mdns_record(data, 10, CLASS_IN)


@pytest.mark.device_can(offload=OffloadType.MDNS, offloads=OF_FLAT_HOST + 1)
def test_what_the_asker_knows_is_not_said_again(scene: Scene) -> None:
    data = with_record(scene)
    after = scene.sleep()
    before = scene.device.counters()
    with resolver(scene, MDNS_GROUP[1]) as sock:
        sock.sendto(mdns_question(known=mdns_record(data, 120, CLASS_IN)), MDNS_GROUP)
        scene.wait_counted("mdns_suppressed", before, 1)
        sock.settimeout(QUIET_S)
        with pytest.raises(TimeoutError):
            sock.recvfrom(1000)
    assert scene.device.counters()["mdns_suppressed"] == before["mdns_suppressed"] + 1
    scene.assert_no_wake(after)
