"""Neighbour discovery for the sleeping host: EDGE-080 to EDGE-088."""

from __future__ import annotations

from typing import Any

import pytest
from scapy.layers.inet6 import (
    ICMPv6ND_NA,
    ICMPv6ND_NS,
    ICMPv6NDOptDNSSL,
    ICMPv6NDOptDstLLAddr,
    ICMPv6NDOptPREF64,
    ICMPv6NDOptRouteInfo,
    ICMPv6NDOptSrcLLAddr,
    IPv6,
    IPv6ExtHdrDestOpt,
)

from rig.suite.neighbour_frames import ALL_NODES, as_if_meant, group_mac, ns, probe, solicited_node
from tests.engine.engine_lib import (
    ADDR_CONFLICT,
    BAD_ADDR,
    BAD_ARG,
    D3,
    DUP_ID,
    HOST_IP,
    HOST_IP6,
    HOST_MAC,
    LIST_FULL,
    NS_DAD_IGNORE,
    NS_DAD_WAKE,
    NS_RA_WAKE,
    NS_ROUTER,
    OK,
    PEER_IP6,
    PEER_MAC,
    ROUTER_CHANGED,
    UNSUPPORTED,
    WAKE_PENDING,
    Engine,
)
from tests.engine.nd_packets import NONCE, checked, na, ra
from tests.engine.packets import ether

S = 1_000_000
SECOND_IP6 = "fe80::1:2:4"
SAME_TAIL = "2001:db8::7701:2:3"
"""Ends in the same 24 bits as HOST_IP6, so it shares its group."""

INTRUDER = bytes.fromhex("020000000066")
PROXY_MAC = bytes.fromhex("020000000099")


def only_answer(eng: Engine) -> Any:
    (frame,) = eng.take_sent()
    return checked(frame)


@pytest.mark.edge(80)
@pytest.mark.parametrize("target", [HOST_IP6, SECOND_IP6])
@pytest.mark.parametrize("unicast", [False, True])
def test_question_is_answered_to_the_asker(eng: Engine, target: str, unicast: bool) -> None:
    assert eng.ns_add(second=SECOND_IP6, mac=PROXY_MAC) == OK
    eng.sleep()
    eng.rx(ns(target, dst=target if unicast else None))
    sent = only_answer(eng)
    assert (sent.dst, sent.src) == (PEER_MAC.hex(":"), HOST_MAC.hex(":"))
    assert (sent[IPv6].src, sent[IPv6].dst, sent[IPv6].hlim, sent[IPv6].plen) == (target, PEER_IP6, 255, 32)
    answer = sent[ICMPv6ND_NA]
    assert (answer.R, answer.S, answer.O, answer.tgt) == (0, 1, 1, target)
    assert sent[ICMPv6NDOptDstLLAddr].lladdr == PROXY_MAC.hex(":")
    assert (eng.event(), eng.counters["ns_answered"], eng.counters["rx_offload_answered"]) == (None, 1, 1)
    assert eng.offloads() == {2: 1}


@pytest.mark.edge(80)
def test_probe_is_answered_to_everybody(eng: Engine) -> None:
    assert eng.ns_add() == OK
    eng.sleep()
    eng.rx(probe())
    sent = only_answer(eng)
    assert (sent.dst, sent[IPv6].src, sent[IPv6].dst) == ("33:33:00:00:00:01", HOST_IP6, ALL_NODES)
    assert (sent[ICMPv6ND_NA].S, sent[ICMPv6ND_NA].O, sent[ICMPv6ND_NA].tgt) == (0, 1, HOST_IP6)
    assert (eng.event(), eng.counters["ns_dad_answered"], eng.counters["ns_answered"]) == (None, 1, 0)


