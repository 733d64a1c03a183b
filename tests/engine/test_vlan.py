"""Slots and protocol offloads in a VLAN (case 54): what they hear, what they send, what becomes of the other VLANs' frames."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from scapy.layers.inet import IP, TCP, fragment
from scapy.layers.inet6 import ICMPv6ND_NA, IPv6
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Raw

from rig.device.payload import PayloadKeepAlive
from rig.suite.neighbour_frames import ns
from tests.engine import engine_lib as lib
from tests.engine.engine_lib import (
    ADDR_CONFLICT,
    BAD_ARG,
    D3,
    DUP_TUPLE,
    ECHO,
    HOST_IP,
    HOST_IP6,
    HOST_MAC,
    KEEP,
    LEARN_NEXT_HOP,
    NS,
    OK,
    PEER_IP,
    PEER_IP6,
    PEER_MAC,
    PREPARED,
    TCP_DATA,
    UNPARSEABLE,
    VLAN,
    WAKE_PENDING,
    WOKEN,
    Engine,
)
from tests.engine.nd_packets import ra
from tests.engine.packets import arp, ether, magic, parse_tcp, tcp, udp
from tests.engine.test_echo import ping, ping6

pytestmark = pytest.mark.edge(54)

S = 1_000_000
VID = 5
TCI = 0x6000 | VID
"""Priority 3."""
DEI = 0x1000
MOVED = bytes.fromhex("0200000000aa")


def tag(frame: bytes, tci: int, kind: int = 0x8100) -> bytes:
    return frame[:12] + kind.to_bytes(2, "big") + tci.to_bytes(2, "big") + frame[12:]


def asleep(eng: Engine, **slot: object) -> tuple[int, int]:
    rc, number, generation = eng.slot_add(**{"vlan_tci": TCI, **slot})
    assert rc == OK
    eng.sleep()
    return number, generation


def untagged(frame: bytes) -> bytes:
    """A frame of ours whose tag must be the slot's, without it."""
    assert frame[12:16] == b"\x81\x00" + TCI.to_bytes(2, "big")
    assert len(frame) >= 60
    return frame[:12] + frame[16:]


@pytest.mark.parametrize("tci", [VID, TCI, 0xE000 | VID, DEI | VID])
def test_it_takes_its_vid_whatever_the_priority(eng: Engine, tci: int) -> None:
    asleep(eng)
    frame = tag(tcp("PA", payload=b"news"), tci)
    eng.rx(frame)
    assert eng.wake_event().reason == TCP_DATA
    (kept,) = eng.frames()
    assert bytes(kept.bytes[: kept.saved_len]) == frame


@pytest.mark.parametrize("tci", [None, 0, 0xE000, VID + 1, VID | 0x100, 0x0FFF])
def test_another_vid_or_none_is_not_its(eng: Engine, tci: int | None) -> None:
    asleep(eng)
    frame = tcp("PA", payload=b"news")
    eng.rx(frame if tci is None else tag(frame, tci))
    assert (eng.event(), eng.take_sent(), eng.status.power) == (None, [], D3)
    foreign = tci is not None and tci & 0xFFF != 0
    assert eng.counters["rx_vlan_drop" if foreign else "rx_dropped_policy"] == 1
    eng.check_sum()


def test_an_untagged_slot_takes_untagged_and_priority_tagged_frames(eng: Engine) -> None:
    """And answers them without a tag, as a kernel without VLANs does. A neighbour in a VLAN changes nothing of it."""
    assert eng.slot_add(vlan_tci=TCI, local_port=9)[0] == OK
    ref = eng.slot_add()[1:]
    eng.sleep()
    probe = tcp("A", seq=4999)
    for frame in (probe, tag(probe, 0), tag(probe, 0xE000)):
        eng.rx(frame)
    assert [frame[12:14] for frame in eng.take_sent()] == [b"\x08\x00"] * 3
    assert eng.slot_get(*ref).peer_ka_answered == 3
    for frame in (tag(probe, VID), tag(probe, TCI), tag(probe, 77)):
        eng.rx(frame)
    assert (eng.take_sent(), eng.counters["rx_vlan_drop"], eng.slot_get(*ref).peer_ka_answered) == ([], 3, 3)
    eng.check_sum()


