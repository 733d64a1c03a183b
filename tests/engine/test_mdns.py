"""mDNS answers for the sleeping host: scapy asks, compressed as real stacks do, and takes the answers apart."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from scapy.layers.dns import DNS
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Packet, Raw

from tests.engine import engine_lib as lib
from tests.engine.engine_lib import D3, HOST_IP, HOST_MAC, OK, PEER_IP, PEER_MAC, Engine
from tests.engine.packets import ether

A, PTR, TXT, SRV, ANY = 1, 12, 16, 33, 255
QU = 0x8000
HOST_LL, PEER_LL = "fe80::1", "fe80::2"
GROUP4, GROUP6 = "224.0.0.251", "ff02::fb"
MAC4, MAC6 = bytes.fromhex("01005e0000fb"), bytes.fromhex("3333000000fb")


def wire(name: str) -> bytes:
    return b"".join(bytes([len(part)]) + part.encode() for part in name.split(".") if part) + b"\0"


HOST, SERVICE, INSTANCE = wire("sleeper.local"), wire("_chat._tcp.local"), wire("sleeper._chat._tcp.local")
RECORDS = {
    1: (HOST, A, bytes([192, 0, 2, 1])),
    2: (SERVICE, PTR, INSTANCE),
    3: (INSTANCE, SRV, struct.pack("!3H", 0, 0, 5000) + HOST),
    4: (INSTANCE, TXT, b"\x03v=1"),
}


def asleep(eng: Engine, address: str = HOST_IP) -> Engine:
    for id_, (name, rrtype, rdata) in RECORDS.items():
        assert eng.mdns_add(id_, name, rrtype, rdata, address, flags=int(rrtype != PTR)) == OK
    eng.sleep()
    return eng


def question(name: bytes, rrtype: int, rrclass: int = 1) -> bytes:
    return name + struct.pack("!2H", rrtype, rrclass)


def record(name: bytes, rrtype: int, rdata: bytes, ttl: int) -> bytes:
    return name + struct.pack("!2HIH", rrtype, 1, ttl, len(rdata)) + rdata


def message(*questions: bytes, known: tuple[bytes, ...] = (), flags: int = 0, id_: int = 0) -> bytes:
    return struct.pack("!6H", id_, flags, len(questions), len(known), 0, 0) + b"".join(questions) + b"".join(known)


def query(body: bytes, *, v6: bool = False, sport: int = 5353, dst: str = "", src: str = "", mac: bytes = b"") -> bytes:
    l3: Packet = IPv6(src=src or PEER_LL, dst=dst or GROUP6) if v6 else IP(src=src or PEER_IP, dst=dst or GROUP4)
    return bytes(ether(mac or (MAC6 if v6 else MAC4)) / l3 / UDP(sport=sport, dport=5353) / Raw(body))


LONGEST_US = 120_000
"""RFC 6762 6: an answer of which others may have one, too, waits 20 to 120 ms."""


def answers(eng: Engine) -> list[Packet]:
    """What was sent when all answers that wait are out, checksums as scapy computes them."""
    out: list[Packet] = []
    eng.run_until(eng.now_us + LONGEST_US)
    for raw in eng.take_sent():
        frame = Ether(raw)
        l3 = frame[IP] if IP in frame else frame[IPv6]
        again = l3.copy()
        again[UDP].chksum = None
        if IP in frame:
            again.chksum = None
        assert bytes(l3.__class__(bytes(again)))[: 60 if IP in frame else 80] == bytes(l3)[: 60 if IP in frame else 80]
        assert (frame.src, frame[UDP].sport, frame[DNS].qr, frame[DNS].aa, frame[DNS].ancount) == (
            HOST_MAC.hex(":"),
            5353,
            1,
            1,
            1,
        )
        out.append(frame)
    return out


def body_of(frame: Packet) -> bytes:
    return bytes(frame[UDP])[8 : frame[UDP].len]


@pytest.mark.parametrize("v6", [False, True])
@pytest.mark.parametrize("id_", RECORDS)
def test_a_question_for_everybody_is_answered_to_everybody(eng: Engine, v6: bool, id_: int) -> None:
    name, rrtype, rdata = RECORDS[id_]
    asleep(eng, HOST_LL if v6 else HOST_IP).rx(query(message(question(name.upper(), rrtype), id_=7), v6=v6))
    (frame,) = answers(eng)
    assert frame.dst == (MAC6 if v6 else MAC4).hex(":")
    l3 = frame[IPv6] if v6 else frame[IP]
    assert (l3.dst, l3.src, l3.hlim if v6 else l3.ttl) == (GROUP6 if v6 else GROUP4, HOST_LL if v6 else HOST_IP, 255)
    assert (frame[UDP].dport, frame[DNS].id, frame[DNS].qdcount) == (5353, 0, 0)
    expected = name + struct.pack("!2HIH", rrtype, 1 if rrtype == PTR else 0x8001, 120, len(rdata)) + rdata
    assert body_of(frame)[12:] == expected
    assert (eng.event(), eng.offloads()[id_], eng.counters["rx_offload_answered"]) == (None, 1, 1)


def test_any_gets_all_records_of_the_name(eng: Engine) -> None:
    asleep(eng).rx(query(message(question(INSTANCE, ANY))))
    assert [f[DNS].an[0].type for f in answers(eng)] == [SRV, TXT]


def test_compressed_questions(eng: Engine) -> None:
    """Two questions, the second one's name a pointer into the first."""
    pointer = struct.pack("!H", 0xC000 | 12)
    asleep(eng).rx(query(message(question(SERVICE, PTR), question(b"\x07sleeper" + pointer, SRV))))
    assert [f[DNS].an[0].type for f in answers(eng)] == [SRV, PTR], "the one that others may have waits"


