"""What a sleeping device answers its neighbours, and what it must not. Written against a door: `standby_door.py`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from rig.device.numbers import OffloadType, SlotFlag
from rig.device.offload_types import Pattern, ProtocolOffload
from rig.inject.frames import corrupt_checksum
from rig.suite.neighbour_frames import (
    ALL_NODES,
    BROADCAST,
    arp,
    as_if_meant,
    assert_advertises,
    group_mac,
    na,
    nonce,
    ns,
    probe,
    solicited_node,
)
from rig.suite.peer_frames import HOST_IP, HOST_IP6, HOST_MAC, PEER_IP, PEER_IP6, PEER_MAC, ether
from rig.suite.standby_door import StandbyDoor, connection

pytestmark = pytest.mark.topology("flat")

ETHERTYPE_AT = 12
OTHER_IP, OTHER_IP6 = "192.0.2.3", "2001:db8::10"


def arp_offload(remote: str | None = None) -> ProtocolOffload:
    return ProtocolOffload(id=1, type=OffloadType.ARP, ip=HOST_IP, mac=HOST_MAC, remote=remote)


def ns_offload(remote: str | None = None) -> ProtocolOffload:
    return ProtocolOffload(id=2, type=OffloadType.NS, ip=HOST_IP6, mac=HOST_MAC, remote=remote)


@pytest.mark.edge(67)
@pytest.mark.device_can(offload=OffloadType.ARP, counter="arp_answered")
def test_what_an_offload_answers_wakes_too_where_a_pattern_says_so(door: StandbyDoor) -> None:
    door.add(arp_offload())
    door.add(Pattern.bitmap(5, b"\x08\x06", offset=ETHERTYPE_AT))
    door.sleep()
    assert door.outcome(arp()) == ("PACKET", 1)
    assert (door.hits(), door.counted("arp_answered", "rx_wake", "wake_packet")) == ({5: 1}, (1, 1, 1))


@pytest.mark.edge(67)
@pytest.mark.device_can(offload=OffloadType.ARP, counter="arp_answered")
def test_what_an_offload_answers_wakes_nobody_without_such_a_pattern(door: StandbyDoor) -> None:
    door.add(arp_offload())
    door.add(Pattern.bitmap(5, b"\x86\xdd", offset=ETHERTYPE_AT))
    door.sleep()
    assert door.outcome(arp()) == ("", 1)
    assert (door.hits(), door.counted("arp_answered", "rx_wake")) == ({5: 0}, (1, 0))


@pytest.mark.edge(79)
@pytest.mark.device_can(offload=OffloadType.ARP)
def test_an_arp_offload_for_one_asker_answers_nobody_else(door: StandbyDoor) -> None:
    """NDIS_PM_PROTOCOL_OFFLOAD, RemoteIPv4Address."""
    door.add(arp_offload(remote=PEER_IP))
    door.sleep()
    assert door.outcome(arp(spa=OTHER_IP)) == ("", 0)
    made = door.made_of(arp())
    assert made.outcome == ("", 1)
    answer = made.answers[0]
    assert answer[:14] == PEER_MAC + HOST_MAC + b"\x08\x06"
    assert answer[20:42] == b"\0\x02" + HOST_MAC + bytes([192, 0, 2, 1]) + PEER_MAC + bytes([192, 0, 2, 2])


@pytest.mark.edge(79)
@pytest.mark.device_can(offload=OffloadType.NS)
def test_a_neighbour_offload_for_one_asker_answers_nobody_else(door: StandbyDoor) -> None:
    """NDIS_PM_PROTOCOL_OFFLOAD, RemoteIPv6Address; a probe for duplicates has no asker."""
    door.add(ns_offload(remote=PEER_IP6))
    door.sleep()
    assert door.outcome(ns(src=OTHER_IP6)) == ("", 0)
    assert door.outcome(probe()) == ("", 0)
    assert door.outcome(ns()) == ("", 1)


def _cut() -> bytes:
    from scapy.layers.inet6 import ICMPv6ND_NS, IPv6

    return bytes(ether() / IPv6(src=PEER_IP6, dst=HOST_IP6, hlim=255) / ICMPv6ND_NS(tgt=HOST_IP6))[:-1]


def _atomic_fragment() -> bytes:
    from scapy.layers.inet6 import ICMPv6ND_NS, IPv6, IPv6ExtHdrFragment

    fragment = IPv6ExtHdrFragment(offset=0, m=0)
    return bytes(ether() / IPv6(src=PEER_IP6, dst=HOST_IP6, hlim=255) / fragment / ICMPv6ND_NS(tgt=HOST_IP6))


BROKEN: dict[str, Callable[[], bytes]] = {
    "hop limit 254": lambda: ns(hlim=254),
    "hop limit 1": lambda: ns(hlim=1),
    "code 1": lambda: ns(code=1),
    "23 bytes": _cut,
    "option of length 0": lambda: ns(options=[nonce(len=0)]),
    "option past the end": lambda: ns(options=[nonce(len=3)]),
    "half an option": lambda: ns(options=[b"\x0e\x01ab"]),
    "long link-layer address": lambda: ns(lladdr=None, options=[nonce(type=1, len=2, data=bytes(14))]),
    "link-layer address of a group": lambda: ns(lladdr=bytes.fromhex("333300000001")),
    "address of nobody with link-layer address": lambda: probe(lladdr=PEER_MAC),
    "probe to the address": lambda: probe(dst=HOST_IP6),
    "probe to all nodes": lambda: probe(dst=ALL_NODES),
    "target of a group": lambda: ns(ALL_NODES, dst=solicited_node(HOST_IP6)),
    "atomic fragment": _atomic_fragment,
}
"""By RFC 4861 7.1.1, RFC 4862 5.4.3 and RFC 6980."""


@pytest.mark.edge(60, 83)
@pytest.mark.device_can(offload=OffloadType.NS, counter="ns_invalid")
def test_broken_solicitations_are_dropped_and_counted(door: StandbyDoor) -> None:
    """Even where a pattern would match. The one that is whole, at the end, is answered and wakes."""
    door.add(ns_offload())
    door.add(Pattern.bitmap(5, b"\x86\xdd", offset=ETHERTYPE_AT))
    door.sleep()
    for done, (what, frame) in enumerate(BROKEN.items(), start=1):
        assert door.outcome(as_if_meant(frame())) == ("", 0), what
        assert door.counted("ns_invalid", "rx_dropped_policy") == (done, done), what
    assert door.hits() == {5: 0}
    assert door.outcome(ns()) == ("PACKET", 1)


@pytest.mark.edge(83)
@pytest.mark.device_can(offload=OffloadType.NS)
def test_no_solicitation_with_a_wrong_bit_is_answered(door: StandbyDoor) -> None:
    """One bit of each byte from the addresses on, which the checksum covers; counted apart from what is broken."""
    door.add(ns_offload())
    door.sleep()
    good = ns()
    assert corrupt_checksum(good) != good
    spoilt = [good[:at] + bytes([good[at] ^ 1 << at % 8]) + good[at + 1 :] for at in range(22, len(good))]
    door.take_sent()
    door.send(*spoilt, corrupt_checksum(good))
    assert (door.take_sent(), door.wakes) == ([], 0)
    assert door.counted("rx_bad_l4_csum")[0] > 0
    assert door.outcome(good) == ("", 1)


OTHER_MAC = bytes.fromhex("020000000077")


@pytest.mark.edge(80, 86)
@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ({}, {}),
        ({"dst": HOST_IP6}, {}),
        ({"dst": HOST_IP6, "lladdr": None}, {}),
        ({"dst": HOST_IP6, "lladdr": OTHER_MAC}, {"to_mac": OTHER_MAC}),
        ({"lladdr": OTHER_MAC}, {"to_mac": OTHER_MAC}),
        ({"src": "::", "lladdr": None}, {"to_mac": group_mac(ALL_NODES), "dst": ALL_NODES, "solicited": False}),
    ],
    ids=["to the group", "to the address", "to the address, without option", "to the address, with another MAC in the option",
         "to the group, with another MAC in the option", "a probe for duplicates"],
)  # fmt: skip
@pytest.mark.device_can(offload=OffloadType.NS)
def test_a_solicitation_is_answered_field_by_field(door: StandbyDoor, question: dict[str, Any], answer: dict[str, Any]) -> None:
    """RFC 4861 7.2.4: S to who asked, O always, at the link-layer address that the question names (7.2.3: what its receiver
    remembers), else where it came from. A probe's sender has no address: all nodes are told, without S (RFC 4862 5.4.3)."""
    door.add(ns_offload())
    door.sleep()
    made = door.made_of(ns(**question))
    assert made.outcome == ("", 1)
    assert_advertises(made.answers[0], **answer)