CHALLENGED = {
    "its keep-alive": tcp("A", seq=4999),
    "a reset in the window": tcp("R", seq=5001),
    "SYN": tcp("S", seq=1),
    "old data": tcp("PA", seq=4990, payload=b"12345"),
    "an ACK of what was never sent": tcp("A", ack=7777),
}


@pytest.mark.parametrize("what", CHALLENGED)
def test_answers_carry_its_tag_and_not_the_askers(eng: Engine, what: str) -> None:
    asleep(eng)
    eng.rx(tag(CHALLENGED[what], 0xF000 | VID))
    (frame,) = eng.take_sent()
    _, segment = parse_tcp(untagged(frame))
    assert (str(segment.flags), segment.seq, segment.ack) == ("A", 1000, 5000)
    assert (frame[:6], frame[6:12], len(frame)) == (PEER_MAC, HOST_MAC, 60)


@pytest.mark.parametrize("ts_on", [False, True])
@pytest.mark.parametrize("v6", [False, True])
def test_probes_carry_its_tag(eng: Engine, v6: bool, ts_on: bool) -> None:
    addresses = {"local": HOST_IP6, "remote": PEER_IP6} if v6 else {}
    ref = asleep(eng, ts_on=ts_on, **addresses)
    eng.run_until(eng.now_us + 60 * S)
    (frame,) = eng.take_sent()
    _, segment = parse_tcp(untagged(frame))
    assert (segment.seq, segment.ack) == (999, 5000)
    l3 = IPv6(src=PEER_IP6, dst=HOST_IP6) if v6 else None
    stamps: dict[str, Any] = {"ts": (1, 1)} if ts_on else {}
    eng.rx(tag(tcp("A", l3=l3, **stamps), VID))
    assert eng.slot_get(*ref).ka_acked == 1


def test_payload_keep_alives_carry_its_tag_and_the_answer_is_taken_in_its_vlan(eng: Engine) -> None:
    ref = asleep(eng, payload=PayloadKeepAlive.mqtt_ping())
    eng.run_until(eng.now_us + 60 * S)
    (frame,) = eng.take_sent()
    assert bytes(Ether(untagged(frame))[TCP].payload)[:2] == b"\xc0\x00"
    answer = tcp("PA", ack=1002, payload=b"\xd0\x00")
    eng.rx(answer)
    assert eng.slot_get(*ref).payloads_answered == 0
    eng.rx(tag(answer, VID))
    assert eng.slot_get(*ref).payloads_answered == 1
    (ack,) = eng.take_sent()
    untagged(ack)


@pytest.mark.parametrize("tci", [0x0000, 0xE000, 0x0FFF, 0xFFFF])
def test_no_vlan_has_the_vid_0_or_4095(eng: Engine, tci: int) -> None:
    assert eng.slot_add(vlan_tci=tci, flags=0x1F | VLAN)[0] == BAD_ARG
    if tci:
        assert eng.arp_add(1) == OK
        assert eng.offload_add(2, ECHO, HOST_IP, tci=tci) == BAD_ARG
        assert eng.udp_add(3, tci=tci) == BAD_ARG
    assert eng.slot_add(vlan_tci=0xFFFE, local_port=7)[0] == OK
    assert eng.slot_add(vlan_tci=1, local_port=8)[0] == OK


def test_a_tci_comes_with_its_flag(eng: Engine) -> None:
    """A host that leaves one of the two out means something that we do not know."""
    assert eng.slot_add(vlan_tci=TCI, flags=0x1F)[0] == BAD_ARG
    assert eng.slot_add(flags=0x1F | VLAN)[0] == BAD_ARG
    assert eng.slots() == []