@pytest.mark.parametrize("v6", [False, True])
def test_qu_is_answered_to_the_asker(eng: Engine, v6: bool) -> None:
    asleep(eng, HOST_LL if v6 else HOST_IP).rx(query(message(question(HOST, A, 1 | QU)), v6=v6))
    (frame,) = answers(eng)
    assert (frame.dst, (frame[IPv6] if v6 else frame[IP]).dst) == (PEER_MAC.hex(":"), PEER_LL if v6 else PEER_IP)
    assert (frame[UDP].dport, frame[DNS].id, frame[DNS].qdcount) == (5353, 0, 0)


def test_a_legacy_resolver_gets_its_question_back(eng: Engine) -> None:
    asleep(eng).rx(query(message(question(HOST, A), id_=0x1234), sport=40000))
    (frame,) = answers(eng)
    assert (frame.dst, frame[IP].dst, frame[UDP].dport) == (PEER_MAC.hex(":"), PEER_IP, 40000)
    assert (frame[DNS].id, frame[DNS].qdcount, frame[DNS].qd[0].qname) == (0x1234, 1, b"sleeper.local.")
    assert (frame[DNS].an[0].rdata, frame[DNS].an[0].ttl, frame[DNS].an[0].rclass) == ("192.0.2.1", 10, 1)


@pytest.mark.parametrize("id_", RECORDS)
@pytest.mark.parametrize(("ttl", "answered"), [(60, 0), (59, 1)])
def test_known_answers_are_not_given_again(eng: Engine, id_: int, ttl: int, answered: int) -> None:
    name, rrtype, rdata = RECORDS[id_]
    asleep(eng).rx(query(message(question(name, rrtype), known=(record(name, rrtype, rdata, ttl),))))
    assert (len(answers(eng)), eng.counters["mdns_suppressed"], eng.event()) == (answered, 1 - answered, None)


OTHER_DATA = {
    1: bytes([192, 0, 2, 2]),
    2: wire("another._chat._tcp.local"),
    3: struct.pack("!3H", 0, 0, 5001) + HOST,
    4: b"\x03v=2",
}


@pytest.mark.parametrize("id_", RECORDS)
def test_another_answer_to_the_same_question_is_not_ours(eng: Engine, id_: int) -> None:
    name, rrtype, _ = RECORDS[id_]
    asleep(eng).rx(query(message(question(name, rrtype), known=(record(name, rrtype, OTHER_DATA[id_], 120),))))
    assert len(answers(eng)) == 1


