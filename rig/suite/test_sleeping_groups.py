"""Which version a sleeping device's membership reports have: that of the oldest query it has heard; and what they say of sources.
Written against a door: `standby_door.py`."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable

import pytest

from rig.device.numbers import OffloadType
from rig.device.offload_types import ProtocolOffload
from rig.suite.neighbour_frames import ALL_NODES, group_mac
from rig.suite.peer_frames import HOST_MAC, ether
from rig.suite.standby_door import StandbyDoor

pytestmark = pytest.mark.topology("flat")

HOST, HOST_LL = "192.0.2.1", "fe80::1"
QUERIER, QUERIER_LL = "192.0.2.254", "fe80::2"
GROUP, GROUP6 = "239.1.2.10", "ff05::16"
"""A device may wait any part of the response time. Of ours host and group settle which: for these a twentieth."""
WITHIN_MS = 2000
SOON_MS = 100
"""The shortest response time that IGMP can ask for, but for none."""
IS_IN, IS_EX = 1, 2
"""Records of a report (RFC 3376 4.2.12): of the sources that it lists, of all but these."""


def _igmp(body: bytes, dst: str = "224.0.0.1") -> bytes:
    from scapy.layers.inet import IP, IPOption_Router_Alert
    from scapy.packet import Raw
    from scapy.utils import checksum

    body = body[:2] + checksum(body).to_bytes(2, "big") + body[4:]
    l3 = IP(src=QUERIER, dst=dst, ttl=1, proto=2, options=[IPOption_Router_Alert()])
    address = socket.inet_aton(dst)
    return bytes(ether(bytes([1, 0, 0x5E, address[1] & 0x7F]) + address[2:]) / l3 / Raw(body))


def _mld(query: object, dst: str = ALL_NODES) -> bytes:
    from scapy.layers.inet6 import IPv6, IPv6ExtHdrHopByHop, PadN, RouterAlert

    alert = IPv6ExtHdrHopByHop(options=[RouterAlert(), PadN()])
    return bytes(ether(group_mac(dst)) / IPv6(src=QUERIER_LL, dst=dst, hlim=1) / alert / query)


def _mld1() -> bytes:
    from scapy.layers.inet6 import ICMPv6MLQuery

    return _mld(ICMPv6MLQuery(mrd=WITHIN_MS))


def _mld2() -> bytes:
    from scapy.layers.inet6 import ICMPv6MLQuery2

    return _mld(ICMPv6MLQuery2(mrd=WITHIN_MS))


QUERIES: dict[str, Callable[[], bytes]] = {
    "IGMPv2": lambda: _igmp(struct.pack("!BBHI", 0x11, WITHIN_MS // 100, 0, 0)),
    "IGMPv3": lambda: _igmp(struct.pack("!BBHIBBH", 0x11, WITHIN_MS // 100, 0, 0, 2, 125, 0)),
    "MLDv1": _mld1,
    "MLDv2": _mld2,
}
"""General ones."""

REPORTS = {
    "IGMPv2": (0x16, GROUP),
    "IGMPv3": (0x22, "224.0.0.22"),
    "MLDv1": (131, GROUP6),
    "MLDv2": (143, "ff02::16"),
}
"""(type, where it goes)."""


def _report(frame: bytes) -> tuple[int, str]:
    """As REPORTS has it, of a frame whose checksums hold and that goes to its group's MAC."""
    from scapy.layers.inet import IP
    from scapy.layers.l2 import Ether

    sent = Ether(frame)
    if IP in sent:
        return frame[14 + 4 * sent[IP].ihl], sent[IP].dst
    group = socket.inet_ntop(socket.AF_INET6, frame[38:54])
    assert frame[:6] == group_mac(group), f"to {frame[:6].hex(':')}, the group's MAC is {group_mac(group).hex(':')}"
    return frame[62], group


SPOKEN = {
    "IGMPv3": "IGMPv3", "IGMPv2": "IGMPv2", "IGMPv3 IGMPv2": "IGMPv2", "IGMPv2 IGMPv3": "IGMPv2",
    "MLDv2": "MLDv2", "MLDv1": "MLDv1", "MLDv2 MLDv1": "MLDv1", "MLDv1 MLDv2": "MLDv1",
}  # fmt: skip
"""Queries, one behind the other: the version of the one report."""


