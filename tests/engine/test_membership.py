"""IGMP and MLD for the sleeping host (case 87). The judge is scapy, which takes the reports apart on its own."""

from __future__ import annotations

import struct
from socket import inet_aton
from typing import Any

import pytest
from scapy.layers.igmp import IGMP, IGMPv3, IGMPv3_MR
from scapy.layers.inet import IP, IPOption_Router_Alert
from scapy.layers.inet6 import (
    ICMPv6MLQuery,
    ICMPv6MLQuery2,
    ICMPv6MLReport,
    ICMPv6MLReport2,
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrHopByHop,
    PadN,
    RouterAlert,
)
from scapy.layers.l2 import Ether
from scapy.packet import Packet, Raw
from scapy.utils import checksum

from rig.device.numbers import EventFlag
from tests.engine.engine_lib import BAD_ADDR, D3, GROUP, HOST_IP, HOST_MAC, LIST_FULL, OK, WOKEN, Engine
from tests.engine.packets import ether

pytestmark = pytest.mark.edge(87)

GROUPS = ("224.0.0.251", "239.1.2.3", "239.255.255.250")
HOST_LL, ROUTER_LL = "fe80::1", "fe80::2"
GROUPS6 = ("ff02::fb", "ff02::1:ff00:1")
QUERIER = "192.0.2.254"
ALL_HOSTS = "224.0.0.1"


def ip4(dst: str = ALL_HOSTS, src: str = QUERIER, ttl: int = 1) -> Packet:
    return ether(bytes.fromhex("01005e") + bytes([int(dst.split(".")[1]) & 127, *map(int, dst.split(".")[2:])])) / IP(
        src=src, dst=dst, ttl=ttl, proto=2, options=[IPOption_Router_Alert()]
    )


def v2_query(group: str = "0.0.0.0", code: int = 100, **ip: Any) -> bytes:
    return bytes(ip4(**({"dst": group} if group != "0.0.0.0" else {}) | ip) / IGMP(type=0x11, mrcode=code, gaddr=group))


def v3_query(
    group: str = "0.0.0.0", code: int = 100, sources: tuple[str, ...] = (), count: int | None = None, **ip: Any
) -> bytes:
    addresses = b"".join(map(inet_aton, sources))
    head = struct.pack("!BBH4sBBH", 0x11, code, 0, inet_aton(group), 2, 125, len(sources) if count is None else count)
    body = Raw(head[:2] + checksum(head + addresses).to_bytes(2) + head[4:] + addresses)
    return bytes(ip4(**({"dst": group} if group != "0.0.0.0" else {}) | ip) / body)


ALERT = IPv6ExtHdrHopByHop(options=[RouterAlert(), PadN()])


def mld(body: Packet, dst: str = "ff02::1", src: str = ROUTER_LL, hlim: int = 1, alert: Packet | None = ALERT) -> bytes:
    l2 = ether(HOST_MAC if dst == HOST_LL else bytes.fromhex("333300000001"))
    l3: Packet = IPv6(src=src, dst=dst, hlim=hlim)
    return bytes(l2 / l3 / alert / body if alert else l2 / l3 / body)


def reports(eng: Engine) -> list[Packet]:
    """What was sent, every checksum as scapy computes it, every frame for the group's MAC."""
    out: list[Packet] = []
    for raw in eng.take_sent():
        frame = Ether(raw)
        assert frame.src == HOST_MAC.hex(":")
        l3 = frame[IP] if IP in frame else frame[IPv6]
        bare = l3.copy()
        for layer, name in (
            (IP, "chksum"),
            (IGMP, "chksum"),
            (IGMPv3, "chksum"),
            (ICMPv6MLReport, "cksum"),
            (ICMPv6MLReport2, "cksum"),
        ):
            if layer in bare:
                setattr(bare[layer], name, None)
        assert bytes(l3.__class__(bytes(bare))) == bytes(l3)
        out.append(frame)
    return out


def asleep(eng: Engine) -> Engine:
    for i, group in enumerate(GROUPS):
        assert eng.group_add(i, group) == OK
    for i, group in enumerate(GROUPS6):
        assert eng.group_add(10 + i, group, HOST_LL) == OK
    eng.sleep()
    return eng


