"""Ping for the sleeping host, and the addresses that nobody may have: EDGE-058, EDGE-059."""

from __future__ import annotations

from typing import Any

import pytest
from scapy.layers.inet import ICMP, IP
from scapy.layers.inet6 import ICMPv6EchoReply, ICMPv6EchoRequest, IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Raw

from tests.engine.engine_lib import (
    BAD_ADDR,
    HOST_IP,
    HOST_IP6,
    HOST_MAC,
    OK,
    PEER_IP,
    PEER_IP6,
    PEER_MAC,
    UNSUPPORTED,
    Engine,
)
from tests.engine.packets import ether, tcp, udp

INTRUDER = bytes.fromhex("020000000066")
BROADCAST = b"\xff" * 6


def ping(payload: bytes = b"", dst: str = HOST_IP, src: str = PEER_IP, eth: bytes = HOST_MAC, **kw: Any) -> bytes:
    icmp = ICMP(type=kw.pop("type", 8), code=kw.pop("code", 0), id=7, seq=9)
    return bytes(ether(eth) / IP(src=src, dst=dst, **kw) / icmp / Raw(payload))


def ping6(payload: bytes = b"", dst: str = HOST_IP6, src: str = PEER_IP6, eth: bytes = HOST_MAC, **kw: Any) -> bytes:
    return bytes(ether(eth) / IPv6(src=src, dst=dst, **kw) / ICMPv6EchoRequest(id=7, seq=9, data=payload))


@pytest.fixture
def asleep(eng: Engine) -> Engine:
    """Function scope: answers pings to HOST_IP and HOST_IP6."""
    assert eng.echo_add(3) == OK
    assert eng.echo_add(4, HOST_IP6) == OK
    eng.sleep()
    return eng


@pytest.mark.parametrize("size", [0, 1, 17, 18, 56, 1471, 1472])
def test_ping_comes_back_byte_for_byte(asleep: Engine, size: int) -> None:
    payload = bytes(i & 0xFF for i in range(size))
    asleep.rx(ping(payload, tos=0x28).ljust(60, b"\x55"))
    (frame,) = asleep.take_sent()
    assert len(frame) == max(60, 42 + size)
    assert not any(frame[42 + size :]), "padding holds nothing of other frames"
    reply = Ether(frame)
    assert (reply.dst, reply.src) == (PEER_MAC.hex(":"), HOST_MAC.hex(":"))
    assert (reply[IP].src, reply[IP].dst, reply[IP].ttl, reply[IP].tos) == (HOST_IP, PEER_IP, 64, 0x28)
    assert (reply[ICMP].type, reply[ICMP].code, reply[ICMP].id, reply[ICMP].seq) == (0, 0, 7, 9)
    assert frame[42 : 42 + size] == payload
    assert bytes(Ether(frame[:14]) / IP(src=HOST_IP, dst=PEER_IP, ttl=64, tos=0x28, id=1) / ICMP(
        type=0, id=7, seq=9) / Raw(payload)) == frame[: 42 + size]  # fmt: skip
    assert (asleep.event(), asleep.counters["echo_answered"], asleep.offloads()) == (None, 1, {3: 1, 4: 0})


def test_routers_may_cut_a_reply_and_tell_its_pieces_from_the_last_ones(asleep: Engine) -> None:
    """A request needs not go the way of its reply. RFC 6864 4.1: what may be fragmented has an identification of its own."""
    for _ in range(3):
        asleep.rx(ping(bytes(1400), flags="DF"))
    replies = [Ether(frame)[IP] for frame in asleep.take_sent()]
    assert [int(reply.flags) for reply in replies] == [0, 0, 0]
    assert len({reply.id for reply in replies}) == 3


def test_padding_does_not_tell_what_was_there_before(asleep: Engine) -> None:
    """Replies are built where frames were."""
    asleep.rx(ping(b"\xff" * 1472))
    asleep.rx(ping(b"x"))
    assert asleep.take_sent()[1][42:] == b"x" + bytes(17)


