"""Whether the sleeping host stays in its neighbours' tables: other kernels resolve, probe and ping it, and claim its addresses.

The judges are the kernels of the server and of a third machine; the device's own counters only say that it was the device.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from functools import partial
from ipaddress import IPv6Interface

import pytest
from scapy.layers.inet6 import ICMPv6ND_RA, ICMPv6NDOptPrefixInfo, IPv6
from scapy.layers.l2 import ARP, Ether

from rig.clock import WAIT_S, Deadline
from rig.device.numbers import NsFlag, OffloadType
from rig.inject.frames import Flow, arp_request, neighbour_solicitation, pad
from rig.net import counters, links
from rig.net.namespace import Namespace
from rig.suite.neighbour_table import Neighbour, forget, neighbour
from rig.suite.offload_room import OF_ADDRESSES
from rig.suite.pinger import SILENT_S, Pinger
from rig.suite.scene import Scene

pytestmark = pytest.mark.topology("dual-stack")

FAMILIES = pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6], ids=["ipv4", "ipv6"])

NUD_REACHABLE, NUD_FAILED, NUD_VALID = 0x02, 0x20, 0x02 | 0x04 | 0x08 | 0x10
"""neighbour.h; valid is reachable, stale, delay or probe."""
IFA_F_DADFAILED, IFA_F_TENTATIVE = 0x08, 0x40

REACHABLE_MS = 200
"""Base reachable time of the judge; the kernel takes half to one and a half times that, and then asks again."""
PATIENCE_MS = 3000
"""Of a judge who is to find the host there: a device on a busy machine may be late."""
PERIODS = 4
TALK_EVERY_S = 0.01


def doubtful(namespace: Namespace, family: int, patience_ms: int = 50) -> None:
    """A kernel that believes in a neighbour for REACHABLE_MS, then asks at once, and gives up soon: `patience_ms` lies between
    two questions."""
    folder = f"net/{'ipv6' if family == socket.AF_INET6 else 'ipv4'}/neigh/eth0"
    settings = {"base_reachable_time_ms": REACHABLE_MS, "delay_first_probe_time": 0, "ucast_solicit": 2}
    settings["retrans_time_ms"] = patience_ms
    for name, value in settings.items():
        namespace.run(partial(links.set_sysctl, f"{folder}/{name}", value))


def address_of(scene: Scene, family: int) -> str:
    host = scene.bench.network.topology.host
    return host.ip6 if family == socket.AF_INET6 else host.ip4


def talk(namespace: Namespace, address: str, until: Callable[[], bool], timeout_s: float) -> bool:
    """Send datagrams that nobody answers, so that only the neighbour protocol can confirm the neighbour."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    deadline = Deadline(timeout_s)
    with namespace.socket(family, socket.SOCK_DGRAM) as sock:
        while not deadline.expired:
            try:
                sock.sendto(b"are you there", (address, 9))
            except OSError:
                pass  # the kernel has given the neighbour up: just what a caller looks for
            if until():
                return True
            time.sleep(TALK_EVERY_S)
    return False


def becomes(namespace: Namespace, address: str, state: int, timeout_s: float) -> bool:
    """Whether the entry for `address` gets into `state` in time, with nothing sent meanwhile."""
    deadline = Deadline(timeout_s)
    while not deadline.expired:
        entry = neighbour(namespace, address)
        if entry is not None and entry.state == state:
            return True
        time.sleep(TALK_EVERY_S)
    return False


def remove_offload(scene: Scene, kind: OffloadType) -> None:
    for offload in scene.device.offloads():
        if offload.type is kind:
            scene.device.remove_offload(offload.id)


def answers(scene: Scene, family: int) -> int:
    return scene.device.counters()["ns_answered" if family == socket.AF_INET6 else "arp_answered"]


