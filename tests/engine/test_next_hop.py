"""The next hop of a sleeping connection moves to another MAC: learnt from what it announces, or noticed by its silence."""

from __future__ import annotations

import pytest

from rig.suite.neighbour_frames import ns
from tests.engine import engine_lib as lib
from tests.engine.engine_lib import (
    BAD_ADDR,
    D3,
    HOST_IP,
    HOST_IP6,
    HOST_MAC,
    KA_TIMEOUT,
    LEARN_NEXT_HOP,
    OK,
    PEER_IP,
    PEER_IP6,
    PEER_MAC,
    Engine,
)
from tests.engine.nd_packets import na, ra
from tests.engine.packets import arp, tcp

S = 1_000_000
MOVED = bytes.fromhex("0200000000aa")
GROUP_MAC = bytes.fromhex("030000000001")
FLAGS = 0x1F | LEARN_NEXT_HOP
ROUTER_IP = "192.0.2.254"

pytestmark = pytest.mark.edge(19)


def asleep(eng: Engine, **slot: object) -> tuple[int, int]:
    rc, number, generation = eng.slot_add(**{"flags": FLAGS, "next_hop_ip": PEER_IP, **slot})
    assert rc == OK
    eng.sleep()
    return number, generation


def asleep6(eng: Engine, **slot: object) -> tuple[int, int]:
    return asleep(eng, **{"local": HOST_IP6, "remote": PEER_IP6, "next_hop_ip": PEER_IP6, **slot})


def hops(eng: Engine) -> list[bytes]:
    """Where the next probe goes."""
    eng.run_until(eng.now_us + 60 * S)
    return [frame[:6] for frame in eng.take_sent()][:1]


ARP_NEWS = {
    "gratuitous request": arp(op=1, spa=PEER_IP, tpa=PEER_IP, sha=MOVED),
    "gratuitous reply": arp(op=2, spa=PEER_IP, tpa=PEER_IP, sha=MOVED),
    "to us alone": arp(op=2, spa=PEER_IP, tpa=HOST_IP, sha=MOVED, dst=HOST_MAC),
    "a question of its own": arp(op=1, spa=PEER_IP, tpa="192.0.2.77", sha=MOVED),
}


@pytest.mark.parametrize("news", ARP_NEWS)
def test_arp_from_the_next_hop_is_learnt(eng: Engine, news: str) -> None:
    """RFC 826: whoever has the sender's address in a table updates it, whatever the frame is for."""
    ref = asleep(eng)
    eng.rx(ARP_NEWS[news])
    state = eng.slot_get(*ref)
    assert (bytes(state.next_hop_mac), state.next_hop_moves, eng.counters["next_hop_moved"]) == (MOVED, 1, 1)
    assert hops(eng) == [MOVED]
    assert (eng.event(), eng.status.next_hops_moved) == (None, 1)
    eng.rx(tcp("A"))
    assert eng.slot_get(*ref).ka_acked == 1


ND_NEWS = {
    "unsolicited": na(PEER_IP6, PEER_IP6, lladdr=MOVED, eth_src=MOVED),
    "for another station": na(PEER_IP6, "fe80::9", lladdr=MOVED, eth_src=MOVED),
    "to us alone": na(PEER_IP6, PEER_IP6, dst=HOST_IP6, S=1, lladdr=MOVED),
    "a question of its own": ns(HOST_IP6, PEER_IP6, lladdr=MOVED, eth_src=MOVED),
}


@pytest.mark.parametrize("news", ND_NEWS)
def test_neighbour_discovery_of_the_next_hop_is_learnt(eng: Engine, news: str) -> None:
    """RFC 4861 7.2.3, 7.2.5. What counts is the target, not who says it: routers announce for each other."""
    asleep6(eng)
    eng.rx(ND_NEWS[news])
    assert hops(eng) == [MOVED]
    assert eng.counters["next_hop_moved"] == 1