@pytest.mark.parametrize("size", [0, 1, 56, 1452])
def test_ping6_comes_back_byte_for_byte(asleep: Engine, size: int) -> None:
    payload = bytes(i & 0xFF for i in range(size))
    asleep.rx(ping6(payload))
    (frame,) = asleep.take_sent()
    expected = Ether(src=HOST_MAC.hex(":"), dst=PEER_MAC.hex(":")) / IPv6(src=HOST_IP6, dst=PEER_IP6, hlim=64)
    assert frame == bytes(expected / ICMPv6EchoReply(id=7, seq=9, data=payload))
    assert (asleep.event(), asleep.counters["echo_answered"], asleep.offloads()) == (None, 1, {3: 0, 4: 1})


NOT_ANSWERED = {
    "another address": ping(dst="192.0.2.77"),
    "another IPv6 address": ping6(dst="2001:db8::7701:2:3"),
    "our address in a broadcast frame": ping(eth=BROADCAST),
    "our IPv6 address in a multicast frame": ping6(eth=bytes.fromhex("333300000001")),
    "our address, another MAC": ping(eth=INTRUDER),
    "broadcast address": ping(dst="255.255.255.255", eth=BROADCAST),
    "all nodes": ping6(dst="ff02::1", eth=bytes.fromhex("333300000001")),
    "from us": bytes(Ether(ping()[:6] + HOST_MAC + ping()[12:])),
    "a reply": ping(type=0),
    "code 1": ping(code=1),
    "first fragment": ping(b"x" * 64, flags="MF"),
    "last fragment": ping(b"x" * 64, frag=4),
    "bad checksum": ping(b"x")[:-1] + b"y",
}


@pytest.mark.edge(58)
@pytest.mark.parametrize("what", NOT_ANSWERED)
def test_what_is_not_answered(asleep: Engine, what: str) -> None:
    asleep.rx(NOT_ANSWERED[what])
    assert (asleep.take_sent(), asleep.event()) == ([], None)
    asleep.rx(ping())
    assert len(asleep.take_sent()) == 1