def test_the_same_addresses_in_two_vlans_are_two_connections(eng: Engine) -> None:
    """In one VLAN they are one, whatever their priority."""
    refs = [eng.slot_add(vlan_tci=tci)[1:] for tci in (TCI, VID + 1)] + [eng.slot_add()[1:]]
    assert eng.slot_add(vlan_tci=VID)[0] == DUP_TUPLE
    eng.sleep()
    eng.rx(tag(tcp("A", seq=4999), VID + 1))
    assert [eng.slot_get(*ref).peer_ka_answered for ref in refs] == [0, 1, 0]
    assert [slot.vlan_tci for slot in eng.slots()] == [TCI, VID + 1, 0]


def test_two_tags_are_nobodys(eng: Engine) -> None:
    """802.1ad, and two of 802.1Q: not even a pattern that looks for them sees them."""
    eng.pattern_add(5, data=b"\x88\xa8", offset=12)
    eng.pattern_add(6, lib.MAGIC)
    eng.slot_add(vlan_tci=TCI)
    eng.slot_add(local_port=2)
    eng.sleep()
    frame = tcp("PA", payload=magic())
    for inner, outer, kind in ((VID, VID, 0x88A8), (VID, 0, 0x88A8), (9, VID, 0x8100), (VID, 0, 0x8100), (0, VID, 0x88A8)):
        eng.rx(tag(tag(frame, inner), outer, kind))
    eng.rx(tag(frame, VID, 0x88A8))
    assert (eng.event(), eng.counters["rx_vlan_drop"]) == (None, 6)
    eng.check_sum()


def test_a_cut_tag_is_a_cut_frame(eng: Engine) -> None:
    asleep(eng)
    for length in range(14, 18):
        eng.rx(tag(tcp("PA", payload=b"news"), VID)[:length])
    assert (eng.event(), eng.counters["rx_bad_len"]) == (None, 4)


def test_patterns_and_magic_packets_are_for_frames_without_a_vlan(eng: Engine) -> None:
    """Also in a VLAN that somebody of ours is in; a priority tag hides nothing from them."""
    eng.pattern_add(5, lib.IPV4_SYN, port=22)
    eng.pattern_add(6, lib.UDP_PORT, port=9)
    eng.pattern_add(7, lib.MAGIC)
    asleep(eng)
    frames = [tcp("S", dport=22), udp(b"x"), udp(magic(), dport=1)]
    for frame in frames:
        eng.rx(tag(frame, VID))
    assert (eng.event(), eng.counters["rx_vlan_drop"], sum(eng.patterns().values())) == (None, 3, 0)
    eng.rx(tag(frames[2], 0xA000))
    assert eng.wake_event().pattern_id == 7


def test_a_fragment_of_its_vlan_wakes_and_of_another_does_not(eng: Engine) -> None:
    asleep(eng)
    piece = bytes(
        Ether(dst=HOST_MAC.hex(":"), src=PEER_MAC.hex(":")) / IP(src=PEER_IP, dst=HOST_IP, frag=8, proto=6) / (b"x" * 40)
    )
    for tci in (VID + 1, 0):
        eng.rx(tag(piece, tci))
    assert eng.event() is None
    eng.rx(tag(piece, VID))
    assert eng.wake_event().reason == UNPARSEABLE


@pytest.mark.parametrize("length", [60, 1513, 1514, 1517, 1518, 1519])
def test_a_whole_tagged_frame_is_saved(eng: Engine, length: int) -> None:
    """1500 bytes of payload and the tag are 1518 bytes."""
    asleep(eng)
    frame = tag(tcp("PA", payload=bytes(max(0, length - 58))), TCI)
    eng.rx(frame.ljust(length, b"\x55"))
    event = eng.wake_event()
    assert (event.orig_size, event.saved_size) == (length, min(length, 1518))