def test_a_gateway_moves_for_all_connections_behind_it(eng: Engine) -> None:
    """And for them alone; each says so."""
    behind = [eng.slot_add(local_port=port, flags=FLAGS, next_hop_ip=ROUTER_IP)[1:] for port in (1, 2)]
    beside = eng.slot_add(local_port=3, flags=FLAGS, next_hop_ip=PEER_IP)[1:]
    eng.sleep()
    eng.rx(arp(op=2, spa=ROUTER_IP, tpa=ROUTER_IP, sha=MOVED))
    assert [bytes(eng.slot_get(*ref).next_hop_mac) for ref in (*behind, beside)] == [MOVED, MOVED, PEER_MAC]
    assert (eng.counters["next_hop_moved"], eng.status.next_hops_moved) == (2, 2)


def test_it_can_come_back(eng: Engine) -> None:
    ref = asleep(eng)
    for mac in (MOVED, MOVED, PEER_MAC, PEER_MAC):
        eng.rx(arp(op=2, spa=PEER_IP, tpa=PEER_IP, sha=mac))
    assert (bytes(eng.slot_get(*ref).next_hop_mac), eng.slot_get(*ref).next_hop_moves) == (PEER_MAC, 2)
    assert hops(eng) == [PEER_MAC]


def test_news_between_prepare_and_commit_is_learnt_at_commit(eng: Engine) -> None:
    eng.prepare()
    eng.slot_add(flags=FLAGS, next_hop_ip=PEER_IP)
    eng.rx(ARP_NEWS["gratuitous reply"])
    assert eng.commit() == OK
    assert hops(eng) == [MOVED]


def test_an_asker_with_a_new_mac_is_answered_there(eng: Engine) -> None:
    """The offload answers, the slot learns: one frame, both."""
    eng.arp_add()
    asleep(eng)
    eng.rx(arp(op=1, spa=PEER_IP, tpa=HOST_IP, sha=MOVED))
    assert [frame[:6] for frame in eng.take_sent()] == [MOVED]
    assert hops(eng) == [MOVED]


NOT_BELIEVED = {
    "another address": arp(op=2, spa="192.0.2.3", tpa="192.0.2.3", sha=MOVED),
    "a multicast MAC": arp(op=2, spa=PEER_IP, tpa=PEER_IP, sha=GROUP_MAC).replace(GROUP_MAC, PEER_MAC, 1),
    "no MAC": arp(op=2, spa=PEER_IP, tpa=PEER_IP, sha=bytes(6)),
    "the host's MAC": arp(op=2, spa=PEER_IP, tpa=PEER_IP, sha=HOST_MAC).replace(HOST_MAC, PEER_MAC, 1),
    "the host's own address": arp(op=2, spa=HOST_IP, tpa=HOST_IP, sha=MOVED),
    "a probe for it": arp(op=1, spa="0.0.0.0", tpa=PEER_IP, sha=MOVED),
    "to a group": arp(op=2, spa=PEER_IP, tpa=PEER_IP, sha=MOVED, dst=bytes.fromhex("01005e000001")),
    "another's hardware": arp(op=2, spa=PEER_IP, tpa=PEER_IP, sha=MOVED, hwtype=6),
    "a third operation": arp(op=3, spa=PEER_IP, tpa=PEER_IP, sha=MOVED),
    "cut off": arp(op=2, spa=PEER_IP, tpa=PEER_IP, sha=MOVED)[:40],
    "over IPv6": na(PEER_IP6, PEER_IP6, lladdr=MOVED),
}


@pytest.mark.parametrize("news", NOT_BELIEVED)
def test_what_is_not_believed(eng: Engine, news: str) -> None:
    """The negative control of each: the same frame without its fault is learnt, above."""
    eng.arp_add()
    ref = asleep(eng)
    eng.rx(NOT_BELIEVED[news])
    state = eng.slot_get(*ref)
    assert (bytes(state.next_hop_mac), state.next_hop_moves, eng.counters["next_hop_moved"]) == (PEER_MAC, 0, 0)