@pytest.mark.edge(80)
@pytest.mark.parametrize(("flags", "reason"), [(NS_DAD_WAKE, ADDR_CONFLICT), (NS_DAD_IGNORE, None)])
def test_probe_by_policy(eng: Engine, flags: int, reason: int | None) -> None:
    assert eng.ns_add(flags=flags) == OK
    eng.sleep()
    eng.rx(ns())
    assert len(eng.take_sent()) == 1, "the policy is for probes only"
    eng.rx(probe())
    event = eng.event()
    assert (eng.take_sent(), event.reason if event else None) == ([], reason)


@pytest.mark.edge(80)
def test_wrong_group_is_not_answered(eng: Engine) -> None:
    assert eng.ns_add() == OK
    eng.sleep()
    for other in ("2001:db8::9:9:9", "2001:db8::1:3:3", "2001:db8::1:2:103", "2001:db8::1:2:4"):
        eng.rx(ns(dst=solicited_node(other)))
    assert (eng.take_sent(), eng.event(), eng.counters["rx_dropped_policy"]) == ([], None, 4)


@pytest.mark.edge(80)
@pytest.mark.parametrize("dst", [ALL_NODES, SECOND_IP6], ids=["everybody", "another address of the host"])
def test_a_question_to_where_the_host_listens_is_answered(eng: Engine, dst: str) -> None:
    """RFC 4861 7.1.1 binds only probes to the solicited-node group; the target decides (7.2.3)."""
    assert eng.ns_add(second=SECOND_IP6) == OK
    eng.sleep()
    eng.rx(ns(dst=dst))
    assert only_answer(eng)[ICMPv6ND_NA].tgt == HOST_IP6
    eng.rx(ns(SAME_TAIL, dst=dst))
    assert eng.take_sent() == []


@pytest.mark.edge(81)
@pytest.mark.parametrize("flags", [0, NS_ROUTER])
def test_router_flag_is_the_hosts(eng: Engine, flags: int) -> None:
    assert eng.ns_add(flags=flags) == OK
    eng.sleep()
    eng.rx(ns())
    eng.rx(probe())
    assert [checked(f)[ICMPv6ND_NA].R for f in eng.take_sent()] == [flags, flags]


@pytest.mark.edge(82)
def test_same_last_three_bytes_are_another_address(eng: Engine) -> None:
    assert eng.ns_add() == OK
    eng.sleep()
    assert solicited_node(SAME_TAIL) == solicited_node(HOST_IP6)
    eng.rx(ns(SAME_TAIL))
    eng.rx(probe(SAME_TAIL))
    assert (eng.take_sent(), eng.event()) == ([], None)
    eng.rx(ns())
    assert len(eng.take_sent()) == 1


@pytest.mark.edge(83)
def test_no_flipped_bit_is_answered(eng: Engine) -> None:
    """Every bit from the IPv6 addresses on; the unbroken one is the control."""
    assert eng.ns_add() == OK
    eng.sleep()
    good = ns()
    for at in range(22, len(good)):
        for bit in range(8):
            eng.rx(good[:at] + bytes([good[at] ^ 1 << bit]) + good[at + 1 :])
    assert (eng.take_sent(), eng.event()) == ([], None)
    eng.rx(good)
    assert len(eng.take_sent()) == 1


@pytest.mark.edge(84)
def test_many_options_and_a_nonce(eng: Engine) -> None:
    """Up to a full frame; the answer has our link-layer address as its only option."""
    assert eng.ns_add() == OK
    eng.sleep()
    for count in (1, 20, 170):
        eng.rx(ns(options=[NONCE] * count))
        sent = eng.take_sent()
        assert [len(f) for f in sent] == [86]
        assert b"nonce!" not in sent[0]
    eng.rx(probe(options=[NONCE] * 170))
    assert b"nonce!" not in eng.take_sent()[0]


@pytest.mark.edge(84)
def test_answers_the_link_layer_address_that_the_question_names(eng: Engine) -> None:
    """It may stand behind other options, and is another station's when a bridge that rewrites sources forwards."""
    assert eng.ns_add() == OK
    eng.sleep()
    eng.rx(ns(lladdr=None, options=[NONCE, ICMPv6NDOptSrcLLAddr(lladdr=INTRUDER.hex(":"))]))
    eng.rx(ns(lladdr=None))
    assert [f[:6] for f in eng.take_sent()] == [INTRUDER, PEER_MAC]


