"""Peers, paths and second devices that behave oddly: rate limits, new neighbours, ICMP errors, foreign options."""

from __future__ import annotations

from ctypes import c_uint8
from typing import Any

import pytest
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6, in6_chksum
from scapy.layers.l2 import Ether
from scapy.packet import Raw

from tests.engine.engine_lib import (
    BROKEN,
    D3,
    HOST_IP,
    HOST_IP6,
    HOST_MAC,
    HOST_PORT,
    KA_TIMEOUT,
    OK,
    PEER_IP,
    PEER_IP6,
    PEER_MAC,
    PEER_PORT,
    TCP_DATA,
    UDP_PORT,
    Engine,
)
from tests.engine.packets import arp, ether, tcp

S = 1_000_000
MS = 1000
MacBytes = c_uint8 * 6
LIMIT_US = 500 * MS
"""Linux answers at most one out-of-window segment of a connection in this time (tcp_invalid_ratelimit)."""


@pytest.mark.edge(12)
@pytest.mark.parametrize(("count", "survives"), [(3, True), (2, False)])
def test_probes_faster_than_the_peer_answers_them(eng: Engine, count: int, survives: bool) -> None:
    """Every 200 ms against one answer in 500: two probes in a row go unanswered. A count of 3 bears that, 2 does not."""
    rc, slot, gen = eng.slot_add(ka_idle_ms=200, ka_intvl_ms=200, ka_cnt=count)
    assert rc == OK
    eng.sleep()
    answered_us, end_us = -LIMIT_US, eng.now_us + 60 * S
    while eng.now_us < end_us and not eng.event():
        wait_us = eng.poll()
        if eng.take_sent() and eng.now_us - answered_us >= LIMIT_US:
            answered_us = eng.now_us
            eng.rx(tcp("A"))
        else:
            eng.now_us += wait_us or 1
    assert (eng.event() is None) is survives
    assert eng.slot_get(slot, gen).state != BROKEN if survives else eng.slot_get(slot, gen).close_reason == KA_TIMEOUT


@pytest.mark.edge(19)
def test_a_next_hop_that_moved_is_noticed_by_its_silence(eng: Engine) -> None:
    """Announcements are not learnt, anybody could send them: the probes go to the old address and their loss wakes."""
    eng.slot_add(ka_idle_ms=60_000, ka_intvl_ms=10_000, ka_cnt=3)
    eng.sleep()
    start_us = eng.now_us
    moved = bytes.fromhex("0200000000aa")
    eng.rx(arp(op=2, spa=PEER_IP, tpa=PEER_IP, sha=moved))
    eng.run_until(start_us + 90 * S - 1)
    assert eng.event() is None
    assert [frame[:6] for frame in eng.take_sent()] == [PEER_MAC] * 3
    eng.run_until(start_us + 90 * S)
    assert eng.wake_event().reason == KA_TIMEOUT
    eng.run_until(start_us + 3600 * S)
    assert eng.take_sent() == [], "silent afterwards, not probing for hours"


@pytest.mark.edge(33)
def test_two_devices_that_disagree_do_not_talk_for_ever(eng: Engine) -> None:
    """Each takes the other's ACK for an invalid one and answers it. The limits of a slot end every second of that."""
    other = Engine(now_us=eng.now_us)
    eng.slot_add()
    other.slot_add(
        local=PEER_IP, remote=HOST_IP, local_port=PEER_PORT, remote_port=HOST_PORT, snd_una=900_000, snd_nxt=900_000,
        rcv_nxt=700_000, local_mac=MacBytes(*PEER_MAC), next_hop_mac=MacBytes(*HOST_MAC),
    )  # fmt: skip
    eng.sleep()
    other.sleep(mac=PEER_MAC)
    eng.rx(tcp("S"))
    sent, seconds = 0, 10
    end_us = eng.now_us + seconds * S
    while eng.now_us < end_us:
        ours, theirs = eng.take_sent(), other.take_sent()
        sent += len(ours) + len(theirs)
        for frame in ours:
            other.rx(frame)
        for frame in theirs:
            eng.rx(frame)
        eng.now_us += 20
        other.now_us = eng.now_us
    assert 0 < sent <= 2 * (10 + 50) * (seconds + 1)
    assert (eng.status.power, other.status.power) == (D3, D3)
    other.check_sum()


@pytest.mark.edge(44)
@pytest.mark.parametrize(
    "odd",
    [
        {"urgptr": 1, "flags": "PAU"},
        {"urgptr": 0xFFFF, "flags": "A"},
        {"options": [(19, bytes(16))]},
        {"options": [(29, bytes(14))]},
        {"options": [(34, bytes(8))]},
    ],
    ids=["urgent", "urgent pointer without the flag", "MD5", "AO", "fast open"],
)
def test_options_and_pointers_that_a_slot_does_not_have(eng: Engine, odd: dict[str, Any]) -> None:
    """They change nothing: without data no wake, with data the host gets the segment as it is and judges it."""
    odd = {"flags": "A", **odd}
    eng.slot_add()
    eng.sleep()
    eng.rx(tcp(**odd))
    assert eng.event() is None
    eng.rx(tcp(payload=b"data", **odd))
    assert eng.wake_event().reason == TCP_DATA
    (kept,) = eng.frames()
    assert bytes(kept.bytes[: kept.saved_len])[-4:] == b"data"