def test_v2_general_query_is_answered_for_every_group_within_the_response_time(eng: Engine) -> None:
    asleep(eng).rx(v2_query(code=20))
    start = eng.now_us
    eng.run_until(start + 2_000_000)
    times = [t - start for t, _ in eng.sent]
    frames = reports(eng)
    assert sorted(f[IP].dst for f in frames) == sorted(GROUPS)
    for frame in frames:
        assert (frame[IGMP].type, frame[IGMP].gaddr, frame[IP].ttl, frame[IP].src) == (0x16, frame[IP].dst, 1, HOST_IP)
        assert bytes(frame[IP].options[0]) == b"\x94\x04\0\0"
        assert frame.dst == "01:00:5e:" + ":".join(
            f"{int(x) & (127 if i == 0 else 255):02x}" for i, x in enumerate(frame[IP].dst.split(".")[1:])
        )
    assert max(times) < 2_000_000
    assert max(times) - min(times) > 20_000, "all groups answered in one burst"
    assert (eng.counters["group_reports"], eng.counters["rx_offload_answered"], eng.event()) == (3, 1, None)
    assert eng.offloads() == {0: 1, 1: 1, 2: 1, 10: 0, 11: 0}


def test_delays_are_the_same_in_every_run_but_not_for_every_host(eng: Engine) -> None:
    def times(mac: bytes) -> list[int]:
        one = Engine(now_us=5_000_000)
        for i, group in enumerate(GROUPS):
            one.group_add(i, group)
        one.sleep(mac=mac)
        one.rx(v2_query())
        one.run_until(20_000_000)
        return [t for t, _ in one.sent]

    assert times(HOST_MAC) == times(HOST_MAC)
    assert times(HOST_MAC) != times(bytes.fromhex("020000000007"))


def test_v1_query(eng: Engine) -> None:
    asleep(eng).rx(v2_query(code=0))
    eng.run_until(eng.now_us + 10_000_000)
    assert {f[IGMP].type for f in reports(eng)} == {0x12}


IS_IN, IS_EX = 1, 2
SOURCES = tuple(f"198.51.100.{i}" for i in range(1, 18))
SOURCES6 = tuple(f"2001:db8:5::{i}" for i in range(1, 6))


@pytest.mark.parametrize(
    ("sources", "answer"),
    [((), IS_EX), (SOURCES[:1], IS_IN), (SOURCES[:16], IS_IN), (SOURCES, IS_EX)],
    ids=["of the group", "of a source", "of all that fit", "of more"],
)
def test_v3_queries_are_answered_with_one_record_a_report(eng: Engine, sources: tuple[str, ...], answer: int) -> None:
    """RFC 3376 5.2: about sources is answered about these; where they do not fit, the whole truth: joined for any source."""
    asleep(eng).rx(v3_query(GROUPS[1], sources=sources))
    eng.run_until(eng.now_us + 10_000_000)
    (frame,) = reports(eng)
    assert (frame.dst, frame[IP].dst, frame[IP].ttl) == ("01:00:5e:00:00:16", "224.0.0.22", 1)
    (record,) = frame[IGMPv3_MR].records
    wanted = list(sources) if answer == IS_IN else []
    assert (frame[IGMPv3].type, record.rtype, record.maddr, record.srcaddrs) == (0x22, answer, GROUPS[1], wanted)
    eng.rx(v3_query())
    eng.run_until(eng.now_us + 10_000_000)
    assert {f[IGMPv3_MR].records[0].maddr for f in reports(eng)} == set(GROUPS)


@pytest.mark.parametrize(
    ("queries", "answer", "told"),
    [
        ((SOURCES[:2], SOURCES[1:3]), IS_IN, SOURCES[:3]),
        ((SOURCES[:1], ()), IS_EX, ()),
        (((), SOURCES[:1]), IS_EX, ()),
        ((SOURCES[:9], SOURCES[9:]), IS_EX, ()),
    ],
    ids=["two of sources", "then of the group", "of the group before", "more than fit"],
)
def test_queries_before_the_answer_is_due_get_one_for_all(
    eng: Engine, queries: tuple[tuple[str, ...], ...], answer: int, told: tuple[str, ...]
) -> None:
    """RFC 3376 5.2, rules 3 to 5."""
    asleep(eng)
    for sources in queries:
        eng.rx(v3_query(GROUPS[1], sources=sources))
    eng.run_until(eng.now_us + 10_000_000)
    ((record,),) = [frame[IGMPv3_MR].records for frame in reports(eng)]
    assert (record.rtype, record.srcaddrs) == (answer, list(told))