BROKEN_NEWS: dict[str, Callable[[], bytes]] = {
    "hop limit 254": lambda: na(hlim=254),
    "code 1": lambda: na(code=1),
    "target of a group": lambda: na(ALL_NODES),
    "S to a group": lambda: na(flags=(0, 1, 1)),
    "from nobody": lambda: na(src="::"),
    "option of length 0": lambda: na(options=[nonce(len=0)]),
    "option past the end": lambda: na(options=[nonce(len=3)]),
    "link-layer address of a group": lambda: na(lladdr=bytes.fromhex("333300000001")),
}
"""By RFC 4861 7.1.2, advertisements of another station for the host's address."""


@pytest.mark.edge(60)
@pytest.mark.device_can(offload=OffloadType.NS, counter="nd_invalid")
def test_broken_advertisements_for_our_address_are_no_conflict(door: StandbyDoor) -> None:
    """Nor is what is for another address. The one that is whole, at the end, is: RFC 4862 5.4.4."""
    door.add(ns_offload())
    door.sleep()
    for done, (what, frame) in enumerate(BROKEN_NEWS.items(), start=1):
        assert door.outcome(as_if_meant(frame())) == ("", 0), f"advertisement, {what}: to be dropped (RFC 4861 7.1.2)"
        assert door.counted("nd_invalid") == (done,), what
    assert door.outcome(na(OTHER_IP6)) == ("", 0), "for another address"
    assert door.made_of(na()).wake == "ADDR_CONFLICT"