@pytest.mark.edge(85)
def test_the_list_has_no_holes(eng: Engine) -> None:
    """Addresses that are not ready are never added, so what is listed answers, in the order of addition."""
    for number in range(4):
        assert eng.ns_add(10 + number, f"2001:db8::a{number}") == OK
    assert eng.offload_remove(11) == OK
    assert eng.ns_add(20, "2001:db8::b0") == OK
    assert list(eng.offloads()) == [10, 12, 13, 20]
    eng.sleep()
    for address in ("2001:db8::a0", "2001:db8::a1", "2001:db8::a2", "2001:db8::a3", "2001:db8::b0"):
        eng.rx(ns(address))
    assert [checked(f)[ICMPv6ND_NA].tgt for f in eng.take_sent()] == [
        "2001:db8::a0", "2001:db8::a2", "2001:db8::a3", "2001:db8::b0",
    ]  # fmt: skip
    assert eng.offloads() == {10: 1, 12: 1, 13: 1, 20: 1}


@pytest.mark.edge(86)
def test_unicast_question_to_a_stale_mac_is_not_ours(eng: Engine) -> None:
    assert eng.ns_add() == OK
    eng.sleep()
    eng.rx(ns(dst=HOST_IP6, eth_dst=PROXY_MAC))
    assert (eng.take_sent(), eng.counters["rx_not_us"]) == ([], 1)
    eng.rx(ns(dst=HOST_IP6))
    assert only_answer(eng)[ICMPv6ND_NA].S == 1


@pytest.mark.edge(82)
@pytest.mark.parametrize("claim", [na(), na(lladdr=None), na(src=PEER_IP6, dst=HOST_IP6, S=1), ns(SECOND_IP6, src=HOST_IP6)])
def test_another_station_that_claims_the_address_wakes(eng: Engine, claim: bytes) -> None:
    assert eng.ns_add() == OK
    eng.sleep()
    eng.rx(na(SAME_TAIL, src=SAME_TAIL))
    assert eng.event() is None
    eng.rx(claim)
    assert (eng.wake_event().reason, eng.take_sent(), eng.counters["nd_conflict"]) == (ADDR_CONFLICT, [], 1)


@pytest.mark.edge(83)
@pytest.mark.parametrize("claim", [na(hlim=254), na(S=1), na(lladdr=bytes.fromhex("333300000001")), na(src="::")])
def test_broken_claims_do_not_wake(eng: Engine, claim: bytes) -> None:
    assert eng.ns_add() == OK
    eng.sleep()
    eng.rx(claim)
    assert (eng.event(), eng.counters["nd_invalid"]) == (None, 1)


@pytest.mark.edge(58, 77)
@pytest.mark.parametrize(
    "own",
    [na(eth_src=HOST_MAC), na(eth_src=PROXY_MAC), na(lladdr=PROXY_MAC), na(lladdr=HOST_MAC),
     probe(eth_src=HOST_MAC), probe(eth_src=PROXY_MAC), ns(eth_src=HOST_MAC), ns(lladdr=HOST_MAC)],
)  # fmt: skip
def test_own_words_reflected(eng: Engine, own: bytes) -> None:
    assert eng.ns_add(mac=PROXY_MAC) == OK
    eng.sleep()
    eng.rx(own)
    assert (eng.event(), eng.take_sent(), eng.status.power) == (None, [], D3)


def test_behind_extension_headers(eng: Engine) -> None:
    assert eng.ns_add() == OK
    eng.sleep()
    eng.rx(bytes(ether() / IPv6(src=PEER_IP6, dst=HOST_IP6, hlim=255) / IPv6ExtHdrDestOpt() / ICMPv6ND_NS(tgt=HOST_IP6)))
    assert only_answer(eng)[IPv6].nh == 58