NOT_BELIEVED6 = {
    "another target": na("2001:db8::8", PEER_IP6, lladdr=MOVED),
    "a multicast MAC": na(PEER_IP6, PEER_IP6, lladdr=GROUP_MAC),
    "the host's MAC": na(PEER_IP6, PEER_IP6, lladdr=HOST_MAC),
    "from this very machine": na(PEER_IP6, "::1", lladdr=MOVED),
    "no override": na(PEER_IP6, PEER_IP6, lladdr=MOVED, O=0),
    "no MAC": na(PEER_IP6, PEER_IP6, lladdr=None),
    "from beyond a router": na(PEER_IP6, PEER_IP6, lladdr=MOVED, hlim=254),
    "solicited, to everybody": na(PEER_IP6, PEER_IP6, lladdr=MOVED, S=1),
    "another asker": ns(HOST_IP6, "2001:db8::8", lladdr=MOVED),
    "a duplicate address probe": ns(PEER_IP6, "::", lladdr=None),
    "a router": ra(src="fe80::9"),
    "over IPv4": ARP_NEWS["gratuitous reply"],
}


@pytest.mark.parametrize("news", NOT_BELIEVED6)
def test_what_is_not_believed_over_ipv6(eng: Engine, news: str) -> None:
    ref = asleep6(eng)
    eng.rx(NOT_BELIEVED6[news])
    assert (bytes(eng.slot_get(*ref).next_hop_mac), eng.counters["next_hop_moved"]) == (PEER_MAC, 0)


def test_a_slots_own_mac_is_nobody_elses(eng: Engine) -> None:
    """Also where it is not the one that the host woke up with."""
    own = bytes.fromhex("0200000000bb")
    ref = asleep(eng, local_mac=own)
    eng.rx(arp(op=2, spa=PEER_IP, tpa=PEER_IP, sha=own))
    assert (bytes(eng.slot_get(*ref).next_hop_mac), eng.counters["next_hop_moved"]) == (PEER_MAC, 0)


def test_a_slot_that_does_not_learn_notices_by_the_silence(eng: Engine) -> None:
    """Not for hours: three probes to the old address, and the host is woken."""
    asleep(eng, flags=0x1F)
    eng.rx(ARP_NEWS["gratuitous reply"])
    eng.run_until(eng.now_us + 90 * S)
    assert [frame[:6] for frame in eng.take_sent()] == [PEER_MAC] * 3
    assert (eng.wake_event().reason, eng.counters["next_hop_moved"]) == (KA_TIMEOUT, 0)


def test_one_that_learns_needs_to_know_from_whom(eng: Engine) -> None:
    for hop in ("", "2001:db8::1", HOST_IP, "0.0.0.0", "224.0.0.1"):
        assert eng.slot_add(flags=FLAGS, next_hop_ip=hop)[0] == BAD_ADDR, hop
    assert eng.slot_add(flags=0x1F, next_hop_ip=ROUTER_IP)[0] == OK


def test_an_update_names_another_next_hop(eng: Engine) -> None:
    """A route that changed: from now on the new one is believed, the old one is not."""
    slot, gen = asleep(eng)
    assert eng.slot_update(slot, gen, hop=ROUTER_IP) == OK
    eng.rx(ARP_NEWS["gratuitous reply"])
    assert eng.counters["next_hop_moved"] == 0
    eng.rx(arp(op=2, spa=ROUTER_IP, tpa=ROUTER_IP, sha=MOVED))
    assert hops(eng) == [MOVED]


def test_awake_and_on_the_way_nothing_is_learnt(eng: Engine) -> None:
    """The host hears it itself: awake from the wire, later from what was kept."""
    _, slot, gen = eng.slot_add(flags=FLAGS, next_hop_ip=PEER_IP)
    eng.rx(ARP_NEWS["gratuitous reply"])
    eng.sleep()
    eng.rx(tcp("PA", payload=b"x"))
    assert eng.status.power != D3
    eng.rx(ARP_NEWS["gratuitous reply"])
    assert (eng.slot_get(slot, gen).next_hop_moves, len(eng.frames())) == (0, 2)