@pytest.mark.parametrize(("count", "answer"), [(1, IS_IN), (4, IS_IN), (5, IS_EX)])
def test_mld_queries_about_sources(eng: Engine, count: int, answer: int) -> None:
    query = ICMPv6MLQuery2(mrd=1000, mladdr=GROUPS6[0], sources_number=count, sources=SOURCES6[:count])
    asleep(eng).rx(mld(query, dst=GROUPS6[0]))
    eng.run_until(eng.now_us + 1_000_000)
    ((record,),) = [frame[ICMPv6MLReport2].records for frame in reports(eng)]
    assert (record.rtype, record.sources) == (answer, list(SOURCES6[:count]) if answer == IS_IN else [])


def test_what_was_asked_before_is_no_part_of_the_next_answer(eng: Engine) -> None:
    asleep(eng)
    for sources in (SOURCES[:1], SOURCES[1:2]):
        eng.rx(v3_query(GROUPS[1], sources=sources))
        eng.run_until(eng.now_us + 10_000_000)
    assert [f[IGMPv3_MR].records[0].srcaddrs for f in reports(eng)] == [list(SOURCES[:1]), list(SOURCES[1:2])]


def test_more_groups_than_sources_are_remembered_for_are_answered_all_the_same(eng: Engine) -> None:
    asleep(eng)
    for group in GROUPS:
        eng.rx(v3_query(group, sources=SOURCES[:1]))
    eng.run_until(eng.now_us + 10_000_000)
    records = [f[IGMPv3_MR].records[0] for f in reports(eng)]
    assert {r.maddr for r in records} == set(GROUPS)
    assert sorted((r.rtype, len(r.srcaddrs)) for r in records) == [(IS_IN, 1), (IS_IN, 1), (IS_EX, 0)]


def test_igmp_reports_go_before_other_traffic(eng: Engine) -> None:
    """RFC 3376 4: internetwork control. Linux sends the older versions so, too."""
    asleep(eng)
    for query in (v2_query(), v3_query()):
        eng.rx(query)
        eng.run_until(eng.now_us + 10_000_000)
    eng.rx(mld(ICMPv6MLQuery(mrd=1000)))
    eng.run_until(eng.now_us + 1_000_000)
    frames = reports(eng)
    assert {f[IP].tos for f in frames if IP in f} == {0xC0}
    assert {f[IPv6].tc for f in frames if IPv6 in f} == {0}


@pytest.mark.parametrize(("code", "limit_s"), [(100, 10), (0x80, 12.8), (0xFF, 3174.4)])
def test_v3_response_time_above_127_is_a_floating_point_code(eng: Engine, code: int, limit_s: float) -> None:
    asleep(eng).rx(v3_query(code=code))
    start = eng.now_us
    eng.run_until(start + int(limit_s * 1e6))
    times = [t - start for t, _ in eng.sent]
    assert len(times) == 3
    assert max(times) > limit_s * 1e6 / 20, "the larger code was not understood"


def test_mld1_and_mld2(eng: Engine) -> None:
    asleep(eng).rx(mld(ICMPv6MLQuery(mrd=1000)))
    start = eng.now_us
    eng.run_until(start + 1_000_000)
    frames = reports(eng)
    assert sorted(f[IPv6].dst for f in frames) == sorted(GROUPS6)
    for frame in frames:
        assert (frame[ICMPv6MLReport].mladdr, frame[IPv6].src, frame[IPv6].hlim) == (frame[IPv6].dst, HOST_LL, 1)
        assert frame[IPv6ExtHdrHopByHop].options[0].otype == 5
        assert frame.dst.startswith("33:33")
    eng.rx(mld(ICMPv6MLQuery2(mrd=1000)))
    eng.run_until(eng.now_us + 1_000_000)
    frames = reports(eng)
    assert {f[ICMPv6MLReport2].records[0].dst for f in frames} == set(GROUPS6)
    assert {(f[IPv6].dst, f.dst, f[ICMPv6MLReport2].records[0].rtype) for f in frames} == {("ff02::16", "33:33:00:00:00:16", 2)}
    eng.rx(mld(ICMPv6MLQuery(mrd=500, mladdr=GROUPS6[1]), dst=GROUPS6[1]))
    eng.run_until(eng.now_us + 500_000)
    assert [f[ICMPv6MLReport].mladdr for f in reports(eng)] == [GROUPS6[1]]


def test_queries_from_a_snooping_switch_without_an_address(eng: Engine) -> None:
    asleep(eng).rx(v2_query(src="0.0.0.0"))
    eng.run_until(eng.now_us + 10_000_000)
    assert len(reports(eng)) == 3


def damaged(frame: bytes, at: int) -> bytes:
    return frame[:at] + bytes([frame[at] ^ 1]) + frame[at + 1 :]