@pytest.mark.parametrize("id_", RECORDS)
@pytest.mark.parametrize("cut", [1, 2, 5, 13])
def test_a_known_answer_that_ends_in_the_padding_is_none(eng: Engine, id_: int, cut: int) -> None:
    """The datagram is shorter than the frame: what lies behind it was not said."""
    name, rrtype, rdata = RECORDS[id_]
    body = message(question(name, rrtype), known=(record(name, rrtype, rdata, 120),))
    asleep(eng).rx(query(body[:-cut]) + body[-cut:])
    assert len(answers(eng)) == 1


@pytest.mark.parametrize("classes", [(1, 1 | QU), (1 | QU, 1)])
def test_one_question_for_everybody_among_others_is_answered_to_everybody(eng: Engine, classes: tuple[int, int]) -> None:
    asleep(eng).rx(query(message(*(question(HOST, A, rrclass) for rrclass in classes))))
    assert [frame.dst for frame in answers(eng)] == [MAC4.hex(":")]


def test_a_station_without_an_address_is_answered_to_everybody(eng: Engine) -> None:
    asleep(eng).rx(query(message(question(HOST, A, 1 | QU)), src="0.0.0.0"))
    assert [frame.dst for frame in answers(eng)] == [MAC4.hex(":")]


@pytest.mark.parametrize(("ttl_s", "told"), [(5, 5), (10, 10), (11, 10)])
def test_a_legacy_resolver_is_told_ten_seconds_at_most(eng: Engine, ttl_s: int, told: int) -> None:
    assert eng.mdns_add(1, HOST, A, bytes([192, 0, 2, 1]), ttl_s=ttl_s) == OK
    eng.sleep()
    eng.rx(query(message(question(HOST, A)), sport=40000))
    assert [frame[DNS].an[0].ttl for frame in answers(eng)] == [told]


def test_a_known_answer_with_compressed_data(eng: Engine) -> None:
    """As every stack sends a PTR: the service's name in the data is a pointer to the question."""
    pointer = struct.pack("!H", 0xC000 | 12)
    asleep(eng).rx(query(message(question(SERVICE, PTR), known=(record(pointer, PTR, b"\x07sleeper" + pointer, 120),))))
    assert answers(eng) == []
    eng.rx(query(message(question(SERVICE, PTR), known=(record(pointer, PTR, b"\x07another" + pointer, 120),))))
    assert len(answers(eng)) == 1


def shared(eng: Engine, rrclass: int = 1, **kw: Any) -> None:
    eng.rx(query(message(question(SERVICE, PTR, rrclass)), **kw))


@pytest.mark.parametrize("rrclass", [1, 1 | QU], ids=["to everybody", "to the asker"])
def test_an_answer_that_others_may_have_too_waits(eng: Engine, rrclass: int) -> None:
    """RFC 6762 6: 20 to 120 ms, another time each time, so that not all who offer a service speak at once."""
    asleep(eng)
    waited = set()
    for _ in range(40):
        eng.now_us += 2_000_000
        asked_us = eng.now_us
        shared(eng, rrclass)
        assert eng.take_sent() == []
        eng.run_until(asked_us + LONGEST_US)
        ((sent_us, _frame),) = eng.sent
        eng.take_sent()
        waited.add(sent_us - asked_us)
    assert min(waited) >= 20_000
    assert max(waited) - min(waited) > 70_000
    assert len(waited) > 30
    assert (eng.offloads()[2], eng.counters["mdns_answered"], eng.status.power) == (40, 40, D3)


def test_two_hosts_wait_differently(eng: Engine) -> None:
    waited = []
    for mac in (HOST_MAC, HOST_MAC[:5] + b"\x55"):
        one = Engine()
        for id_, (name, rrtype, rdata) in RECORDS.items():
            assert one.mdns_add(id_, name, rrtype, rdata, flags=int(rrtype != PTR)) == OK
        one.sleep(mac=mac)
        shared(one)
        one.run_until(LONGEST_US)
        waited += [t for t, _ in one.sent]
    assert len(set(waited)) == 2