@pytest.mark.edge(78, 80, 86)
@FAMILIES
@pytest.mark.device_can(offload=(OffloadType.ARP, OffloadType.NS))
def test_the_servers_kernel_keeps_the_sleeping_host_reachable(scene: Scene, family: int) -> None:
    server, address = scene.bench.network.server, address_of(scene, family)
    doubtful(server, family, PATIENCE_MS)
    after, before = scene.sleep(), answers(scene, family)
    states: list[int] = []

    def confirmed_often_enough() -> bool:
        entry = neighbour(server, address)
        states.append(entry.state if entry is not None else 0)
        return answers(scene, family) - before > PERIODS

    enough = talk(server, address, confirmed_often_enough, timeout_s=20)
    counted = f"the device counts {answers(scene, family) - before} answers, more than {PERIODS} were due"
    assert enough, f"{counted}; the server's neighbour was in the states {sorted(set(states))} ({NUD_REACHABLE}: reachable)"
    first = states.index(NUD_REACHABLE)
    assert all(state & NUD_VALID for state in states[first:]), f"states {sorted(set(states[first:]))}"
    reachable = Neighbour(NUD_REACHABLE, scene.host_mac_text, False)
    assert talk(server, address, lambda: neighbour(server, address) == reachable, WAIT_S)
    scene.assert_no_wake(after)


@pytest.mark.edge(80)
@FAMILIES
def test_without_the_offload_the_servers_kernel_gives_the_host_up(scene: Scene, family: int) -> None:
    """The negative control of the test above.

    One datagram only: the next one would put a failed entry back to incomplete before anybody has looked.
    """
    server, address = scene.bench.network.server, address_of(scene, family)
    doubtful(server, family)
    scene.sleep()
    remove_offload(scene, OffloadType.NS if family == socket.AF_INET6 else OffloadType.ARP)
    forget(server, address)
    with server.socket(family, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"are you there", (address, 9))
    assert becomes(server, address, NUD_FAILED, timeout_s=10)


@pytest.mark.edge(81)
@pytest.mark.parametrize("forwarding", [0, 1])
@pytest.mark.device_can(offload=OffloadType.NS)
def test_the_host_stays_or_is_no_router_to_the_servers_kernel(scene: Scene, forwarding: int) -> None:
    """Told by the host itself, then by the device, then by the host again: the same each time."""
    network, address = scene.bench.network, address_of(scene, socket.AF_INET6)
    network.host.run(partial(links.set_sysctl, "net/ipv6/conf/eth0/forwarding", forwarding))
    told = []
    for move in (lambda: None, scene.host.enter_standby, scene.host.exit_standby):
        move()
        forget(network.server, address)

        def known() -> bool:
            entry = neighbour(network.server, address)
            return entry is not None and entry.mac is not None

        assert talk(network.server, address, known, timeout_s=WAIT_S)
        entry = neighbour(network.server, address)
        told.append(entry.router if entry else None)
    assert told == [bool(forwarding)] * 3


def claim(namespace: Namespace, address: str) -> int:
    """Give the machine an address, with duplicate address detection by its kernel; the address's flags afterwards."""
    for name, value in {"accept_dad": 1, "dad_transmits": 1, "router_solicitation_delay": 0}.items():
        namespace.run(partial(links.set_sysctl, f"net/ipv6/conf/eth0/{name}", value))

    def flags() -> int:
        with links.rtnetlink() as route:
            rows = route.get_addr(index=links.index_of("eth0"), family=socket.AF_INET6)
            found = {row.get_attr("IFA_ADDRESS"): row.get_attr("IFA_FLAGS") for row in rows}
        now: int = found[address]
        return now

    namespace.run(partial(_add_with_detection, address))
    deadline = Deadline(10)
    while (now := namespace.run(flags)) & (IFA_F_TENTATIVE | IFA_F_DADFAILED) == IFA_F_TENTATIVE:
        assert not deadline.expired, "duplicate address detection did not end"
        deadline.pause()
    return now


