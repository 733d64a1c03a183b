"""The next hop of a sleeping connection gets another MAC, as at a failover; edge case 19.

The kernel of a server that changes its own MAC, or of a second gateway, announces it, by ARP (arp_notify) or by neighbour
discovery (ndisc_notify).
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial

import pytest

from rig.clock import Clock, Deadline
from rig.config import StandbyConfig
from rig.device.numbers import OffloadType, SlotFlag
from rig.device.offload_types import ProtocolOffload
from rig.mac import mac_bytes
from rig.net import counters, links
from rig.suite.offload_room import OF_HOST
from rig.suite.scene import Scene

pytestmark = pytest.mark.edge(19)
DUAL_STACK = pytest.mark.topology("dual-stack")

FAMILIES = pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6], ids=["ipv4", "ipv6"])
ETHERTYPES: dict[int, bytes] = {socket.AF_INET: b"\x08\x00", socket.AF_INET6: b"\x86\xdd"}
MOVED = bytes.fromhex("0200000001aa")
PROBING = StandbyConfig(network_ka_retry_min=12, network_ka_probes=3)
DEAF = StandbyConfig(network_ka_retry_min=12, network_ka_probes=3, learn_next_hop=False)
CLOCK = Clock(50_000)
"""Probes after 750 ms, and 600 ms apart: the peer's kernel answers at most one in 500 ms."""


def fail_over(scene: Scene) -> None:
    """Another MAC for the server's interface, announced by its kernel."""

    def change() -> None:
        announce_changes("eth0")
        with links.rtnetlink() as route:
            route.link("set", index=links.index_of("eth0"), address=MOVED.hex(":"))

    scene.bench.network.server.run(change)


def move_silently(scene: Scene) -> None:
    """Another MAC for the server's interface, of which its kernel says nothing before it has something to say."""

    def change() -> None:
        with links.rtnetlink() as route:
            route.link("set", index=links.index_of("eth0"), address=MOVED.hex(":"))

    scene.bench.network.server.run(change)


def announce_changes(interface: str) -> None:
    """The kernel tells everybody when the interface's MAC is set."""
    links.set_sysctl(f"net/ipv4/conf/{interface}/arp_notify", 1)
    links.set_sysctl(f"net/ipv6/conf/{interface}/ndisc_notify", 1)


def take_over(scene: Scene) -> bytes:
    """The first gateway loses its addresses, the second one gets them and announces them; returns the MAC that has them now."""
    network = scene.bench.network
    first, second = network.topology.routers

    def leave() -> None:
        with links.rtnetlink() as route:
            for leg in first.legs:
                route.flush_addr(index=links.index_of(leg.ifname))

    def arrive() -> None:
        with links.rtnetlink() as route:
            for lost, mine in zip(first.legs, second.legs, strict=True):
                announce_changes(mine.ifname)
                for address in lost.addresses:
                    links.add_address(route, mine.ifname, address)
                route.link("set", index=links.index_of(mine.ifname), address=mine.mac)  # as before: but it is announced

    network.namespaces[first.name].run(leave)
    network.namespaces[second.name].run(arrive)
    return mac_bytes(second.mac)


def wait_moved(scene: Scene, mac: bytes) -> int:
    """Until the device has learnt that MAC; returns how many probes were answered by then."""
    deadline = Deadline(10)
    while not (slot := scene.device.slots()[0]).next_hop_moves:
        assert not deadline.expired, "the device has not learnt where the next hop is"
        deadline.pause()
    assert (slot.next_hop_mac, slot.next_hop_moves) == (mac, 1)
    return slot.ka_acked


def wait_answered(scene: Scene, count: int) -> None:
    deadline = Deadline(10)
    while scene.device.slots()[0].ka_acked < count:
        assert not deadline.expired, "probes are not answered"
        deadline.pause()


def tcp_from_host(scene: Scene, family: int, after: int) -> list[bytes]:
    """Destinations of the host's segments, whoever sent them for it, in order."""
    frames = scene.bench.capture.frames(scene.server_port, after=after)
    return [f.data[:6] for f in frames if is_hosts_tcp(scene, family, f.data)]


def is_hosts_tcp(scene: Scene, family: int, frame: bytes) -> bool:
    """A segment with the host's MAC: its kernel also reports groups, whenever it likes."""
    protocol = 23 if family == socket.AF_INET else 20
    return frame[6:12] == scene.host_mac and frame[12:14] == ETHERTYPES[family] and frame[protocol] == socket.IPPROTO_TCP