def test_still_answers_while_the_host_wakes_then_leaves_it_to_the_host(eng: Engine) -> None:
    assert eng.ns_add() == OK
    assert eng.pattern_add(5, data=b"\x12\x34", offset=12) == OK
    eng.sleep()
    eng.rx(HOST_MAC + PEER_MAC + b"\x12\x34" + bytes(46))
    eng.rx(ns())
    assert (len(eng.take_sent()), len(eng.frames())) == (1, 1)
    assert eng.host_awake() == OK
    eng.rx(ns())
    assert (len(eng.take_sent()), len(eng.frames())) == (0, 2)


@pytest.mark.edge(85)
def test_what_may_be_added(eng: Engine) -> None:
    assert eng.ns_add(flags=0x10) == UNSUPPORTED
    assert eng.ns_add(flags=NS_DAD_WAKE | NS_DAD_IGNORE) == BAD_ARG
    for address in (HOST_IP, "::", "ff02::1"):
        assert eng.ns_add(address=address) == BAD_ADDR
    assert eng.ns_add(second="::") == BAD_ADDR
    assert eng.ns_add(remote=HOST_IP) == BAD_ADDR
    assert eng.ns_add(mac=b"\x33" * 6) == BAD_ADDR
    for number in range(32):
        assert eng.ns_add(number, f"2001:db8::{number + 1:x}") == OK
    assert eng.ns_add(3) == DUP_ID
    assert eng.ns_add(99) == LIST_FULL


# -- router advertisements ---------------------------------------------------------------------------------------------


CHANGED = {
    "router lifetime 0": ra(lifetime=0),
    "another prefix": ra(prefix="2001:db8:1::"),
    "prefix over": ra(valid=0),
    "another name server": ra(dns="2001:db8::54"),
    "name server over": ra(dns_life=0),
    "managed addresses": ra(M=1),
    "another reachable time": ra(reachabletime=30_000),
    "another retransmission timer": ra(retranstimer=2000),
    "another hop limit": ra(chlim=33),
    "another router": ra(src="fe80::2"),
}


@pytest.mark.edge(88)
@pytest.mark.parametrize("what", CHANGED)
def test_changed_advertisement_wakes_once(eng: Engine, what: str) -> None:
    """The same before and after does not: what the host heard while it was awake is no news, nor is a countdown."""
    assert eng.ns_add(flags=NS_RA_WAKE) == OK
    eng.rx(ra())
    eng.sleep()
    for passed_s in (0, 10, 590):
        eng.run_until(passed_s * S)
        eng.rx(ra(lifetime=1800 - passed_s, valid=86400 - passed_s, dns_life=600 - passed_s))
    assert (eng.event(), eng.counters["ra_same"]) == (None, 3)
    eng.rx(CHANGED[what])
    assert (eng.wake_event().reason, eng.counters["wake_router_changed"]) == (ROUTER_CHANGED, 1)
    eng.host_awake()
    eng.release()
    eng.sleep()
    eng.rx(CHANGED[what])
    assert (eng.event(), eng.counters["ra_same"]) == (None, 4)