@pytest.mark.parametrize("reserved", [True, False])
def test_frames_between_prepare_and_commit_are_kept_for_who_may_still_come(eng: Engine, reserved: bool) -> None:
    """The connection's state is given after prepare: nobody can say before commit that a VLAN is nobody's."""
    slot: dict[str, Any] = {"vlan_tci": TCI, "flags": 0x1F | KEEP | VLAN}
    if reserved:
        assert eng.slot_add(**slot)[0] == OK
    assert eng.prepare() == OK
    frame = tcp("PA", payload=b"news")
    for tci in (VID + 1, VID, 0):
        eng.rx(tag(frame, tci))
    assert (eng.counters["rx_vlan_drop"], eng.status.buffered, eng.status.power) == (0, 3, PREPARED)
    assert eng.slot_add(**slot)[0] == OK
    assert eng.commit() == WAKE_PENDING
    assert eng.wake_event().reason == TCP_DATA
    assert [f.flags & 1 for f in eng.frames()] == [0, 1, 0]
    eng.check_sum()


def test_a_question_in_a_vlan_that_came_before_its_offload_is_answered_at_commit(eng: Engine) -> None:
    assert eng.prepare() == OK
    eng.rx(tag(arp(), VID))
    assert eng.offload_add(1, lib.ARP, HOST_IP, tci=TCI) == OK
    assert eng.commit() == OK
    (answer,) = eng.take_sent()
    assert untagged(answer)[12:14] == b"\x08\x06"
    eng.check_sum()


def test_what_nobody_came_for_by_commit_is_counted_as_ever(eng: Engine) -> None:
    """Fragments and foreign segments of other VLANs too; the slots answer and wake for none of them."""
    whole = IP(src=PEER_IP, dst=HOST_IP) / TCP() / Raw(bytes(64))
    pieces = [tag(bytes(ether() / piece), VID + 1) for piece in fragment(whole, fragsize=32)]  # type: ignore[no-untyped-call]
    assert eng.prepare() == OK
    for seen in [tag(tcp("PA", payload=b"news"), VID + 1), tag(udp(magic()), VID + 1), *pieces]:
        eng.rx(seen)
    assert eng.slot_add(vlan_tci=TCI)[0] == OK
    assert eng.commit() == OK
    assert (eng.event(), eng.frames(), eng.take_sent()) == (None, [], [])
    assert eng.counters["rx_vlan_drop"] == 2 + len(pieces)
    eng.check_sum()


def test_while_the_host_is_on_its_way_its_vlan_is_kept_and_others_are_not(eng: Engine) -> None:
    asleep(eng)
    for tci in (VID, VID + 1, VID, 0):
        eng.rx(tag(tcp("PA", seq=5000 if tci else 9, payload=b"news"), tci))
    assert (eng.status.power, eng.status.buffered, eng.counters["rx_vlan_drop"]) == (WOKEN, 2, 1)
    eng.check_sum()


# -- protocol offloads -----------------------------------------------------------------------------------------------------

ASKED: dict[str, tuple[Callable[[Engine, int], int], bytes]] = {
    "ARP": (lambda eng, tci: eng.offload_add(1, lib.ARP, HOST_IP, tci=tci), arp()),
    "NS": (lambda eng, tci: eng.offload_add(1, NS, HOST_IP6, tci=tci), ns()),
    "ping": (lambda eng, tci: eng.offload_add(1, ECHO, HOST_IP, tci=tci), ping(b"x" * 40)),
    "ping 6": (lambda eng, tci: eng.offload_add(1, ECHO, HOST_IP6, tci=tci), ping6(b"x" * 40)),
}


def anonymous(frame: bytes) -> bytes:
    """Without the identification that an IPv4 packet has of its own, and the checksum over it."""
    return frame if frame[12:14] != b"\x08\x00" else frame[:18] + bytes(2) + frame[20:24] + bytes(2) + frame[26:]