@pytest.mark.edge(58)
@pytest.mark.parametrize("source", ["ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:01", "33:33:00:00:00:01"])
def test_no_station_has_a_group_address_so_none_is_answered(eng: Engine, source: str) -> None:
    """IEEE 802.3 3.2.3: a source address is an individual one. Answered there, one ping would reach everybody."""
    assert eng.echo_add() == OK
    eng.sleep()
    ping = Ether(src=source, dst=HOST_MAC.hex(":")) / IP(src=PEER_IP, dst=HOST_IP) / ICMP()
    eng.rx(bytes(ping))
    assert (eng.take_sent(), eng.counters["rx_not_us"]) == ([], 1)
    ping.src = PEER_MAC.hex(":")
    eng.rx(bytes(ping))
    assert len(eng.take_sent()) == 1


@pytest.mark.edge(52)
@pytest.mark.parametrize(("kind", "left", "answered"), [(0, 0, True), (0, 1, False), (4, 1, False), (99, 255, False)])
def test_a_packet_with_further_to_go_is_not_answered(eng: Engine, kind: int, left: int, answered: bool) -> None:
    """RFC 5095 and RFC 8200 4.4: a host that does not route drops what its routing header would send on."""
    assert eng.echo_add(address=HOST_IP6) == OK
    eng.sleep()
    header = IPv6(src=PEER_IP6, dst=HOST_IP6, nh=43) / Raw(bytes([58, 0, kind, left]) + bytes(4))
    asked = ICMPv6EchoRequest(data=b"?")
    asked.cksum = in6_chksum(58, IPv6(src=PEER_IP6, dst=HOST_IP6), bytes(asked))  # type: ignore[no-untyped-call]
    eng.rx(bytes(ether() / header / Raw(bytes(asked))))
    assert len(eng.take_sent()) == answered
    assert eng.counters["rx_dropped_policy"] == (0 if answered else 1)


UDP_TO_HOST = bytes(ether() / IP(src=PEER_IP, dst=HOST_IP) / UDP(sport=1, dport=9, chksum=0) / Raw(b"data"))
LONG_HEADER = bytes(ether() / IPv6(src=PEER_IP6, dst=HOST_IP6, nh=60) / Raw(bytes([6, 0xFF]) + bytes(46)))
LYING = {
    **{f"tag cut to {n}": HOST_MAC + PEER_MAC + b"\x81\0" + bytes(n) for n in range(4)},
    "datagram of 7": UDP_TO_HOST[:38] + b"\0\x07" + UDP_TO_HOST[40:],
    "datagram a byte too long": UDP_TO_HOST[:38] + b"\0\x0d" + UDP_TO_HOST[40:],
    "header past the end": LONG_HEADER,
    "IPv4 header of 16 bytes": bytes(ether() / IP(ihl=4, src=PEER_IP, dst=HOST_IP, len=44) / Raw(bytes(24))),
    "IPv4 of version 6": bytes(ether() / IP(version=6, src=PEER_IP, dst=HOST_IP) / UDP(sport=1, dport=9) / Raw(b"data")),
    "IPv6 of version 4": bytes(ether() / IPv6(version=4, src=PEER_IP6, dst=HOST_IP6) / UDP(sport=1, dport=9) / Raw(b"data")),
    "header cut off": bytes(ether() / IPv6(src=PEER_IP6, dst=HOST_IP6, nh=60) / Raw(bytes(7))),
}


@pytest.mark.edge(45, 47, 52, 54)
@pytest.mark.parametrize("name", LYING)
def test_lengths_that_lie_are_bad_lengths(eng: Engine, name: str) -> None:
    """What they claim is not looked at, whatever lies there."""
    assert eng.pattern_add(5, type_=UDP_PORT, port=9) == OK
    eng.sleep()
    eng.rx(LYING[name])
    assert (eng.counters["rx_bad_len"], eng.event(), eng.take_sent()) == (1, None, [])
    eng.rx(UDP_TO_HOST)
    assert eng.wake_event().pattern_id == 5


@pytest.mark.edge(57)
@pytest.mark.parametrize("length", range(14))
def test_a_runt_is_a_bad_length_whatever_it_begins_with(eng: Engine, length: int) -> None:
    eng.sleep()
    eng.rx((HOST_MAC + PEER_MAC)[:length])
    assert eng.counters["rx_bad_len"] == 1


@pytest.mark.edge(14, 30)
@pytest.mark.parametrize("ack", [1001, 0x80000000])
@pytest.mark.parametrize("seq", [4990, 3_000_000_000])
def test_a_stranger_who_guesses_badly_does_not_make_the_peer_look_alive(eng: Engine, seq: int, ack: int) -> None:
    """Half of all sequence numbers are old data. With an ACK that the peer cannot have sent (RFC 5961 5.2) it is not heard."""
    rc, slot, gen = eng.slot_add()
    assert rc == OK
    eng.sleep()
    start_us = eng.now_us
    for _ in range(4):
        eng.run_until(eng.now_us + 20 * S)
        eng.rx(tcp("A", seq=seq, ack=ack, payload=b"x" * 10))
    eng.run_until(start_us + 90 * S)
    assert (eng.slot_get(slot, gen).ka_sent, eng.wake_event().reason) == (3, KA_TIMEOUT)