def timed_options(**lifetimes: int) -> bytes:
    """An advertisement with a search list and a route; their lifetimes in seconds."""
    raw = ra(dns_life=6000) + bytes(
        ICMPv6NDOptDNSSL(lifetime=lifetimes.get("search", 6000), searchlist=["local"])
        / ICMPv6NDOptRouteInfo(plen=64, prefix="2001:db8:5::", rtlifetime=lifetimes.get("route", 6000))
        / ICMPv6NDOptPREF64(scaledlifetime=lifetimes.get("pref64", 6000) // 8, prefix="64:ff9b::")
    )
    return as_if_meant(raw)


@pytest.mark.edge(88)
@pytest.mark.parametrize("what", ["search", "route", "pref64"])
def test_other_options_that_count_down(eng: Engine, what: str) -> None:
    """The prefix for NAT64 counts in steps of eight seconds (RFC 8781)."""
    assert eng.ns_add(flags=NS_RA_WAKE) == OK
    eng.rx(timed_options(**{what: 600}))
    eng.sleep()
    for lifetime in (600, 592, 8):
        eng.run_until((600 - lifetime) * S)
        eng.rx(timed_options(**{what: lifetime}))
    assert (eng.event(), eng.counters["ra_same"]) == (None, 3)
    eng.rx(timed_options(**{what: 0}))
    assert eng.wake_event().reason == ROUTER_CHANGED


@pytest.mark.edge(88)
def test_what_an_earlier_host_heard_is_news_to_the_next(eng: Engine) -> None:
    assert eng.ns_add(flags=NS_RA_WAKE) == OK
    eng.rx(ra())
    eng.attach()
    assert eng.ns_add(flags=NS_RA_WAKE) == OK
    eng.sleep()
    eng.rx(ra())
    assert eng.wake_event().reason == ROUTER_CHANGED


@pytest.mark.edge(88)
def test_eight_routers_are_known_and_the_ninth_takes_the_place_of_the_first(eng: Engine) -> None:
    assert eng.ns_add(flags=NS_RA_WAKE) == OK
    for i in range(9):
        eng.rx(ra(src=f"fe80::{i + 1}"))
    eng.sleep()
    for i in range(1, 9):
        eng.rx(ra(src=f"fe80::{i + 1}"))
    assert (eng.event(), eng.counters["ra_same"]) == (None, 8)
    eng.rx(ra(src="fe80::1"))
    assert eng.wake_event().reason == ROUTER_CHANGED


@pytest.mark.edge(88)
@pytest.mark.parametrize(
    "bad",
    [ra(lifetime=0, hlim=254), ra(lifetime=0, src="2001:db8::7"), ra(lifetime=0, src="fec0::7"), ra(lifetime=0, code=1)],
)
def test_invalid_advertisement_is_dropped(eng: Engine, bad: bytes) -> None:
    assert eng.ns_add(flags=NS_RA_WAKE) == OK
    eng.rx(ra())
    eng.sleep()
    eng.rx(bad)
    eng.rx(ra())
    assert (eng.event(), eng.counters["nd_invalid"], eng.counters["ra_same"]) == (None, 1, 1)


@pytest.mark.edge(88)
def test_not_armed_no_advertisement_wakes(eng: Engine) -> None:
    assert eng.ns_add() == OK
    eng.sleep()
    eng.rx(ra())
    eng.rx(ra(lifetime=0))
    assert (eng.event(), eng.counters["rx_dropped_policy"]) == (None, 2)


@pytest.mark.edge(88)
def test_heard_while_the_host_wakes_is_heard_by_the_host(eng: Engine) -> None:
    assert eng.ns_add(flags=NS_RA_WAKE) == OK
    eng.rx(ra())
    eng.sleep()
    eng.rx(ra(lifetime=0))
    eng.rx(ra(prefix="2001:db8:2::"))
    eng.host_awake()
    eng.release()
    eng.sleep()
    eng.rx(ra(prefix="2001:db8:2::"))
    assert eng.event() is None


@pytest.mark.edge(88)
def test_change_between_prepare_and_commit_is_not_missed(eng: Engine) -> None:
    assert eng.ns_add(flags=NS_RA_WAKE) == OK
    eng.rx(ra())
    assert eng.prepare() == OK
    eng.rx(ra(lifetime=0))
    assert eng.commit() == WAKE_PENDING
    assert eng.wake_event().reason == ROUTER_CHANGED


def test_group_address_of_a_probe_is_the_solicited_nodes() -> None:
    """The helpers against the example of RFC 4291 2.7.1 and RFC 2464 7."""
    assert solicited_node("4037::1:800:200e:8c6c") == "ff02::1:ff0e:8c6c"
    assert group_mac("ff02::1:ff0e:8c6c").hex(":") == "33:33:ff:0e:8c:6c"
