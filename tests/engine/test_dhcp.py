"""Renewal of the sleeping host's DHCPv4 lease; scapy is the server that reads the requests and writes the answers."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

from tests.engine import engine_lib as lib
from tests.engine.engine_lib import (
    D3,
    DHCP_CHANGED,
    DHCP_EXPIRED,
    DHCP_NAK,
    HOST_IP,
    HOST_MAC,
    OK,
    PEER_IP,
    PEER_MAC,
    WOKEN,
    Engine,
)
from tests.engine.packets import ether

LEASE_S = 3600
T1_US, T2_US, END_US = 1800_000_000, 3150_000_000, 3600_000_000
OTHER_SERVER = "192.0.2.99"
CHADDR = HOST_MAC + bytes(10)


def answer(
    kind: str = "ack", xid: int = 0x1000, lease_s: int | None = LEASE_S, server: str = PEER_IP, extra: Any = (), **bootp: Any
) -> bytes:
    options: list[Any] = [("message-type", kind), ("server_id", server), *extra]
    if lease_s is not None:
        options.append(("lease_time", lease_s))
    fields = {
        "op": 2,
        "xid": xid,
        "ciaddr": HOST_IP,
        "yiaddr": HOST_IP if kind == "ack" else "0.0.0.0",
        "chaddr": CHADDR,
        **bootp,
    }
    return bytes(
        ether() / IP(src=server, dst=HOST_IP) / UDP(sport=67, dport=68) / BOOTP(**fields) / DHCP(options=[*options, "end"])
    )


def request(raw: bytes) -> Ether:
    """A request as every renewal has it; checksums as scapy computes them."""
    frame = Ether(raw)
    again = frame[IP].copy()
    again.chksum = again[UDP].chksum = None
    assert bytes(IP(bytes(again))) == bytes(frame[IP])
    assert (frame[UDP].sport, frame[UDP].dport, len(frame[UDP].payload)) == (68, 67, 300)
    assert (frame[BOOTP].op, frame[BOOTP].ciaddr, frame[BOOTP].yiaddr, frame[BOOTP].chaddr) == (1, HOST_IP, "0.0.0.0", CHADDR)
    names = [option[0] for option in frame[DHCP].options if isinstance(option, tuple)]
    assert ("message-type", 3) in frame[DHCP].options
    assert not {"requested_addr", "server_id"} & set(names), "RFC 2131 table 5: not while renewing"
    return frame


def asleep(eng: Engine, **rest: Any) -> int:
    """The moment the lease began."""
    assert eng.dhcp_add(**rest) == OK
    eng.sleep()
    return eng.now_us


def test_request_at_t1_and_ack_extends_the_lease(eng: Engine) -> None:
    start = asleep(eng, client_id=b"\x01" + HOST_MAC)
    eng.run_until(start + T1_US - 1)
    assert eng.sent == []
    for n in range(5):
        eng.run_until(start + T1_US)
        (raw,) = eng.take_sent()
        frame = request(raw)
        assert (frame.dst, frame[IP].src, frame[IP].dst) == (PEER_MAC.hex(":"), HOST_IP, PEER_IP)
        assert (frame[BOOTP].xid, ("client_id", b"\x01" + HOST_MAC) in frame[DHCP].options) == (0x1000 + n, True)
        eng.now_us += 5_000
        eng.rx(answer(xid=0x1000 + n))
        start = eng.now_us
        assert eng.lease_s() == LEASE_S
    assert (eng.event(), eng.status.power, eng.offloads(), eng.counters["dhcp_renewed"]) == (None, D3, {1: 5}, 5)
    eng.run_until(start + T1_US - 1)
    assert (eng.sent, eng.lease_s()) == ([], 1800)


def test_retries_then_everybody_then_expiry_wakes(eng: Engine) -> None:
    start = asleep(eng)
    eng.run_until(start + END_US - 1)
    assert eng.event() is None
    times = [(t - start, Ether(raw)) for t, raw in eng.sent]
    waits = [b[0] - a[0] for a, b in pairwise(times)]
    assert times[0][0] == T1_US
    assert min(waits) >= 60_000_000
    assert len(times) <= 12
    for at, frame in times:
        request(bytes(frame))
        everybody = at >= T2_US
        assert frame[IP].dst == ("255.255.255.255" if everybody else PEER_IP)
        assert frame.dst == ("ff:ff:ff:ff:ff:ff" if everybody else PEER_MAC.hex(":"))
    assert times[-1][0] >= T2_US
    assert len({frame[BOOTP].xid for _, frame in times}) == 1
    eng.run_until(start + END_US)
    assert (eng.wake_event().reason, eng.status.power, eng.lease_s()) == (DHCP_EXPIRED, WOKEN, 0)
    sent = len(eng.sent)
    eng.run_until(start + 2 * END_US)
    assert (len(eng.sent), eng.counters["wake_dhcp"]) == (sent, 1)


def test_another_server_may_take_over_after_t2_only(eng: Engine) -> None:
    start = asleep(eng)
    eng.run_until(start + T1_US)
    eng.rx(answer(server=OTHER_SERVER))
    assert eng.counters["dhcp_renewed"] == 0
    eng.run_until(start + T2_US + 60_000_000)
    eng.rx(answer(server=OTHER_SERVER))
    assert (eng.counters["dhcp_renewed"], eng.lease_s()) == (1, LEASE_S)
    eng.take_sent()
    eng.run_until(eng.now_us + T1_US)
    assert Ether(eng.take_sent()[0])[IP].dst == OTHER_SERVER


MASK, ROUTER, DNS = ("subnet_mask", "255.255.255.0"), ("router", "192.0.2.254"), ("name_server", "192.0.2.53")
ROUTES = (121, bytes([24, 198, 51, 100, 192, 0, 2, 253]))
HAS = [MASK, ROUTER, DNS, ROUTES]
OTHER: dict[str, Any] = {
    "mask": ("subnet_mask", "255.255.0.0"),
    "router": ("router", "192.0.2.251"),
    "one more router": ("router", "192.0.2.254", "192.0.2.251"),
    "name server": ("name_server", "192.0.2.54"),
    "routes": (121, bytes([24, 198, 51, 101, 192, 0, 2, 253])),
}


def as_options(options: Any) -> bytes:
    """As they stand in a message, without its end."""
    return bytes(DHCP(options=[*options, "end"]))[:-1]


def renewed(eng: Engine, number: int, extra: Any) -> bytes:
    """The next renewal is due, and the server answers it."""
    eng.run_until(eng.now_us + T1_US)
    assert len(eng.take_sent()) == 1
    ack = answer(xid=0x1000 + number, extra=extra)
    eng.rx(ack)
    return ack


def replaced(what: str) -> list[Any]:
    return [OTHER[what] if option[0] == OTHER[what][0] else option for option in HAS]


@pytest.mark.parametrize("told", [True, False], ids=["told by the host", "learnt from the first ACK"])
@pytest.mark.parametrize("what", OTHER)
def test_an_ack_with_other_parameters_wakes_once(eng: Engine, what: str, told: bool) -> None:
    asleep(eng, options=as_options(HAS) if told else b"")
    for number in range(2):
        renewed(eng, number, HAS)
    assert (eng.event(), eng.counters["dhcp_renewed"]) == (None, 2)
    ack = renewed(eng, 2, replaced(what))
    assert (eng.wake_event().reason, eng.counters["wake_dhcp"], eng.lease_s()) == (DHCP_CHANGED, 1, LEASE_S)
    assert [bytes(f.bytes[: f.saved_len]) for f in eng.frames()] == [ack]
    assert eng.host_awake() == eng.release()[0] == OK
    eng.sleep()
    renewed(eng, 3, replaced(what))
    assert (eng.event(), eng.counters["dhcp_renewed"]) == (None, 4)
    eng.check_sum()


@pytest.mark.parametrize("extra", [[], [MASK], [DNS, ROUTES, ROUTER, MASK], [*HAS, ("domain", b"example.org")]])
def test_an_ack_in_another_order_or_without_some_is_the_same(eng: Engine, extra: list[Any]) -> None:
    asleep(eng, options=as_options(HAS))
    renewed(eng, 0, extra)
    assert (eng.event(), eng.counters["dhcp_renewed"]) == (None, 1)
    renewed(eng, 1, replaced("router"))
    assert eng.wake_event().reason == DHCP_CHANGED


def test_an_option_in_two_parts_is_one(eng: Engine) -> None:
    """RFC 3396"""
    asleep(eng, options=as_options(HAS))
    half = [(121, ROUTES[1][:5]), (121, ROUTES[1][5:])]
    renewed(eng, 0, [MASK, ROUTER, DNS, *half])
    assert eng.event() is None


def test_a_change_while_the_host_wakes_reaches_it(eng: Engine) -> None:
    assert eng.pattern_add(5, type_=lib.UDP_PORT, port=9) == OK
    asleep(eng, options=as_options(HAS))
    eng.run_until(T1_US)
    eng.rx(bytes(ether() / IP(src=PEER_IP, dst=HOST_IP) / UDP(sport=9, dport=9)))
    ack = answer(extra=replaced("mask"))
    eng.rx(ack)
    assert [bytes(f.bytes[: f.saved_len]) for f in eng.frames()][1:] == [ack]


def test_a_renewal_asks_for_the_parameters(eng: Engine) -> None:
    """RFC 2131 4.4.1: as the client did when it got the lease; RFC 3442 has routes before routers."""
    start = asleep(eng, client_id=bytes(range(32)))
    eng.run_until(start + T1_US)
    (raw,) = eng.take_sent()
    assert ("param_req_list", [1, 121, 3, 6, 51, 58, 59]) in request(raw)[DHCP].options


@pytest.mark.parametrize(
    ("options", "rc"), [(bytes([1, 4, 255, 255]), lib.BAD_ARG), (bytes([1]), lib.BAD_ARG), (bytes(65), lib.BAD_LEN)]
)
def test_options_that_are_none_are_refused(eng: Engine, options: bytes, rc: int) -> None:
    assert eng.dhcp_add(options=options) == rc


def test_nak_wakes_with_the_frame(eng: Engine) -> None:
    start = asleep(eng)
    eng.run_until(start + T1_US)
    eng.take_sent()
    frame = answer("nak", lease_s=None)
    eng.rx(frame)
    assert (eng.wake_event().reason, eng.lease_s(), len(eng.frames())) == (DHCP_NAK, 0, 1)
    eng.run_until(start + 2 * END_US)
    assert eng.sent == []


WRONG = {
    "another transaction": {"xid": 0x1001},
    "another address": {"yiaddr": "192.0.2.77"},
    "another station": {"chaddr": PEER_MAC + bytes(10)},
    "another server": {"server": OTHER_SERVER},
    "a request": {"op": 1},
    "no lease time": {"lease_s": None},
    "an offer": {"kind": "offer", "yiaddr": HOST_IP},
    "a NAK of another transaction": {"kind": "nak", "xid": 5},
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_no_answer(eng: Engine, case: str) -> None:
    start = asleep(eng)
    eng.run_until(start + T1_US)
    eng.rx(answer(**WRONG[case]))  # type: ignore[arg-type]
    assert (eng.event(), eng.counters["dhcp_renewed"], eng.counters["rx_dropped_policy"]) == (None, 0, 1)


@pytest.mark.parametrize("server_id", [b"", b"\x36\x03\xc0\x00\x02", b"\x36\x00"], ids=["none", "cut", "empty"])
@pytest.mark.parametrize("asked_us", [T1_US, T2_US], ids=["its server", "everybody"])
def test_an_answer_that_names_no_server_is_none(eng: Engine, server_id: bytes, asked_us: int) -> None:
    """RFC 2131 table 3: every answer to a request MUST have a server identifier; here nothing may be read where it is not."""
    start = asleep(eng)
    eng.run_until(start + asked_us)
    whole = bytes(Ether(answer())[UDP].payload)
    named = b"\x36\x04" + bytes(map(int, PEER_IP.split(".")))
    assert whole.count(named) == 1
    eng.rx(bytes(ether() / IP(src=PEER_IP, dst=HOST_IP) / UDP(sport=67, dport=68) / whole.replace(named, server_id)))
    assert (eng.event(), eng.counters["dhcp_renewed"]) == (None, 0)


def test_the_next_request_goes_where_the_last_answer_came_from(eng: Engine) -> None:
    """Another relay, or a server that moved."""
    start = asleep(eng)
    eng.run_until(start + T1_US)
    eng.take_sent()
    moved = bytes.fromhex("0200000000aa")
    eng.rx(answer().replace(PEER_MAC, moved, 1))
    eng.run_until(eng.now_us + T1_US)
    assert [Ether(raw).dst for raw in eng.take_sent()] == [moved.hex(":")]


def test_times_of_the_server_that_make_no_sense(eng: Engine) -> None:
    """RFC 2131 4.4.5: T1 < T2 < lease. A T2 behind its end would leave no time to ask others."""
    start = asleep(eng)
    eng.run_until(start + T1_US)
    eng.rx(answer(extra=[("renewal_time", 3550), ("rebinding_time", LEASE_S)]))
    eng.take_sent()
    start = eng.now_us
    eng.run_until(start + T2_US)
    assert next((t - start, Ether(raw)[IP].dst) for t, raw in eng.sent) == (T1_US, PEER_IP)
    assert Ether(eng.sent[-1][1])[IP].dst != "255.255.255.255"
    eng.run_until(start + END_US - 1)
    assert Ether(eng.sent[-1][1])[IP].dst == "255.255.255.255"


def test_an_option_that_ends_in_the_padding_is_none(eng: Engine) -> None:
    start = asleep(eng)
    eng.run_until(start + T1_US)
    whole = bytes(Ether(answer())[UDP].payload).rstrip(b"\xff")
    assert whole[-6:] == b"\x33\x04" + LEASE_S.to_bytes(4, "big")
    for cut in (1, 2, 4):
        head = ether() / IP(src=PEER_IP, dst=HOST_IP) / UDP(sport=67, dport=68) / whole[:-cut]
        eng.rx(bytes(head) + whole[-cut:] + b"\xff")
    assert (eng.event(), eng.counters["dhcp_renewed"]) == (None, 0)


@pytest.mark.parametrize(("sport", "dport", "renewed"), [(67, 68, 1), (68, 68, 0), (1067, 68, 0), (67, 67, 0)])
def test_servers_speak_from_their_port_to_ours(eng: Engine, sport: int, dport: int, renewed: int) -> None:
    start = asleep(eng)
    eng.run_until(start + T1_US)
    body = bytes(Ether(answer())[UDP].payload)
    eng.rx(bytes(ether() / IP(src=PEER_IP, dst=HOST_IP) / UDP(sport=sport, dport=dport) / body))
    assert (eng.event(), eng.counters["dhcp_renewed"]) == (None, renewed)


def test_an_answer_counts_once(eng: Engine) -> None:
    """A repeated ACK renews nothing, a late NAK of the same transaction takes nothing back."""
    start = asleep(eng)
    eng.run_until(start + T1_US)
    for frame in (answer(), answer(lease_s=10 * LEASE_S), answer("nak", lease_s=None)):
        eng.rx(frame)
    assert (eng.event(), eng.counters["dhcp_renewed"], eng.lease_s()) == (None, 1, LEASE_S)


def test_bootp_without_options_is_no_answer(eng: Engine) -> None:
    """RFC 2131 3: options begin with the magic cookie."""
    start = asleep(eng)
    eng.run_until(start + T1_US)
    body = bytearray(bytes(Ether(answer())[UDP].payload))
    body[239] ^= 1
    eng.rx(bytes(ether() / IP(src=PEER_IP, dst=HOST_IP) / UDP(sport=67, dport=68) / bytes(body)))
    assert (eng.event(), eng.counters["dhcp_renewed"]) == (None, 0)


@pytest.mark.parametrize("cut", [1, 4, 239, 244, 250])
def test_cut_answers(eng: Engine, cut: int) -> None:
    """Also options that say they are longer than what is there."""
    start = asleep(eng)
    eng.run_until(start + T1_US)
    body = bytes(Ether(answer())[UDP].payload)
    for tail in (body[:cut], body[:-6] + b"\x33\xff\x00"):
        eng.rx(bytes(ether() / IP(src=PEER_IP, dst=HOST_IP) / UDP(sport=67, dport=68) / tail))
    assert (eng.event(), eng.counters["dhcp_renewed"]) == (None, 0)


def test_nothing_was_asked_nothing_is_answered(eng: Engine) -> None:
    asleep(eng)
    eng.rx(answer())
    eng.rx(answer("nak", lease_s=None))
    assert (eng.event(), eng.counters["dhcp_renewed"]) == (None, 0)


def test_what_has_passed_counts_and_the_scale(eng: Engine) -> None:
    eng.set_minute_us(50_000)
    start = asleep(eng, elapsed_ms=1_740_000)
    assert eng.lease_s() == 1860
    eng.run_until(start + 50_000)
    assert [t - start for t, _ in eng.sent] == [50_000]


def test_t1_and_t2_of_the_server(eng: Engine) -> None:
    start = asleep(eng, t1_s=600)
    eng.run_until(start + 600_000_000)
    assert len(eng.take_sent()) == 1
    eng.rx(answer(extra=[("renewal_time", 60), ("rebinding_time", 120)]))
    start = eng.now_us
    eng.run_until(start + 119_000_000)
    assert [Ether(raw)[IP].dst for raw in eng.take_sent()] == [PEER_IP]
    eng.run_until(start + 121_000_000)
    assert [Ether(raw)[IP].dst for raw in eng.take_sent()] == ["255.255.255.255"]


def test_a_lease_for_ever(eng: Engine) -> None:
    start = asleep(eng, lease_s=0xFFFFFFFF)
    eng.run_until(start + 10 * END_US)
    assert (eng.sent, eng.event(), eng.lease_s()) == ([], None, 0xFFFFFFFF)


def test_a_busy_wire_delays_the_request(eng: Engine) -> None:
    start = asleep(eng)
    eng.wire_up = False
    eng.run_until(start + T1_US + 10_000)
    eng.wire_up = True
    eng.run_until(start + T1_US + 20_000)
    assert len(eng.take_sent()) == 1


def test_what_may_be_added(eng: Engine) -> None:
    assert eng.dhcp_add(address="0.0.0.0") == lib.BAD_ADDR
    assert eng.dhcp_add(remote="255.255.255.255") == lib.BAD_ADDR
    assert eng.dhcp_add(address="2001:db8::1") == lib.BAD_ADDR
    assert eng.dhcp_add(lease_s=0) == lib.BAD_INTERVAL
    assert eng.dhcp_add(t1_s=3601) == lib.BAD_INTERVAL
    assert eng.dhcp_add(client_id=bytes(33)) == lib.BAD_LEN
    assert eng.dhcp_add(client_id=bytes(32)) == OK
    assert eng.offload_remove(1) == OK
    eng.sleep()
    eng.run_until(eng.now_us + 2 * END_US)
    assert (eng.sent, eng.event()) == ([], None)


@pytest.mark.parametrize("lease_s", [1, 2, 3])
def test_a_lease_of_a_second_makes_no_storm(eng: Engine, lease_s: int) -> None:
    """Half of it is no time at all in whole seconds: asking at once, and again at each answer, would fill the wire."""
    asleep(eng)
    eng.run_until(eng.now_us + T1_US)
    start, asked = eng.now_us, 0
    while eng.now_us < start + 5_000_000 and asked < 100:
        for raw in eng.take_sent():
            asked += 1
            eng.rx(answer(xid=Ether(raw)[BOOTP].xid, lease_s=lease_s))
        eng.now_us += min(eng.poll(), 100_000) if not eng.sent else 0
    assert asked <= 6
    assert eng.event() is None or eng.wake_event().reason == DHCP_EXPIRED


def test_a_lease_that_was_taken_back_stays_so_when_the_clock_changes(eng: Engine) -> None:
    start = asleep(eng)
    eng.run_until(start + T1_US)
    eng.rx(answer("nak", lease_s=None))
    eng.take_sent()
    eng.set_minute_us(60_000_000)
    assert eng.lease_s() == 0
    eng.run_until(start + 3 * END_US)
    assert eng.sent == []