# -- protocol offloads that send datagrams ---------------------------------------------------------------------------------

NEWS = {4: arp(op=2, spa=PEER_IP, tpa=PEER_IP, sha=MOVED), 6: na(PEER_IP6, PEER_IP6, lladdr=MOVED, eth_src=MOVED)}
SPEAKERS = {
    "NAT-T": lambda eng, hop: eng.udp_add(1, hop_ip=hop),
    "UDP": lambda eng, hop: eng.udp_add(1, lib.UDP, payload=b"x", hop_ip=hop),
    "DHCP": lambda eng, hop: eng.dhcp_add(1, lease_s=40, hop_ip=hop),
}


def destinations(eng: Engine) -> list[bytes]:
    eng.run_until(eng.now_us + 20 * S)
    return [frame[:6] for frame in eng.take_sent()]


@pytest.mark.parametrize("kind", SPEAKERS)
def test_datagrams_follow_the_next_hop(eng: Engine, kind: str) -> None:
    assert SPEAKERS[kind](eng, PEER_IP) == OK
    eng.sleep()
    eng.rx(NEWS[4])
    assert destinations(eng) == [MOVED]
    assert (eng.event(), eng.status.power, eng.counters["next_hop_moved"]) == (None, D3, 1)


@pytest.mark.parametrize("kind", SPEAKERS)
def test_datagrams_of_one_that_was_told_no_address_do_not(eng: Engine, kind: str) -> None:
    assert SPEAKERS[kind](eng, "") == OK
    eng.sleep()
    eng.rx(NEWS[4])
    assert (destinations(eng), eng.counters["next_hop_moved"]) == ([PEER_MAC], 0)


def test_datagrams_over_ipv6_follow_the_next_hop_through_a_router(eng: Engine) -> None:
    """Two flows behind one router, one beside it; and it comes back."""
    far, router = "2001:db8:9::9", "fe80::9"
    for id_ in (1, 2):
        assert eng.udp_add(id_, address=HOST_IP6, remote=far, hop_ip=router) == OK
    assert eng.udp_add(3, address=HOST_IP6, remote=PEER_IP6, hop_ip=PEER_IP6) == OK
    eng.sleep()
    eng.rx(na(router, router, lladdr=MOVED, eth_src=MOVED))
    assert destinations(eng) == [MOVED, MOVED, PEER_MAC]
    eng.rx(ns(HOST_IP6, router, lladdr=PEER_MAC))
    assert (destinations(eng), eng.counters["next_hop_moved"]) == ([PEER_MAC] * 3, 4)


@pytest.mark.parametrize("news", NOT_BELIEVED)
def test_datagrams_do_not_follow_what_is_not_believed(eng: Engine, news: str) -> None:
    assert eng.udp_add(1, hop_ip=PEER_IP) == OK
    eng.sleep()
    eng.rx(NOT_BELIEVED[news])
    assert (destinations(eng), eng.counters["next_hop_moved"]) == ([PEER_MAC], 0)


def test_a_next_hop_of_datagrams_is_checked(eng: Engine) -> None:
    for hop in ("2001:db8::1", HOST_IP, "0.0.0.0", "224.0.0.1"):
        assert eng.udp_add(1, hop_ip=hop) == BAD_ADDR, hop
        assert eng.dhcp_add(1, hop_ip=hop) == BAD_ADDR, hop
    assert eng.dhcp_add(1, hop_ip=ROUTER_IP) == OK


def test_what_is_removed_learns_nothing(eng: Engine) -> None:
    """Nor does another type that comes into its place."""
    assert eng.udp_add(1, hop_ip=PEER_IP) == OK
    assert eng.offload_remove(1) == OK
    assert eng.mdns_add(2, b"\x01a\x00", 1, bytes(4)) == OK
    assert eng.udp_add(3) == OK
    eng.sleep()
    eng.rx(NEWS[4])
    assert (destinations(eng), eng.counters["next_hop_moved"]) == ([PEER_MAC], 0)
