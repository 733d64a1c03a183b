"""NAT-T and other UDP keep-alives (case 21); scapy takes apart what is sent."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrFragment
from scapy.layers.l2 import Ether
from scapy.packet import Packet, Raw

from tests.engine import engine_lib as lib
from tests.engine.engine_lib import D3, HOST_IP, HOST_MAC, IPSEC, NATT, OK, PEER_IP, PEER_MAC, UDP_DATA, WOKEN, Engine
from tests.engine.packets import ether

pytestmark = pytest.mark.edge(21)

HOST_IP6, PEER_IP6 = "2001:db8::1", "2001:db8::2"
IKE = bytes(4) + bytes(range(1, 29))
ESP = bytes.fromhex("0badcafe00000001") + bytes(24)


def inbound(
    payload: bytes, *, v6: bool = False, src: str = "", sport: int = 4500, dport: int = 4500, chksum: int | None = None,
    dst: str = HOST_IP, mac: bytes = HOST_MAC,
) -> bytes:  # fmt: skip
    l3: Packet = IPv6(src=src or PEER_IP6, dst=HOST_IP6) if v6 else IP(src=src or PEER_IP, dst=dst)
    return bytes(ether(mac) / l3 / UDP(sport=sport, dport=dport, chksum=chksum) / Raw(payload))


def add(eng: Engine, v6: bool = False, **rest: object) -> None:
    addresses = {"address": HOST_IP6, "remote": PEER_IP6} if v6 else {}
    assert eng.udp_add(**addresses, **rest) == OK  # type: ignore[arg-type]


def test_one_byte_at_every_interval_over_ipv4(eng: Engine) -> None:
    add(eng)
    eng.sleep()
    start = eng.now_us
    eng.run_until(start + 100_000_000)
    assert [t - start for t, _ in eng.sent] == [20_000_000 * i for i in range(1, 6)]
    for raw in eng.take_sent():
        frame = Ether(raw)
        assert (len(raw), frame.dst, frame.src) == (60, PEER_MAC.hex(":"), HOST_MAC.hex(":"))
        assert (frame[IP].src, frame[IP].dst, frame[IP].len, frame[IP].ttl) == (HOST_IP, PEER_IP, 29, 64)
        assert (frame[UDP].sport, frame[UDP].dport, frame[UDP].len, frame[UDP].chksum) == (4500, 4500, 9, 0)
        assert raw[42] == 0xFF
        assert raw[43:] == bytes(17)
        again = frame[IP].copy()
        again.chksum = None
        assert IP(bytes(again)).chksum == frame[IP].chksum
    assert (eng.counters["udp_ka_tx"], eng.offloads()) == (5, {1: 5})


def test_over_ipv6_the_checksum_is_never_zero(eng: Engine) -> None:
    add(eng, v6=True)
    eng.sleep()
    eng.run_until(eng.now_us + 20_000_000)
    (raw,) = eng.take_sent()
    frame = Ether(raw)
    assert (frame[IPv6].src, frame[IPv6].dst, frame[IPv6].plen) == (HOST_IP6, PEER_IP6, 9)
    again = frame[IPv6].copy()
    again[UDP].chksum = None
    assert IPv6(bytes(again))[UDP].chksum == frame[UDP].chksum != 0


def test_interval_is_scaled_and_what_has_passed_counts(eng: Engine) -> None:
    eng.set_minute_us(50_000)
    add(eng, elapsed_ms=15_000, interval_ms=60_000)
    eng.sleep()
    start = eng.now_us
    eng.run_until(start + 150_000)
    assert [t - start for t, _ in eng.sent] == [37_500, 87_500, 137_500]


def test_a_busy_wire_delays_but_does_not_lose(eng: Engine) -> None:
    add(eng)
    eng.sleep()
    eng.wire_up = False
    eng.run_until(eng.now_us + 21_000_000)
    eng.wire_up = True
    eng.run_until(eng.now_us + 2_000)
    assert len(eng.take_sent()) == 1


def test_silent_while_the_host_is_awake(eng: Engine) -> None:
    add(eng)
    eng.run_until(eng.now_us + 100_000_000)
    assert eng.sent == []
    eng.sleep()
    assert eng.host_awake() == OK
    eng.run_until(eng.now_us + 100_000_000)
    assert (eng.sent, eng.counters["tx_drop"], eng.counters["tx_busy_retry"]) == ([], 0, 0)


@pytest.mark.parametrize("v6", [False, True])
@pytest.mark.parametrize("sport", [4500, 31337])
def test_inbound_keep_alive_never_wakes(eng: Engine, v6: bool, sport: int) -> None:
    """Not even through a pattern for the port; without the offload that pattern does match."""
    eng.pattern_add(5, type_=lib.UDP_PORT, port=4500)
    add(eng, v6)
    eng.sleep()
    eng.rx(inbound(b"\xff", v6=v6, sport=sport))
    assert (eng.event(), eng.status.power, eng.take_sent()) == (None, D3, [])
    assert (eng.counters["natt_ka_ignored"], eng.counters["rx_offload_answered"]) == (1, 1)
    eng.rx(inbound(b"\xfe", v6=v6, sport=sport))
    assert eng.wake_event().pattern_id == 5


@pytest.mark.parametrize("v6", [False, True])
@pytest.mark.parametrize("payload", [IKE, ESP], ids=["IKE", "ESP"])
@pytest.mark.parametrize("sport", [4500, 31337])
def test_ike_and_esp_wake(eng: Engine, v6: bool, payload: bytes, sport: int) -> None:
    add(eng, v6)
    eng.sleep()
    frame = inbound(payload, v6=v6, sport=sport)
    eng.rx(frame)
    assert (eng.wake_event().reason, eng.status.power, eng.counters["wake_ipsec"]) == (IPSEC, WOKEN, 1)
    (kept,) = eng.frames()
    assert bytes(kept.bytes[: kept.saved_len]) == frame


def pieces(
    *, v6: bool = False, sport: int = 4500, dport: int = 4500, id_: int = 7, src: str = "", proto: int = 17
) -> list[bytes]:  # fmt: skip
    """An IKE message of three fragments, as a sender's kernel cuts it."""
    data = bytes(UDP(inbound(IKE + bytes(1000), v6=v6, sport=sport, dport=dport)[54 if v6 else 34 :]))
    out = []
    for at in range(0, len(data), 400):
        more = at + 400 < len(data)
        l3: Packet
        if v6:
            head = IPv6ExtHdrFragment(id=id_, offset=at // 8, m=int(more), nh=proto)
            l3 = IPv6(src=src or PEER_IP6, dst=HOST_IP6) / head
        else:
            l3 = IP(src=src or PEER_IP, dst=HOST_IP, id=id_, flags="MF" if more else "", frag=at // 8, proto=proto)
        out.append(bytes(ether() / l3 / Raw(data[at : at + 400])))
    assert len(out) == 3
    return out


ORDERS = pytest.mark.parametrize("order", list(permutations(range(3))), ids=lambda order: "".join(map(str, order)))
KINDS = pytest.mark.parametrize(("kind", "reason"), [(NATT, IPSEC), (lib.UDP, UDP_DATA)], ids=["NAT-T", "UDP"])


@pytest.mark.edge(53)
@pytest.mark.parametrize("v6", [False, True], ids=["ipv4", "ipv6"])
@KINDS
@ORDERS
def test_a_datagram_in_fragments_wakes_and_all_of_it_reaches_the_host(
    eng: Engine, v6: bool, kind: int, reason: int, order: tuple[int, ...]
) -> None:
    """In any order: what comes before the first fragment shows no port, but would be missing in the host."""
    add(eng, v6, type_=kind, flags=1 if kind == lib.UDP else 0)
    eng.sleep()
    sent = [pieces(v6=v6)[i] for i in order]
    for frame in sent:
        eng.rx(frame)
    assert (eng.wake_event().reason, eng.counters["wake_unparseable"]) == (reason, 0)
    assert [bytes(f.bytes[: f.saved_len]) for f in eng.frames()] == sent
    eng.check_sum()


@pytest.mark.edge(53)
@pytest.mark.parametrize("v6", [False, True], ids=["ipv4", "ipv6"])
@KINDS
@pytest.mark.parametrize(
    "other", [{"dport": 4501}, {"src": "stranger"}, {"proto": 47}], ids=["another port", "a stranger", "no UDP"]
)
def test_fragments_of_other_datagrams_sleep_on(eng: Engine, v6: bool, kind: int, reason: int, other: dict[str, Any]) -> None:
    """The first fragment says what those behind it are about; the next datagram is another matter."""
    if "src" in other:
        other = {"src": "2001:db8::77" if v6 else "192.0.2.77"}
    add(eng, v6, type_=kind, flags=1 if kind == lib.UDP else 0)
    eng.sleep()
    for frame in pieces(v6=v6, **other):
        eng.rx(frame)
    assert (eng.event(), eng.status.power, eng.counters["rx_frag"]) == (None, D3, 3)
    eng.rx(pieces(v6=v6, id_=8)[1])
    assert eng.wake_event().reason == reason


@pytest.mark.edge(53)
def test_an_identification_that_is_used_again_is_another_datagram(eng: Engine) -> None:
    """Identifications of 16 bits come again; the host's kernel waits half a minute for fragments, so does the memory of one."""
    add(eng)
    eng.sleep()
    first, later, _ = pieces(dport=4501)
    eng.rx(first)
    eng.run_until(eng.now_us + 30_000_001)
    eng.take_sent()
    eng.rx(later)
    assert eng.wake_event().reason == IPSEC


@pytest.mark.edge(53)
def test_fragments_of_the_port_from_elsewhere(eng: Engine) -> None:
    """NAT-T: the port of the other end may have moved (RFC 3947 4). A flow is between two ports."""
    add(eng, type_=lib.UDP, flags=1)
    eng.sleep()
    for frame in pieces(sport=31337):
        eng.rx(frame)
    assert eng.event() is None
    assert eng.udp_add(2, local_port=4501, remote_port=4501) == lib.NOT_ACCEPTED
    assert eng.host_awake() == eng.release()[0] == OK
    assert eng.udp_add(2) == OK
    eng.sleep()
    eng.rx(pieces(sport=31337)[0])
    assert eng.wake_event().reason == IPSEC


@pytest.mark.edge(53)
def test_a_flow_that_does_not_wake_does_not_for_fragments(eng: Engine) -> None:
    add(eng, type_=lib.UDP)
    eng.sleep()
    for frame in reversed(pieces()):
        eng.rx(frame)
    assert (eng.event(), eng.counters["rx_frag"]) == (None, 3)


@pytest.mark.edge(53)
def test_a_fragmented_datagram_between_prepare_and_commit(eng: Engine) -> None:
    add(eng)
    assert eng.prepare() == OK
    for frame in pieces():
        eng.rx(frame)
    assert eng.commit() == lib.WAKE_PENDING
    assert (eng.wake_event().reason, len(eng.frames())) == (IPSEC, 3)


def test_checksum_zero_is_legal_over_ipv4_only(eng: Engine) -> None:
    add(eng)
    assert eng.udp_add(2, address=HOST_IP6, remote=PEER_IP6) == OK
    eng.sleep()
    eng.rx(inbound(ESP, v6=True, chksum=0))
    assert (eng.event(), eng.counters["rx_bad_l4_csum"]) == (None, 1)
    eng.rx(inbound(ESP, chksum=0))
    assert eng.wake_event().reason == IPSEC


@pytest.mark.parametrize(
    "frame",
    [inbound(b""), inbound(b"\xff\xff"), inbound(bytes(4)), inbound(bytes(31)), inbound(ESP[:11]), inbound(ESP, src="192.0.2.77"),
     inbound(IKE, src="192.0.2.77"), inbound(ESP, dport=4501), inbound(ESP, chksum=0x1234),
     inbound(ESP, dst="192.0.2.78"), inbound(ESP, mac=b"\xff" * 6), inbound(b"\xff", dst="192.0.2.78")],
    ids=["empty", "two bytes ff", "marker alone", "IKE too short", "ESP too short", "ESP of a stranger", "IKE of a stranger",
         "another port", "bad checksum", "another address", "everybody", "keep-alive of another address"],
)  # fmt: skip
def test_what_is_neither(eng: Engine, frame: bytes) -> None:
    add(eng)
    eng.sleep()
    eng.rx(frame)
    assert (eng.event(), eng.status.power, eng.counters["natt_ka_ignored"]) == (None, D3, 0)


def test_a_checksum_that_comes_out_as_none_is_sent_as_all_ones(eng: Engine) -> None:
    """RFC 768: 0 says that there is none."""
    flow: dict[str, Any] = {"type_": lib.UDP, "local_port": 5000, "remote_port": 6000, "interval_ms": 1000}
    add(eng, payload=bytes(2), **flow)
    eng.sleep()
    eng.run_until(eng.now_us + 1_000_000)
    spare = Ether(eng.take_sent()[0])[UDP].chksum
    assert eng.host_awake() == eng.release()[0] == eng.offload_remove(1) == OK
    add(eng, payload=spare.to_bytes(2, "big"), **flow)
    eng.sleep()
    eng.run_until(eng.now_us + 1_000_000)
    assert Ether(eng.take_sent()[0])[UDP].chksum == 0xFFFF


@pytest.mark.parametrize("v6", [False, True])
@pytest.mark.parametrize("length", [0, 1, 31, 32])
def test_any_payload(eng: Engine, v6: bool, length: int) -> None:
    payload = bytes(range(length))
    add(eng, v6, type_=lib.UDP, payload=payload, local_port=5000, remote_port=6000, interval_ms=1000)
    eng.sleep()
    eng.run_until(eng.now_us + 1_000_000)
    (raw,) = eng.take_sent()
    frame = Ether(raw)
    l3 = frame[IPv6] if v6 else frame[IP]
    assert (frame[UDP].sport, frame[UDP].dport) == (5000, 6000)
    assert bytes(frame[UDP])[8 : 8 + length] == payload
    again = l3.copy()
    again[UDP].chksum = None
    assert l3.__class__(bytes(again))[UDP].chksum == frame[UDP].chksum


@pytest.mark.parametrize(("flags", "power"), [(0, D3), (1, WOKEN)])
def test_data_on_the_flow_wakes_when_the_host_wants_it(eng: Engine, flags: int, power: int) -> None:
    add(eng, type_=lib.UDP, payload=b"ka", local_port=5000, remote_port=6000, flags=flags)
    eng.sleep()
    for near in ({"sport": 6001}, {"dport": 5001}, {"src": "192.0.2.7"}):
        eng.rx(inbound(b"x", **{"sport": 6000, "dport": 5000, **near}))  # type: ignore[arg-type]
    assert eng.event() is None
    eng.rx(inbound(b"x", sport=6000, dport=5000))
    assert eng.status.power == power
    if flags:
        assert eng.wake_event().reason == UDP_DATA


def test_add_and_remove(eng: Engine) -> None:
    assert eng.udp_add(remote="224.0.0.1") == lib.BAD_ADDR
    assert eng.udp_add(remote=PEER_IP6) == lib.BAD_ADDR
    assert eng.udp_add(hop=b"\1\0\0\0\0\0") == lib.BAD_ADDR
    assert eng.udp_add(local_port=0) == lib.BAD_PORT
    assert eng.udp_add(interval_ms=9) == lib.BAD_INTERVAL
    assert eng.udp_add(interval_ms=86_400_001) == lib.BAD_INTERVAL
    assert eng.udp_add(payload=bytes(33)) == lib.BAD_LEN
    for cycle in range(50):
        for i in range(10):
            assert eng.udp_add(i) == OK
        assert eng.udp_add(99) == lib.LIST_FULL
        assert eng.arp_add(100) == OK
        for i in range(10):
            assert eng.offload_remove((i + cycle) % 10) == OK
        assert eng.offload_remove(100) == OK
    eng.sleep()
    eng.run_until(eng.now_us + 100_000_000)
    assert (eng.sent, eng.udp_add(1), NATT) == ([], lib.NOT_ACCEPTED, 19)