MARTIANS = ["192.0.2.1", "0.0.0.0", "127.0.0.1", "127.255.255.255", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255"]
MARTIANS6 = [HOST_IP6, "::", "::1", "ff02::1", "::ffff:192.0.2.9"]


@pytest.mark.edge(59)
@pytest.mark.parametrize("src", MARTIANS + MARTIANS6)
def test_nothing_from_addresses_that_nobody_has(asleep: Engine, src: str) -> None:
    """Neither an answer nor a wake, whatever the pattern."""
    asleep.host_awake()
    asleep.release()
    assert asleep.pattern_add(1, data=HOST_MAC) == OK
    asleep.sleep()
    asleep.rx(ping6(src=src) if ":" in src else ping(src=src))
    if src != "::":  # ICMPv6 comes from nobody when a station looks for an address
        assert (asleep.event(), asleep.take_sent(), asleep.counters["rx_dropped_policy"]) == (None, [], 1)
    assert asleep.take_sent() == []


@pytest.mark.edge(59)
@pytest.mark.parametrize(
    "frame",
    [tcp("S", l3=IP(src=HOST_IP, dst=HOST_IP)), udp(src="127.0.0.1"), udp(ip_dst="127.0.0.1"), udp(ip_dst="0.0.0.0"),
     tcp("S", l3=IPv6(src="::", dst=HOST_IP6)), tcp("S", l3=IPv6(src=PEER_IP6, dst="::"))],
)  # fmt: skip
def test_land_and_other_impossible_frames_do_not_wake(eng: Engine, frame: bytes) -> None:
    assert eng.pattern_add(1, data=HOST_MAC) == OK
    eng.sleep()
    eng.rx(frame)
    assert (eng.event(), eng.counters["rx_dropped_policy"]) == (None, 1)
    eng.rx(udp())
    assert eng.wake_event().pattern_id == 1


@pytest.mark.edge(60)
@pytest.mark.parametrize("ttl", [0, 1, 255])
def test_ttl_is_for_routers(asleep: Engine, ttl: int) -> None:
    """RFC 1122 3.2.1.7: a host takes what was sent to it whatever is left of its TTL; only ND asks for 255."""
    asleep.rx(ping(ttl=ttl))
    asleep.rx(ping6(hlim=ttl))
    first, second = asleep.take_sent()
    assert (Ether(first)[IP].ttl, Ether(second)[IPv6].hlim) == (64, 64)


def test_behind_ip_options(asleep: Engine) -> None:
    """A request with IP options is answered without them: router alert, 4 bytes."""
    frame = bytes(ether() / IP(src=PEER_IP, dst=HOST_IP, options=[b"\x94\x04\0\0"]) / ICMP(id=7, seq=9))
    asleep.rx(frame)
    (reply,) = asleep.take_sent()
    assert (reply[14], Ether(reply)[ICMP].id) == (0x45, 7)


def test_restricted_to_one_asker(eng: Engine) -> None:
    assert eng.echo_add(remote=PEER_IP) == OK
    eng.sleep()
    eng.rx(ping(src="192.0.2.9"))
    assert eng.take_sent() == []
    eng.rx(ping())
    assert len(eng.take_sent()) == 1


def test_answers_with_a_full_buffer_are_left_out_not_wrong(eng: Engine) -> None:
    """The reply is built in a free place of the frame buffer; a full one has none."""
    assert eng.echo_add() == OK
    assert eng.pattern_add(1, data=b"\x12\x34", offset=12) == OK
    eng.sleep()
    wake = HOST_MAC + PEER_MAC + b"\x12\x34" + bytes(46)
    for _ in range(32):
        eng.rx(wake)
    eng.rx(ping())
    assert len(eng.take_sent()) == 1
    eng.rx(wake)
    eng.rx(ping())
    assert (eng.take_sent(), len(eng.frames())) == ([], 33)


def test_pattern_and_offload_both(eng: Engine) -> None:
    """EDGE-067: answered and woken, both counted."""
    assert eng.echo_add() == OK
    assert eng.pattern_add(5, data=b"\x08\x00", offset=12) == OK
    eng.sleep()
    eng.rx(ping(b"hello"))
    assert (eng.wake_event().pattern_id, len(eng.take_sent()), eng.counters["echo_answered"]) == (5, 1, 1)
    assert bytes(eng.frames()[0].bytes[:47]) == ping(b"hello")


def test_what_may_be_added(eng: Engine) -> None:
    assert eng.offload_add(1, 18, HOST_IP, flags=1) == UNSUPPORTED
    for address in ("", "0.0.0.0", "224.0.0.1", "::", "ff02::1"):
        assert eng.echo_add(address=address) == BAD_ADDR
    assert eng.echo_add(second=HOST_IP) == BAD_ADDR
    assert eng.echo_add(remote=PEER_IP6) == BAD_ADDR


@pytest.mark.edge(57)
@pytest.mark.parametrize(("size", "answered"), [(1472, 1), (1473, 0), (4000, 0)])
def test_a_ping_that_is_longer_than_a_frame_is_not_answered(asleep: Engine, size: int, answered: int) -> None:
    """IPv6's header is 20 bytes longer. What an answer must not do is run over what was kept before."""
    asleep.rx(ping(bytes(size)))
    asleep.rx(ping6(bytes(size - 20)))
    assert len(asleep.take_sent()) == 2 * answered
    assert (asleep.event(), asleep.counters["rx_dropped_policy"]) == (None, 2 - 2 * answered)


@pytest.mark.edge(59)
@pytest.mark.parametrize("dst", ["0.0.0.0", "127.0.0.1", "::", "::1", "::ffff:192.0.2.1"])
def test_nothing_to_addresses_that_no_wire_carries(eng: Engine, dst: str) -> None:
    assert eng.pattern_add(1, data=HOST_MAC) == OK
    eng.sleep()
    eng.rx(ping6(dst=dst) if ":" in dst else ping(dst=dst))
    assert (eng.event(), eng.take_sent(), eng.counters["rx_dropped_policy"]) == (None, [], 1)