def test_an_answer_that_only_we_have_does_not_wait(eng: Engine) -> None:
    asleep(eng).rx(query(message(question(HOST, A))))
    assert len(eng.take_sent()) == 1


def test_a_legacy_resolver_is_not_kept_waiting(eng: Engine) -> None:
    """It takes the first answer that comes; nobody else hears it, so none collides."""
    shared(asleep(eng), sport=40000)
    assert len(eng.take_sent()) == 1


@pytest.mark.parametrize(
    ("classes", "dst"),
    [((1 | QU, 1 | QU), PEER_MAC), ((1 | QU, 1), MAC4), ((1, 1 | QU), MAC4)],
    ids=["the same asker again", "then everybody", "everybody before"],
)
def test_questions_before_the_answer_get_one_for_all(eng: Engine, classes: tuple[int, int], dst: bytes) -> None:
    asleep(eng)
    for rrclass in classes:
        shared(eng, rrclass)
    assert [frame.dst for frame in answers(eng)] == [dst.hex(":")]


@pytest.mark.parametrize("v6", [False, True])
def test_two_askers_are_answered_together(eng: Engine, v6: bool) -> None:
    asleep(eng, HOST_LL if v6 else HOST_IP)
    for src in (PEER_LL, "fe80::3") if v6 else (PEER_IP, "192.0.2.3"):
        shared(eng, 1 | QU, v6=v6, src=src)
    assert [frame.dst for frame in answers(eng)] == [(MAC6 if v6 else MAC4).hex(":")]


def test_an_answer_that_waits_goes_out_before_the_host_takes_over(eng: Engine) -> None:
    shared(asleep(eng), 1 | QU)
    assert eng.host_awake() == OK
    assert [frame.dst for frame in answers(eng)] == [PEER_MAC.hex(":")]


def test_a_busy_wire_delays_an_answer_that_waited(eng: Engine) -> None:
    shared(asleep(eng))
    eng.wire_up = False
    eng.run_until(LONGEST_US)
    eng.wire_up = True
    assert len(answers(eng)) == 1
    assert eng.counters["mdns_answered"] == 1


def test_at_most_once_a_second_to_everybody(eng: Engine) -> None:
    asleep(eng)
    for _ in range(100):
        eng.rx(query(message(question(HOST, A))))
        eng.now_us += 50_000
    assert len(eng.take_sent()) == 5


def test_the_second_is_for_answers_to_everybody(eng: Engine) -> None:
    """A question for a unicast answer is answered at once, before and behind one for everybody."""
    asleep(eng)
    for rrclass in (1 | QU, 1, 1 | QU, 1):
        eng.rx(query(message(question(HOST, A, rrclass))))
    assert [frame.dst for frame in answers(eng)] == [PEER_MAC.hex(":"), MAC4.hex(":"), PEER_MAC.hex(":")]


@pytest.mark.parametrize(("others", "answered"), [(63, 1), (64, 0)])
def test_as_many_questions_are_looked_at_in_one_message(eng: Engine, others: int, answered: int) -> None:
    asleep(eng).rx(query(message(*[question(wire("a"), A)] * others, question(HOST, A))))
    assert len(answers(eng)) == answered