@FAMILIES
@DUAL_STACK
@pytest.mark.bench_config(clock=CLOCK, standby=PROBING)
@pytest.mark.device_can(slot_flag=SlotFlag.LEARN_NEXT_HOP)
@pytest.mark.usefixtures("patient_host")
def test_keep_alives_and_the_hosts_own_traffic_follow_it(scene: Scene, family: int) -> None:
    with scene.bench.peers.push_server(ipv6=family == socket.AF_INET6) as server:
        connection = scene.open_hardware(server=server)
        after = scene.sleep()
        before = counters.read(scene.bench.network.server)
        fail_over(scene)
        acked = wait_moved(scene, MOVED)
        mark = scene.bench.capture.mark(scene.server_port)
        wait_answered(scene, acked + 2)
        scene.assert_no_wake(after)
        scene.push_and_run(connection, b"from the new place")
        moved = scene.timeline.wait("NEXT_HOP_MOVED", after=after)
        assert (moved.channel, moved.mac) == ("inbox", MOVED.hex(":"))
        assert scene.timeline.wait("SLOT_RELEASED", after=after).next_hop_moves == 1
        scene.host.exit_standby()
        scene.app.call("send", channel="inbox", data=b"reply")
        assert connection.wait_received(len(b"reply")) == b"reply"
        assert set(tcp_from_host(scene, family, mark)) == {MOVED}
        assert counters.handoff_faults(before, counters.read(scene.bench.network.server)) == {}


@FAMILIES
@pytest.mark.topology("routed")
@pytest.mark.bench_config(clock=CLOCK, standby=PROBING)
@pytest.mark.device_can(slot_flag=SlotFlag.LEARN_NEXT_HOP)
def test_another_gateway_takes_the_addresses_over(scene: Scene, family: int) -> None:
    """As VRRP does it: the connection goes on through the second machine, and the host's kernel does not look for the first."""
    with scene.bench.peers.push_server(ipv6=family == socket.AF_INET6) as server:
        connection = scene.open_hardware(server=server)
        after = scene.sleep()
        second = take_over(scene)
        acked = wait_moved(scene, second)
        mark = scene.bench.capture.mark(scene.device_port)
        wait_answered(scene, acked + 1)
        scene.assert_no_wake(after)
        scene.push_and_run(connection, b"through the second")
        scene.host.exit_standby()
        scene.app.call("send", channel="inbox", data=b"reply")
        assert connection.wait_received(len(b"reply")) == b"reply"
        frames = scene.bench.capture.frames(scene.bench.network.topology.host.port, after=0)
        sent = [f.data for f in frames if is_hosts_tcp(scene, family, f.data)]
        assert sent[-1][:6] == second
        asked = scene.bench.capture.frames(scene.device_port, after=mark)
        assert not [f for f in asked if f.data[6:12] == scene.host_mac and f.data[:6] == scene.next_hop_mac]


@FAMILIES
@DUAL_STACK
@pytest.mark.bench_config(clock=CLOCK, standby=DEAF)
def test_without_learning_its_silence_wakes(scene: Scene, family: int) -> None:
    """The negative control: the same failover, and the probes go to nobody."""
    with scene.bench.peers.push_server(ipv6=family == socket.AF_INET6) as server:
        scene.open_hardware(server=server)
        after = scene.sleep()
        mark = scene.bench.capture.mark(scene.server_port)
        fail_over(scene)
        wake = scene.timeline.wait("NIC_WAKE", after=after, timeout_s=10)
        assert (wake.reason, wake.channel) == ("KA_TIMEOUT", "inbox")
        released = scene.timeline.wait("SLOT_RELEASED", after=after)
        assert (released.ka_lost, released.next_hop_moves) == (3, 0)
        assert tcp_from_host(scene, family, mark)[:3] == [scene.server_mac] * 3


@DUAL_STACK
@pytest.mark.bench_config(clock=CLOCK, standby=PROBING)
def test_a_failover_while_the_host_is_awake_is_the_kernels_to_notice(scene: Scene) -> None:
    """The next sleep begins with what the kernel has heard, and nothing moves any more."""
    connection = scene.open_hardware()
    fail_over(scene)
    scene.app.call("send", channel="inbox", data=b"find me")
    assert connection.wait_received(len(b"find me")) == b"find me"
    after = scene.sleep()
    (slot,) = scene.device.slots()
    assert (slot.next_hop_mac, slot.next_hop_moves) == (MOVED, 0)
    scene.push_and_run(connection, b"found")
    assert not scene.timeline.find("NEXT_HOP_MOVED", after=after)


@DUAL_STACK
@pytest.mark.bench_config(clock=CLOCK, standby=PROBING)
def test_a_stranger_who_announces_itself_moves_nobody(scene: Scene) -> None:
    """A third machine's kernel announces its own new MAC: the probes go on to the server and are answered."""
    scene.open_hardware()
    after = scene.sleep()
    peer = scene.bench.network.namespaces["peer"]
    peer.run(partial(links.set_sysctl, "net/ipv4/conf/eth0/arp_notify", 1))

    def change() -> None:
        with links.rtnetlink() as route:
            route.link("set", index=links.index_of("eth0"), address=MOVED.hex(":"))

    mark = scene.bench.capture.mark(scene.device_port)
    peer.run(change)
    scene.bench.capture.wait_for(
        scene.device_port, lambda data: data[6:12] == MOVED and data[12:14] == b"\x08\x06", after=mark, what="the announcement"
    )
    deadline = Deadline(10)
    while (slot := scene.device.slots()[0]).ka_acked < 1:
        assert not deadline.expired, "no probe was answered"
        deadline.pause()
    assert (slot.next_hop_mac, slot.next_hop_moves) == (scene.server_mac, 0)
    scene.assert_no_wake(after)