@pytest.mark.edge(80, 84)
@pytest.mark.device_can(offload=OffloadType.NS)
def test_another_hosts_duplicate_address_detection_fails_on_our_address(scene: Scene) -> None:
    """Its kernel sends a nonce along (RFC 7527), and the answer must not have it."""
    peer, address = scene.bench.network.namespaces["peer"], address_of(scene, socket.AF_INET6)
    after = scene.sleep()
    mark = scene.bench.capture.mark(scene.device_port)
    assert claim(peer, address) & IFA_F_DADFAILED
    frames = [frame.data for frame in scene.bench.capture.frames(scene.device_port, after=mark)]
    sent = [data for data in frames if data[6:12] == scene.host_mac and data[54:55] == b"\x88"]
    assert [(data[:6].hex(":"), len(data), data[58]) for data in sent] == [("33:33:00:00:00:01", 86, 0x20)]
    assert scene.device.counters()["ns_dad_answered"] == 1
    scene.assert_no_wake(after)


@pytest.mark.edge(80, 82)
def test_another_hosts_detection_passes_on_other_addresses_and_without_the_offload(scene: Scene) -> None:
    """The negative controls: an address that shares the last 24 bits, and ours when nobody answers for it."""
    peer, address = scene.bench.network.namespaces["peer"], address_of(scene, socket.AF_INET6)
    scene.sleep()
    assert not claim(peer, "2001:db8:0:1:77::10") & IFA_F_DADFAILED
    remove_offload(scene, OffloadType.NS)
    assert not claim(peer, address) & IFA_F_DADFAILED


@pytest.mark.edge(58, 60)
@FAMILIES
@pytest.mark.device_can(offload=(OffloadType.ARP, OffloadType.NS, OffloadType.ECHO), offloads=OF_ADDRESSES)
def test_ping_is_answered_while_the_host_sleeps(scene: Scene, family: int) -> None:
    """Every size up to a full frame, odd ones too; the peer's kernel counts no bad checksum. Without the offload: silence."""
    peer, address = scene.bench.network.namespaces["peer"], address_of(scene, family)
    after, before = scene.sleep(), counters.read(peer)
    pinger = Pinger(peer, family)
    try:
        for number, size in enumerate((0, 1, 17, 56, 57, 1000, 1452)):
            payload = os.urandom(size)
            assert pinger.ping(address, payload, number) == payload, f"{size} bytes"
        moved = counters.difference(before, counters.read(peer))
        assert not {"IcmpInErrors", "IcmpInCsumErrors", "Icmp6InErrors", "Icmp6InCsumErrors"} & set(moved)
        assert scene.device.counters()["echo_answered"] == 7
        scene.assert_no_wake(after)
        remove_offload(scene, OffloadType.ECHO)
        assert pinger.ping(address, b"gone", 99, SILENT_S) is None
    finally:
        pinger.close()


@pytest.mark.edge(85)
@FAMILIES
@pytest.mark.device_can(offload=(OffloadType.ARP, OffloadType.NS, OffloadType.ECHO), offloads=OF_ADDRESSES + 2)
def test_each_address_of_the_host_is_known_to_the_device(scene: Scene, family: int) -> None:
    """Also the link-local one, and one that the host was given since the last sleep."""
    network = scene.bench.network
    scene.sleep()
    scene.host.exit_standby()
    if family == socket.AF_INET:
        addresses = [network.topology.host.ip4]
    else:
        network.host.run(_second_address)
        addresses = [network.topology.host.ip6, "2001:db8:0:1::99"]
    scene.sleep()
    pinger = Pinger(network.server, family)
    try:
        for address in addresses:
            forget(network.server, address)
            assert pinger.ping(address, b"", 1) == b""
    finally:
        pinger.close()