@pytest.mark.edge(87)
@pytest.mark.device_can(offload=OffloadType.GROUP)
@pytest.mark.parametrize("heard", SPOKEN)
def test_the_older_of_two_queriers_is_answered_in_its_version(door: StandbyDoor, heard: str) -> None:
    """RFC 3376 7.2.1, RFC 3810 8.2.1: it understands no other, and the younger one understands both. One report, in time."""
    spoken = SPOKEN[heard]
    v4 = spoken.startswith("IGMP")
    door.add(ProtocolOffload.group(1, ip=HOST if v4 else HOST_LL, mac=HOST_MAC, group=GROUP if v4 else GROUP6))
    door.sleep()
    asked_ms = door.now_ms()
    door.send(*(QUERIES[query]() for query in heard.split()))
    sent = door.next_sent(WITHIN_MS)
    asked = f"general queries: {' then '.join(heard.split())}"
    assert _report(sent.frame) == REPORTS[spoken], (
        f"{asked}; the report, (type, destination), is to be {spoken}'s: {REPORTS[spoken]}"
    )
    assert door.take_sent() == [], f"{asked}; one report answers all that wait"
    assert sent.at_ms >= asked_ms


def _about(group: str, sources: list[str]) -> bytes:
    """A query about these sources of the group, to be answered in SOON_MS."""
    if ":" not in group:
        body = struct.pack("!BBH4sBBH", 0x11, SOON_MS // 100, 0, socket.inet_aton(group), 2, 125, len(sources))
        return _igmp(body + b"".join(map(socket.inet_aton, sources)), group)
    from scapy.layers.inet6 import ICMPv6MLQuery2

    return _mld(ICMPv6MLQuery2(mrd=SOON_MS, mladdr=group, sources_number=len(sources), sources=sources), group)


def _record(frame: bytes) -> tuple[int, str, set[str]]:
    """(type, group, sources) of the one record of a report."""
    v4 = frame[12:14] == b"\x08\x00"
    family, size, at = (socket.AF_INET, 4, 14 + 4 * (frame[14] & 15)) if v4 else (socket.AF_INET6, 16, 62)
    records, kind, count = struct.unpack_from("!6xHBxH", frame, at)
    assert records == 1, f"{records} records in a report about one group"
    addresses = [frame[n : n + size] for n in range(at + 12, at + 12 + size * (1 + count), size)]
    group, *sources = (socket.inet_ntop(family, address) for address in addresses)
    return kind, group, set(sources)


ASKED: dict[str, tuple[str, str, str]] = {
    "IGMPv3": (GROUP, "239.1.2.11", "198.51.100."),
    "MLDv2": (GROUP6, "ff05::17", "2001:db8:5::"),
}
"""(the host's group, another, what sources begin with)."""


@pytest.mark.edge(87)
@pytest.mark.device_can(offload=OffloadType.GROUP)
@pytest.mark.parametrize("count", [1, 2, 40])
@pytest.mark.parametrize("version", ASKED)
def test_who_asks_about_sources_hears_that_they_are_wanted(door: StandbyDoor, version: str, count: int) -> None:
    """RFC 3376 5.2, RFC 3810 6.2. The host has joined for any source: these are wanted is as true as all are, and who remembers
    no sources, or not so many, says that (contract section 4). The control is a query about another group."""
    group, other, begin = ASKED[version]
    sources = [f"{begin}{n}" for n in range(10, 10 + count)]
    door.add(ProtocolOffload.group(1, ip=HOST_LL if ":" in group else HOST, mac=HOST_MAC, group=group))
    door.sleep()
    door.send(_about(other, sources))
    door.passes(SOON_MS)
    assert door.take_sent() == [], f"asked about {other}, which the host has not joined"
    door.send(_about(group, sources))
    sent = door.next_sent(SOON_MS)
    assert _report(sent.frame) == REPORTS[version]
    kind, about, told = _record(sent.frame)
    assert about == group
    assert (kind, told) in ((IS_IN, set(sources)), (IS_EX, set())), (
        f"asked about {count} sources of {group}; told, with record type {kind}, of {len(told)}: {sorted(told)[:3]}"
    )
    assert door.take_sent() == [], "one report answers the query"