@pytest.mark.parametrize("what", ASKED)
def test_an_offload_answers_in_its_vlan_and_there_alone(eng: Engine, what: str) -> None:
    """The answer is that of an offload without a VLAN, with a tag; and one without a VLAN answers a priority tag without."""
    add, question = ASKED[what]
    plain = Engine()
    assert (add(plain, 0), add(eng, TCI)) == (OK, OK)
    for engine in (plain, eng):
        engine.sleep()
    for frame in (question, tag(question, 0xE000)):
        plain.rx(frame)
        eng.rx(frame)
    wanted, again = plain.take_sent()
    assert (anonymous(wanted), eng.take_sent()) == (anonymous(again), [])
    for tci in (VID + 1, VID):
        plain.rx(tag(question, tci))
        eng.rx(tag(question, tci))
    (answer,) = eng.take_sent()
    short = untagged(answer)
    assert short == wanted[: len(short)]
    assert not any(wanted[len(short) :])
    assert (plain.take_sent(), plain.counters["rx_vlan_drop"], eng.counters["rx_vlan_drop"]) == ([], 2, 1)
    assert eng.offloads() == {1: 1}
    eng.check_sum()


def test_a_ping_that_fills_a_tagged_frame_is_answered(eng: Engine) -> None:
    assert eng.offload_add(1, ECHO, HOST_IP, tci=TCI) == OK
    eng.sleep()
    eng.rx(tag(ping(b"x" * 1472), TCI))
    (answer,) = eng.take_sent()
    assert len(answer) == 1518
    assert Ether(untagged(answer))[IP].len == 1500


def test_a_claim_in_another_vlan_is_no_conflict(eng: Engine) -> None:
    """The same address may be somebody else's there. The defence is said in the VLAN of the claim."""
    assert eng.offload_add(1, lib.ARP, HOST_IP, tci=TCI) == OK
    eng.sleep()
    claim = arp(op=2, spa=HOST_IP, tpa=HOST_IP, sha=MOVED)
    for frame in (claim, tag(claim, VID + 1)):
        eng.rx(frame)
    assert (eng.event(), eng.take_sent()) == (None, [])
    eng.rx(tag(claim, VID))
    assert eng.wake_event().reason == ADDR_CONFLICT
    (defence,) = eng.take_sent()
    assert (Ether(untagged(defence))[ARP].psrc, Ether(defence)[Dot1Q].vlan) == (HOST_IP, VID)


def test_an_advertisement_goes_out_as_one(eng: Engine) -> None:
    assert eng.offload_add(1, NS, HOST_IP6, tci=TCI) == OK
    eng.sleep()
    eng.rx(tag(ns(), VID))
    (answer,) = eng.take_sent()
    assert (Ether(answer)[Dot1Q].prio, Ether(answer)[Dot1Q].vlan, Ether(answer)[ICMPv6ND_NA].tgt) == (3, VID, HOST_IP6)


def test_offloads_that_speak_by_themselves_do_so_in_their_vlan(eng: Engine) -> None:
    from tests.engine.test_mdns import RECORDS, message, query, question
    from tests.engine.test_membership import v2_query

    name, rrtype, data = next(iter(RECORDS.values()))
    assert eng.udp_add(1, tci=TCI) == OK
    assert eng.dhcp_add(2, tci=TCI, lease_s=40) == OK
    assert eng.group_add(3, "239.1.2.3", tci=TCI) == OK
    assert eng.mdns_add(4, name, rrtype, data, tci=TCI) == OK
    eng.sleep()
    questions = v2_query("239.1.2.3", code=1), query(message(question(name, rrtype)))
    for frame in questions:
        eng.rx(frame)
    eng.run_until(eng.now_us + 2 * S)
    assert eng.take_sent() == []
    for frame in questions:
        eng.rx(tag(frame, VID))
    eng.run_until(eng.now_us + 19 * S)
    sent = eng.take_sent()
    assert len(sent) == 4
    for frame in sent:
        Ether(untagged(frame))
    assert list(eng.offloads().values()) == [1, 0, 1, 1]