@pytest.mark.edge(85)
@pytest.mark.device_can(offload=(OffloadType.NS, OffloadType.ECHO), offloads=OF_ADDRESSES)
def test_a_tentative_address_is_left_to_the_host(scene: Scene) -> None:
    """Its detection takes seconds here; the device answers for the others meanwhile, and not for that one."""
    network, tentative = scene.bench.network, "2001:db8:0:1::98"
    for name, value in {"accept_dad": 1, "dad_transmits": 20}.items():
        network.host.run(partial(links.set_sysctl, f"net/ipv6/conf/eth0/{name}", value))
    network.host.run(partial(_add_with_detection, tentative))
    scene.sleep()
    pinger = Pinger(network.server, socket.AF_INET6)
    try:
        assert pinger.ping(tentative, b"", 1, SILENT_S) is None
        assert pinger.ping(network.topology.host.ip6, b"", 2) == b""
    finally:
        pinger.close()


def _add_with_detection(address: str) -> None:
    with links.rtnetlink() as route:
        route.addr("add", index=links.index_of("eth0"), address=address, prefixlen=64)


def _second_address() -> None:
    with links.rtnetlink() as route:
        links.add_address(route, "eth0", IPv6Interface("2001:db8:0:1::99/64"))


@pytest.mark.edge(58, 59)
@FAMILIES
@pytest.mark.device_can(offload=(OffloadType.ARP, OffloadType.NS))
def test_questions_that_nobody_may_ask_are_not_answered(scene: Scene, family: int) -> None:
    """From the host's own MAC, for a neighbour's address, and cut short; the right one is the control."""
    plan = scene.bench.network.topology
    ends = (plan.server.ip6, plan.host.ip6, plan.server.ip6) if family == socket.AF_INET6 else (
        plan.server.ip4, plan.host.ip4, plan.server.ip4)  # fmt: skip
    question = neighbour_solicitation if family == socket.AF_INET6 else arp_request
    good = question(Flow(plan.server.mac, plan.host.mac, ends[0], ends[1]))
    scene.sleep()
    before = answers(scene, family)
    seen = scene.device.counters()
    bad = [
        good[:6] + scene.host_mac + good[12:],
        question(
            Flow(plan.server.mac, plan.host.mac, ends[0], "2001:db8:0:1::77" if family == socket.AF_INET6 else "192.0.2.77")
        ),
        good[:40],
    ]
    for frame in bad:
        scene.bench.inject.send(frame)
    scene.wait_received_by_device(seen, len(bad))
    assert answers(scene, family) == before
    scene.bench.inject.send(good)
    deadline = Deadline(WAIT_S)
    while answers(scene, family) == before:
        assert not deadline.expired, "the right question was not answered"
        deadline.pause()


def arp_frames(scene: Scene, after: int) -> list[ARP]:
    """ARP that the device sent since `after`, a mark of its port."""
    frames = [Ether(frame.data) for frame in scene.bench.capture.frames(scene.device_port, after=after)]
    return [frame[ARP] for frame in frames if ARP in frame and frame.src == scene.host_mac_text]


@pytest.mark.edge(75)
@pytest.mark.device_can(offload=OffloadType.ARP)
def test_an_arp_probe_is_answered_and_nothing_is_asked_from_nowhere(scene: Scene) -> None:
    """A probe's sender has no address (RFC 5227); a device that repeated that would spoil the tables of others."""
    plan = scene.bench.network.topology
    peer = plan.hosts["peer"]
    awake = scene.bench.capture.mark(scene.device_port)
    scene.sleep()
    mark = scene.bench.capture.mark(scene.device_port)
    before = answers(scene, socket.AF_INET)
    scene.bench.inject.send(arp_request(Flow(peer.mac, plan.host.mac, "0.0.0.0", plan.host.ip4)))
    deadline = Deadline(WAIT_S)
    while answers(scene, socket.AF_INET) == before:
        assert not deadline.expired, "the probe was not answered"
        deadline.pause()
    scene.bench.capture.wait_for(
        scene.device_port, lambda data: data[6:12] == scene.host_mac and data[12:14] == b"\x08\x06", after=mark
    )
    (reply,) = arp_frames(scene, mark)
    assert (reply.op, reply.psrc, reply.hwsrc, reply.pdst) == (2, plan.host.ip4, plan.host.mac, "0.0.0.0")
    assert [frame for frame in arp_frames(scene, awake) if frame.op == 1] == []