WRONG = {
    "routed: TTL above 1": lambda: v2_query(ttl=2),
    "a group of others": lambda: v2_query("239.9.9.9"),
    "a general query to a group": lambda: v2_query(dst=GROUPS[0]),
    "bad checksum": lambda: damaged(v2_query(), 14 + 24 + 1),
    "a report": lambda: bytes(ip4(dst=GROUPS[0]) / IGMP(type=0x16, gaddr=GROUPS[0])),
    "more sources than bytes": lambda: v3_query(count=1),
    "neither version 2 nor 3": lambda: bytes(ip4() / IGMP(type=0x11, mrcode=10) / Raw(b"\0\0")),
    "MLD: hop limit above 1": lambda: mld(ICMPv6MLQuery(mrd=10), hlim=2),
    "MLD: not link-local": lambda: mld(ICMPv6MLQuery(mrd=10), src="2001:db8::2"),
    "MLD: site-local": lambda: mld(ICMPv6MLQuery(mrd=10), src="fec0::2"),
    "MLD: no router alert": lambda: mld(ICMPv6MLQuery(mrd=10), alert=None),
    "MLD: other options": lambda: mld(ICMPv6MLQuery(mrd=10), alert=IPv6ExtHdrHopByHop(options=[PadN(optdata=bytes(4))])),
    "MLD: an alert about something else": lambda: mld(
        ICMPv6MLQuery(mrd=10), alert=IPv6ExtHdrHopByHop(options=[RouterAlert(value=1), PadN()])
    ),
    "MLD: an alert for the host alone": lambda: mld(
        ICMPv6MLQuery(mrd=10), alert=IPv6ExtHdrDestOpt(options=[RouterAlert(), PadN()])
    ),
    "MLD: code 1": lambda: mld(ICMPv6MLQuery(mrd=10, code=1)),
    "MLD: bad checksum": lambda: damaged(mld(ICMPv6MLQuery(mrd=10)), 14 + 40 + 8 + 4),
    "MLD: more sources than bytes": lambda: mld(ICMPv6MLQuery2(mrd=10, sources_number=9)),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_not_answered(eng: Engine, case: str) -> None:
    asleep(eng).rx(WRONG[case]())
    eng.run_until(eng.now_us + 20_000_000)
    assert (eng.take_sent(), eng.event(), eng.status.power) == ([], None, D3)


def first_report_us(query: bytes) -> int:
    """After the query; the same part of the response time for every fresh engine."""
    eng = asleep(Engine(now_us=1_000_000))
    eng.rx(query)
    eng.run_until(eng.now_us + 20_000_000_000)
    return eng.sent[0][0] - 1_000_000


def test_a_version_1_query_leaves_ten_seconds(eng: Engine) -> None:
    """RFC 2236 4: it has no field for them."""
    assert first_report_us(v2_query(code=0)) == first_report_us(v2_query(code=100))


@pytest.mark.parametrize(
    ("code", "tenths"), [(127, 127), (0x80, 128), (0x8F, 248), (0x90, 256), (0xC3, 0x13 << 7), (0xFF, 31744)]
)
def test_the_response_time_of_version_3_is_a_small_float(code: int, tenths: int) -> None:
    """RFC 3376 4.1.1"""
    expected = first_report_us(v3_query(code=100)) * tenths / 100
    assert first_report_us(v3_query(code=code)) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize(
    ("code", "ms"), [(32767, 32767), (0x8000, 32768), (0x8FFF, 0x1FFF << 3), (0x9000, 1 << 16), (0xFFFF, 0x1FFF << 10)]
)
def test_the_response_time_of_mld_version_2_too(code: int, ms: int) -> None:
    """RFC 3810 5.1.3"""
    expected = first_report_us(mld(ICMPv6MLQuery2(mrd=10_000))) * ms / 10_000
    assert first_report_us(mld(ICMPv6MLQuery2(mrd=code))) == pytest.approx(expected, rel=1e-3)


def test_a_switch_without_an_address_may_ask(eng: Engine) -> None:
    """RFC 4541 2.1.1: a snooping switch queries from 0.0.0.0."""
    asleep(eng).rx(v2_query(src="0.0.0.0", code=20))
    eng.run_until(eng.now_us + 2_000_000)
    assert len(reports(eng)) == len(GROUPS)


@pytest.mark.parametrize("v6", [False, True])
def test_a_query_to_this_host_is_answered(eng: Engine, v6: bool) -> None:
    """RFC 3376 4.1.12, RFC 3810 5.1.15: any address of the interface may be the query's destination."""
    to_host = bytes(ether() / IP(src=QUERIER, dst=HOST_IP, ttl=1, proto=2) / IGMP(type=0x11, mrcode=20, gaddr="0.0.0.0"))
    asleep(eng).rx(mld(ICMPv6MLQuery(mrd=2000), dst=HOST_LL) if v6 else to_host)
    eng.run_until(eng.now_us + 2_000_000)
    assert len(reports(eng)) == len(GROUPS6 if v6 else GROUPS)


def test_a_storm_of_queries_makes_no_storm_of_reports(eng: Engine) -> None:
    asleep(eng)
    for _ in range(1000):
        eng.rx(mld(ICMPv6MLQuery(mrd=0)))
        eng.run_until(eng.now_us + 1000)
    assert len(eng.take_sent()) <= 2 * 12


def test_an_earlier_answer_stands_and_the_older_version_is_spoken(eng: Engine) -> None:
    asleep(eng).rx(v2_query(code=10))
    for _ in range(9):
        eng.rx(v3_query(code=127))
    eng.run_until(eng.now_us + 1_000_000)
    assert [f[IGMP].type for f in reports(eng)] == [0x16] * 3


def test_an_answer_that_the_wire_did_not_take_is_not_owed_in_the_next_sleep(eng: Engine) -> None:
    asleep(eng).rx(v2_query())
    eng.wire_up = False
    assert eng.host_awake() == eng.release()[0] == OK
    eng.wire_up = True
    eng.sleep()
    eng.run_until(eng.now_us + 60_000_000)
    assert eng.take_sent() == []


def test_an_answer_that_is_owed_goes_out_before_the_host_takes_over(eng: Engine) -> None:
    asleep(eng).rx(v2_query())
    assert eng.take_sent() == []
    assert eng.host_awake() == OK
    assert len(reports(eng)) == 3
    eng.run_until(eng.now_us + 20_000_000)
    assert eng.take_sent() == []


def test_who_owes_an_answer_does_not_yield_the_wire(eng: Engine) -> None:
    """The host has not heard the query, and would not answer it."""
    eng.pattern_add(5, data=b"\x12\x34", offset=12)
    for i, group in enumerate(GROUPS):
        assert eng.group_add(i, group) == OK
    eng.sleep(yield_ms=1000)
    eng.rx(v2_query())
    eng.rx(HOST_MAC + HOST_MAC[:5] + b"\x09\x12\x34" + bytes(46))
    assert not eng.wake_event().l2_flags & EventFlag.YIELDED
    assert eng.host_awake() == OK
    assert len(reports(eng)) == 3


def test_answered_while_the_host_is_being_woken(eng: Engine) -> None:
    eng.pattern_add(5, data=b"\x12\x34", offset=12)
    asleep(eng).rx(HOST_MAC + HOST_MAC[:5] + b"\x09\x12\x34" + bytes(46))
    assert eng.status.power == WOKEN
    eng.rx(v2_query())
    eng.run_until(eng.now_us + 10_000_000)
    assert (len(reports(eng)), len(eng.frames())) == (3, 1)


def test_a_busy_wire_delays_the_report(eng: Engine) -> None:
    asleep(eng).rx(v2_query(GROUPS[0], code=10))
    eng.wire_up = False
    eng.run_until(eng.now_us + 1_000_000)
    eng.wire_up = True
    eng.run_until(eng.now_us + 10_000)
    assert len(reports(eng)) == 1


def test_add_and_remove(eng: Engine) -> None:
    refused = [(ALL_HOSTS, HOST_IP), ("192.0.2.9", HOST_IP), ("224.0.0.5", HOST_LL), ("ff02::1", HOST_LL), ("ff01::5", HOST_LL),
               ("ff02::5", "2001:db8::1"), ("fe80::9", HOST_LL)]  # fmt: skip
    for group, address in refused:
        assert eng.group_add(1, group, address) == BAD_ADDR, (group, address)
    for i in range(32):
        assert eng.group_add(i, f"239.0.0.{i}") == OK
    assert eng.group_add(99, "239.0.0.99") == LIST_FULL
    assert eng.offload_remove(7) == OK
    assert eng.group_add(99, "239.0.0.99") == OK
    eng.sleep()
    eng.rx(v3_query("239.0.0.7"))
    eng.rx(v3_query("239.0.0.99"))
    eng.run_until(eng.now_us + 10_000_000)
    assert [f[IGMPv3_MR].records[0].maddr for f in reports(eng)] == ["239.0.0.99"]
    assert GROUP == 17