def test_datagrams_for_an_offload_count_in_its_vlan_alone(eng: Engine) -> None:
    """A NAT-T keep-alive, and the answer of a DHCP server."""
    from tests.engine.test_dhcp import answer
    from tests.engine.test_udp_keepalive import inbound

    assert eng.udp_add(1, tci=TCI) == OK
    assert eng.dhcp_add(2, tci=TCI, lease_s=40) == OK
    eng.sleep()
    eng.run_until(eng.now_us + 20 * S)
    assert eng.counters["dhcp_requests"] == 1
    for tci in (0, VID + 1, VID):
        assert (eng.counters["natt_ka_ignored"], eng.counters["dhcp_renewed"]) == (0, 0)
        for frame in (inbound(b"\xff"), answer()):
            eng.rx(tag(frame, tci))
    assert (eng.counters["natt_ka_ignored"], eng.counters["dhcp_renewed"]) == (1, 1)


def test_a_router_in_two_vlans_is_two_routers(eng: Engine) -> None:
    """Told again what each of them said while the host was awake, nobody wakes."""
    assert eng.ns_add(2, flags=lib.NS_RA_WAKE) == OK
    assert eng.ns_add(3, flags=lib.NS_RA_WAKE, tci=TCI) == OK
    news = ra(), tag(ra(prefix="2001:db8:5::"), VID)
    for _ in range(2):
        for frame in news:
            eng.rx(frame)
        if eng.status.power != D3:
            eng.sleep()
    assert (eng.event(), eng.counters["ra_same"]) == (None, 2)


def test_routers_are_told_apart_by_their_vlan(eng: Engine) -> None:
    """The same link-local address on two networks, each with its own news; where nobody watches, nobody wakes."""
    assert eng.ns_add(flags=lib.NS_RA_WAKE, tci=TCI) == OK
    eng.rx(tag(ra(), VID))
    eng.sleep()
    eng.rx(ra(lifetime=0))
    eng.rx(tag(ra(), VID))
    assert (eng.event(), eng.counters["ra_same"]) == (None, 1)
    eng.rx(tag(ra(lifetime=0), VID))
    assert eng.wake_event().reason == lib.ROUTER_CHANGED


# -- the next hop ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("v6", [False, True])
def test_the_next_hop_is_believed_in_its_vlan_alone(eng: Engine, v6: bool) -> None:
    from tests.engine.nd_packets import na

    addresses = {"local": HOST_IP6, "remote": PEER_IP6} if v6 else {}
    hop = PEER_IP6 if v6 else PEER_IP
    rc, *ref = eng.slot_add(vlan_tci=TCI, flags=0x1F | VLAN | LEARN_NEXT_HOP, next_hop_ip=hop, **addresses)
    assert rc == OK
    eng.sleep()
    news = na(hop, hop, lladdr=MOVED) if v6 else arp(op=2, spa=hop, tpa=hop, sha=MOVED)
    for frame in (news, tag(news, 0xE000), tag(news, VID + 1)):
        eng.rx(frame)
    assert (eng.slot_get(*ref).next_hop_moves, eng.counters["next_hop_moved"]) == (0, 0)
    eng.rx(tag(news, VID))
    eng.run_until(eng.now_us + 60 * S)
    (probe,) = eng.take_sent()
    assert untagged(probe)[:6] == MOVED


def test_datagrams_believe_their_next_hop_in_their_vlan_alone(eng: Engine) -> None:
    assert eng.udp_add(1, tci=TCI, hop_ip=PEER_IP) == OK
    assert eng.udp_add(2, hop_ip=PEER_IP) == OK
    eng.sleep()
    eng.rx(tag(arp(op=2, spa=PEER_IP, tpa=PEER_IP, sha=MOVED), VID))
    eng.run_until(eng.now_us + 20 * S)
    inside, outside = eng.take_sent()
    assert (untagged(inside)[:6], outside[:6]) == (MOVED, PEER_MAC)