LOOP = message(struct.pack("!3H", 0xC000 | 12, A, 1))
POINTERS = message(b"".join(struct.pack("!H", 0xC000 | (12 + 2 * max(0, i - 1))) for i in range(40)) + struct.pack("!2H", A, 1))
WRONG: dict[str, dict[str, Any]] = {
    "another name": {"body": message(question(wire("sleepes.local"), A))},
    "a longer name": {"body": message(question(wire("x.sleeper.local"), A))},
    "a shorter name": {"body": message(question(wire("sleeper"), A))},
    "another type": {"body": message(question(HOST, 28))},
    "another class": {"body": message(question(HOST, A, 3))},
    "a response": {"body": message(question(HOST, A), flags=0x8400)},
    "another opcode": {"body": message(question(HOST, A), flags=0x0800)},
    "to our address, not to the group": {"body": message(question(HOST, A)), "dst": HOST_IP, "mac": HOST_MAC},
    "no question": {"body": message()},
    "fewer questions than it says": {"body": struct.pack("!6H", 0, 0, 9, 0, 0, 0) + question(HOST, A)},
    "cut in the name": {"body": message(HOST[:5])},
    "cut in the header": {"body": message()[:11]},
    "a pointer to itself": {"body": LOOP},
    "pointers without end": {"body": POINTERS},
    "a label longer than the rest": {"body": message(b"\x3fabc")},
    "legacy, from nowhere": {"body": message(question(HOST, A)), "src": "0.0.0.0", "sport": 999},
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_not_answered(eng: Engine, case: str) -> None:
    asleep(eng).rx(query(**WRONG[case]))
    assert (eng.take_sent(), eng.event(), eng.status.power) == ([], None, D3)
    assert eng.counters["rx_dropped_policy"] == 1


def test_what_may_be_added(eng: Engine) -> None:
    for bad in (b"", b"\0", b"\x05abc\0", HOST[:-1], HOST + b"\0", b"\xc0\x0c"):
        assert eng.mdns_add(1, bad, A, b"\1\2\3\4") == lib.BAD_ARG
    assert eng.mdns_add(1, HOST, ANY, b"\1\2\3\4") == lib.BAD_ARG
    assert eng.mdns_add(1, HOST, A, b"") == lib.BAD_LEN
    assert eng.mdns_add(1, HOST, A, bytes(65)) == lib.BAD_LEN
    assert eng.mdns_add(1, HOST, A, bytes(4), "224.0.0.1") == lib.BAD_ADDR
    longest = b"\x3d" + b"a" * 61 + b"\0"
    assert eng.mdns_add(1, longest, TXT, bytes(64)) == OK
    assert eng.mdns_add(2, HOST, A, bytes(4)) == OK
    assert eng.offload_remove(2) == OK
    eng.sleep()
    eng.rx(query(message(question(HOST, A))))
    assert eng.take_sent() == []
    eng.rx(query(message(question(longest, TXT)), sport=40000))
    assert len(eng.take_sent()) == 1


@pytest.mark.parametrize(("rrtype", "rrclass"), [(A, 1), (ANY, 1), (ANY, ANY), (A, 1 | QU)])
def test_a_legacy_resolver_gets_the_question_that_it_asked(eng: Engine, rrtype: int, rrclass: int) -> None:
    """RFC 6762 6.7: the query's id and question, repeated. Another type in their place, and a resolver drops the answer."""
    asked = question(HOST, rrtype, rrclass)
    asleep(eng).rx(query(message(question(wire("other.local"), A), asked, id_=0x1234), sport=40000))
    (frame,) = answers(eng)
    assert body_of(frame)[12:] == asked + HOST + struct.pack("!2HIH", A, 1, 10, 4) + bytes([192, 0, 2, 1])


def test_a_name_is_defended_against_every_probe(eng: Engine) -> None:
    """RFC 6762 6 and 8.1: three probes 250 ms apart claim a name; the second between two answers is for others than probers."""
    asleep(eng).rx(query(message(question(HOST, A))))
    probe = struct.pack("!6H", 0, 0, 1, 0, 1, 0) + question(HOST, ANY) + record(HOST, A, bytes([192, 0, 2, 66]), 120)
    for _ in range(3):
        eng.now_us += 250_000
        eng.rx(query(probe))
    assert len(answers(eng)) == 4
    eng.now_us += 249_999 - LONGEST_US
    eng.rx(query(probe))
    eng.rx(query(message(question(HOST, A))))
    assert (answers(eng), eng.counters["mdns_suppressed"]) == ([], 2)


@pytest.mark.parametrize("ttl_s", [0, 2**31, 2**32 - 1])
def test_a_record_with_no_time_to_live_is_refused(eng: Engine, ttl_s: int) -> None:
    """RFC 6762 10.1: it would take the host's own name out of every cache. RFC 2181 8: above 2^31 - 1 means 0."""
    assert eng.mdns_add(1, HOST, A, bytes(4), ttl_s=ttl_s) == lib.BAD_ARG
    assert eng.mdns_add(1, HOST, A, bytes(4), ttl_s=2**31 - 1) == OK