# -- keep-alives in datagrams ---------------------------------------------------------------------------------------------

OFFLOAD_ID, NATT_PORT, INTERVAL_MS = 910, 4500, 120_000
WAIT_S = 10


def with_keep_alive(scene: Scene, family: int, *, learns: bool) -> tuple[str, str]:
    """One byte to the server every two specification minutes; returns (host, server)."""
    plan = scene.bench.network.topology
    host, server = (plan.host.ip4, plan.server.ip4) if family == socket.AF_INET else (plan.host.ip6, plan.server.ip6)
    offload = ProtocolOffload.natt(
        OFFLOAD_ID, ip=host, mac=scene.host_mac, remote=server, next_hop_mac=scene.server_mac, interval_ms=INTERVAL_MS
    )
    scene.device.add_offload(replace(offload, next_hop_ip=server if learns else None))
    return host, server


@contextmanager
def listening(scene: Scene, family: int, address: str) -> Iterator[socket.socket]:
    with scene.bench.network.server.socket(family, socket.SOCK_DGRAM) as sock:
        sock.settimeout(WAIT_S)
        sock.bind((address, NATT_PORT))
        yield sock


def wait_learnt(scene: Scene, before: int) -> None:
    deadline = Deadline(WAIT_S)
    while scene.device.counters()["next_hop_moved"] == before:
        assert not deadline.expired, "the device has not learnt where the next hop is"
        deadline.pause()


def datagrams(scene: Scene, family: int, count: int) -> list[bytes]:
    """Destination MACs of the keep-alives that leave the device from now on, at least `count` of them."""
    protocol, mark = 23 if family == socket.AF_INET else 20, scene.bench.capture.mark(scene.device_port)
    found: list[bytes] = []
    deadline = Deadline(WAIT_S)
    while len(found) < count:
        assert not deadline.expired, f"{len(found)} of {count} keep-alives were sent"
        deadline.pause()
        frames = [frame.data for frame in scene.bench.capture.frames(scene.device_port, after=mark)]
        mine = [f for f in frames if f[6:12] == scene.host_mac and f[12:14] == ETHERTYPES[family]]
        found = [f[:6] for f in mine if f[protocol] == socket.IPPROTO_UDP]
    return found


NEWS = pytest.mark.parametrize("news", ["announced", "asked for us"])


@FAMILIES
@NEWS
@DUAL_STACK
@pytest.mark.device_can(offload=OffloadType.UDP, offloads=OF_HOST + 1)
def test_datagrams_follow_the_next_hop(scene: Scene, family: int, news: str) -> None:
    """It announces its new MAC, or it asks from there where the host is. Its kernel gets the keep-alives as before."""
    host, server = with_keep_alive(scene, family, learns=True)
    with listening(scene, family, server) as sock:
        after = scene.sleep()
        assert sock.recv(10) == b"\xff"
        before = scene.device.counters()["next_hop_moved"]
        if news == "announced":
            fail_over(scene)
        else:
            move_silently(scene)
            sock.sendto(b"\xff", (host, NATT_PORT))
        wait_learnt(scene, before)
        assert set(datagrams(scene, family, 2)) == {MOVED}
        empty(sock)
        assert sock.recv(10) == b"\xff"
        scene.assert_no_wake(after)


@FAMILIES
@DUAL_STACK
@pytest.mark.device_can(offload=OffloadType.UDP, offloads=OF_HOST + 1)
def test_datagrams_of_an_offload_that_was_told_no_address_go_where_they_went(scene: Scene, family: int) -> None:
    """The negative control."""
    _, server = with_keep_alive(scene, family, learns=False)
    with listening(scene, family, server) as sock:
        scene.sleep()
        assert sock.recv(10) == b"\xff"
        before, mark = scene.device.counters(), scene.bench.capture.mark(scene.device_port)
        fail_over(scene)
        scene.bench.capture.wait_for(
            scene.device_port, lambda data: data[6:12] == MOVED and data[0] & 1, WAIT_S, after=mark, what="an announcement"
        )
        assert set(datagrams(scene, family, 3)) == {scene.server_mac}
        assert scene.device.counters()["next_hop_moved"] == before["next_hop_moved"]


def empty(sock: socket.socket) -> None:
    """Of what came until now."""
    sock.setblocking(False)
    with suppress(BlockingIOError):
        while True:
            sock.recv(10)
    sock.settimeout(WAIT_S)