@pytest.mark.edge(19)
@pytest.mark.parametrize(
    ("flags", "dst", "moves"),
    [((0, 0, 1), ALL_NODES, True), ((0, 1, 1), HOST_IP6, True), ((0, 0, 0), ALL_NODES, False), ((0, 1, 0), HOST_IP6, False)],
    ids=["O", "S and O", "neither", "S"],
)
@pytest.mark.device_can(slot_flag=SlotFlag.LEARN_NEXT_HOP)
def test_a_next_hop_moves_where_its_advertisement_overrides(
    door: StandbyDoor, flags: tuple[int, int, int], dst: str, moves: bool
) -> None:
    """RFC 4861 7.2.5: without O another link-layer address is no reason to give up the one that is known."""
    slot = door.asleep(local=HOST_IP6, remote=PEER_IP6, next_hop_ip=PEER_IP6, flags=connection().flags | SlotFlag.LEARN_NEXT_HOP)
    door.send(na(PEER_IP6, dst=dst, flags=flags, lladdr=OTHER_MAC))
    info = door.slot(slot)
    mac, right = info.next_hop_mac.hex(":"), (OTHER_MAC if moves else PEER_MAC).hex(":")
    heard = f"an advertisement of {OTHER_MAC.hex(':')} with (R, S, O) = {flags}"
    assert mac == right, f"{heard}: the next hop is {mac}, expected {right} (RFC 4861 7.2.5)"
    assert info.next_hop_moves == int(moves)


def _ping(eth_dst: bytes = HOST_MAC, dst: str = HOST_IP, ttl: int = 64, **fields: Any) -> bytes:
    from scapy.layers.inet import ICMP, IP
    from scapy.packet import Raw

    return bytes(
        ether(eth_dst) / IP(src=PEER_IP, dst=dst, ttl=ttl) / ICMP(**{"type": 8, "id": 7, "seq": 9, **fields}) / Raw(b"ping" * 8)
    )


ASTRAY: dict[str, Callable[[], bytes]] = {
    "to the address, in a broadcast": lambda: _ping(BROADCAST),
    "to the address, in a multicast": lambda: _ping(bytes.fromhex("01005e000001")),
    "to all hosts": lambda: _ping(bytes.fromhex("01005e000001"), "224.0.0.1"),
    "to everybody": lambda: _ping(BROADCAST, "255.255.255.255"),
    "to another address": lambda: _ping(dst=OTHER_IP),
    "code 1": lambda: _ping(code=1),
    "a reply": lambda: _ping(type=0),
}


@pytest.mark.edge(58)
@pytest.mark.device_can(offload=OffloadType.ECHO)
def test_a_ping_that_is_not_for_this_station_alone_is_not_answered(door: StandbyDoor) -> None:
    """RFC 1122 3.3.6: one frame to a group must not set off many. The one that is, at the end, gets its bytes back (3.2.2.6)."""
    from scapy.layers.inet import ICMP, IP
    from scapy.layers.l2 import Ether

    door.add(ProtocolOffload(id=1, type=OffloadType.ECHO, ip=HOST_IP, mac=HOST_MAC))
    door.sleep()
    for what, frame in ASTRAY.items():
        assert door.outcome(frame()) == ("", 0), f"ping {what}: not to be answered (RFC 1122 3.3.6)"
    made = door.made_of(_ping())
    assert made.outcome == ("", 1)
    reply = Ether(made.answers[0])
    assert (reply.dst, reply.src) == (PEER_MAC.hex(":"), HOST_MAC.hex(":"))
    assert (reply[IP].src, reply[IP].dst) == (HOST_IP, PEER_IP)
    assert (reply[ICMP].type, reply[ICMP].id, reply[ICMP].seq, bytes(reply[ICMP].payload)) == (0, 7, 9, b"ping" * 8)


@pytest.mark.edge(60)
@pytest.mark.device_can(offload=OffloadType.ECHO)
def test_a_reply_to_a_ping_has_a_ttl_of_its_own(door: StandbyDoor) -> None:
    """RFC 1122 3.2.1.7: one with what was left of the question's would not find back."""
    from scapy.layers.inet import IP
    from scapy.layers.l2 import Ether

    door.add(ProtocolOffload(id=1, type=OffloadType.ECHO, ip=HOST_IP, mac=HOST_MAC))
    door.sleep()
    ttls = [Ether(answer)[IP].ttl for ttl in (1, 2, 255) for answer in door.made_of(_ping(ttl=ttl)).answers]
    assert len(ttls) == 3
    assert len(set(ttls)) == 1, f"TTL of the replies to pings with TTL 1, 2 and 255: {ttls}"
    assert ttls[0] >= 32