@pytest.mark.edge(76, 77)
@pytest.mark.device_can(offload=OffloadType.ARP)
def test_another_station_with_our_address_wakes_and_is_told_off_once(scene: Scene) -> None:
    """Our own announcement come back is none; twenty of the other station's are answered by one."""
    plan = scene.bench.network.topology
    peer, address = plan.hosts["peer"], plan.host.ip4
    after = scene.sleep()
    mark, seen = scene.bench.capture.mark(scene.device_port), scene.device.counters()
    own = Ether(src=peer.mac, dst="ff:ff:ff:ff:ff:ff") / ARP(op=1, hwsrc=plan.host.mac, psrc=address, pdst=address)
    scene.bench.inject.send(pad(bytes(own)))
    scene.assert_no_wake(after)
    theirs = Ether(src=peer.mac, dst="ff:ff:ff:ff:ff:ff") / ARP(op=1, hwsrc=peer.mac, psrc=address, pdst=address)
    scene.bench.inject.burst([pad(bytes(theirs))] * 20)
    assert scene.timeline.wait("NIC_WAKE", after=after).reason == "ADDR_CONFLICT"
    scene.wait_received_by_device(seen, 21)
    assert scene.device.counters()["arp_defended"] == 1
    told = [frame for frame in arp_frames(scene, mark) if frame.op == 1 and frame.psrc == frame.pdst == address]
    assert len(told) == 1


def advertisement(scene: Scene, lifetime_s: int, prefix: str = "2001:db8:0:1::") -> bytes:
    """As a router on the server's machine would send it."""
    mac = scene.bench.network.topology.server.mac
    packet = Ether(src=mac, dst="33:33:00:00:00:01") / IPv6(src="fe80::7", dst="ff02::1", hlim=255)
    information = ICMPv6NDOptPrefixInfo(prefix=prefix, prefixlen=64, A=0, validlifetime=lifetime_s, preferredlifetime=lifetime_s)
    return pad(bytes(packet / ICMPv6ND_RA(routerlifetime=lifetime_s) / information))


@pytest.mark.edge(88)
@pytest.mark.device_can(ns_flag=NsFlag.RA_WAKE)
def test_a_router_that_goes_away_wakes_the_host_one_that_stays_does_not(scene: Scene) -> None:
    """The host's kernel is the judge: after the wake it has no default route any more."""
    host = scene.bench.network.host
    host.run(partial(links.set_sysctl, "net/ipv6/conf/eth0/accept_ra", 1))

    def default_routes() -> int:
        with links.rtnetlink() as route:
            return sum(row["dst_len"] == 0 for row in route.get_default_routes(family=socket.AF_INET6))

    scene.sleep()
    scene.host.exit_standby()  # the device now knows that the host listens to routers, and listens too
    scene.bench.inject.send(advertisement(scene, 1800))
    deadline = Deadline(WAIT_S)
    while host.run(default_routes) == 0:
        assert not deadline.expired, "the host's kernel took no notice of the router"
        deadline.pause()
    after = scene.sleep()
    for lifetime_s in (1800, 1790, 1700):
        scene.bench.inject.send(advertisement(scene, lifetime_s))
    scene.assert_no_wake(after)
    scene.bench.inject.send(advertisement(scene, 0))
    assert scene.timeline.wait("NIC_WAKE", after=after).reason == "ROUTER_CHANGED"
    deadline = Deadline(WAIT_S)
    while host.run(default_routes):
        assert not deadline.expired, "the host's kernel did not see what woke it"
        deadline.pause()
