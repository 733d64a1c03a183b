"""Keep-alive of a slot: probes, what restarts the idle time, what ends it. EDGE-001 to EDGE-022."""

from __future__ import annotations

import pytest
from scapy.layers.inet6 import IPv6

from tests.engine.engine_lib import (
    ACTIVE,
    BROKEN,
    D3,
    HOST_IP,
    HOST_MAC,
    KA_TIMEOUT,
    OK,
    PEER_IP,
    PEER_MAC,
    PROBING,
    TCP_FIN,
    TCP_RST,
    WOKEN,
    Engine,
)
from tests.engine.packets import parse_tcp, tcp

S = 1_000_000
"""µs in a second."""


def asleep(eng: Engine, **slot: object) -> tuple[int, int]:
    rc, index, gen = eng.slot_add(**slot)
    assert rc == OK
    eng.sleep()
    return index, gen


def first_probe(eng: Engine) -> bytes:
    eng.run_until(eng.now_us + 60 * S)
    (frame,) = eng.take_sent()
    return frame


@pytest.mark.edge(1)
def test_probe_is_an_empty_ack_one_below_snd_una(eng: Engine) -> None:
    """EDGE-001"""
    asleep(eng, tos=0x10, ttl=33, rcv_wscale=2, rcv_wnd=8192)
    frame = first_probe(eng)
    l3, seg = parse_tcp(frame)
    assert (frame[:12], len(frame)) == (PEER_MAC + HOST_MAC, 60)
    assert (l3.src, l3.dst, l3.tos, l3.ttl, l3.id, str(l3.flags), l3.len) == (HOST_IP, PEER_IP, 0x10, 33, 100, "DF", 40)
    assert (seg.sport, seg.dport, seg.seq, seg.ack, str(seg.flags)) == (40000, 443, 999, 5000, "A")
    assert seg.window == 8192 >> 2


@pytest.mark.edge(1)
def test_each_probe_is_a_datagram_of_its_own(eng: Engine) -> None:
    """RFC 6864 4.1: what a router may fragment needs an identification that is not used again soon."""
    asleep(eng, df=False, ip_id=0xFFFF)
    eng.run_until(eng.now_us + 80 * S)
    assert [(l3.id, str(l3.flags)) for l3, _ in map(parse_tcp, eng.take_sent())] == [(0xFFFF, ""), (0, ""), (1, "")]


@pytest.mark.edge(2)
def test_zero_is_a_sequence_number_like_any_other(eng: Engine) -> None:
    """EDGE-002: SND.UNA 0 and RCV.NXT 0."""
    asleep(eng, snd_una=0, snd_nxt=0, rcv_nxt=0)
    _, seg = parse_tcp(first_probe(eng))
    assert (seg.seq, seg.ack) == (0xFFFFFFFF, 0)
    eng.rx(tcp("A", seq=0xFFFFFFFF, ack=0))
    _, seg = parse_tcp(eng.take_sent()[0])
    assert (seg.seq, seg.ack) == (0, 0)


@pytest.mark.edge(3)
@pytest.mark.parametrize("flags", ["A", "AEC", "AP"])
def test_answer_to_our_probe_does_not_wake(eng: Engine, flags: str) -> None:
    """EDGE-003"""
    slot = asleep(eng)
    first_probe(eng)
    assert eng.slot_get(*slot).state == PROBING
    eng.rx(tcp(flags, pad=True))
    state = eng.slot_get(*slot)
    assert (eng.status.power, state.state, state.ka_acked, eng.take_sent()) == (D3, ACTIVE, 1, [])


@pytest.mark.edge(4)
@pytest.mark.parametrize(("flags", "reason"), [("FA", TCP_FIN), ("RA", TCP_RST), ("R", TCP_RST)])
def test_fin_or_rst_with_the_numbers_of_the_answer_wakes(eng: Engine, flags: str, reason: int) -> None:
    """EDGE-004"""
    asleep(eng)
    first_probe(eng)
    eng.rx(tcp(flags, pad=True))
    event = eng.wake_event()
    assert event.reason == reason


@pytest.mark.edge(13)
def test_first_probe_after_the_rest_of_the_idle_time(eng: Engine) -> None:
    """EDGE-013: 55 of 60 s have passed before the handoff."""
    asleep(eng, idle_elapsed_ms=55_000)
    eng.run_until(1 * S + 4_999_999)
    assert eng.sent == []
    eng.run_until(1 * S + 5 * S)
    assert [t for t, _ in eng.sent] == [6 * S]


@pytest.mark.edge(14)
def test_what_is_heard_restarts_the_idle_time_what_is_sent_does_not(eng: Engine) -> None:
    """EDGE-014"""
    asleep(eng)
    for _ in range(10):
        eng.run_until(eng.now_us + 54 * S)
        eng.rx(tcp("A", seq=4999))
    assert (len(eng.take_sent()), eng.counters["ka_tx"]) == (10, 0)
    eng.rx(tcp("S", seq=1))  # challenged, so we sent, but nothing valid was heard
    start = eng.now_us
    eng.take_sent()
    eng.run_until(start + 60 * S)
    assert [t - start for t, _ in eng.sent] == [60 * S]


@pytest.mark.edge(13)
def test_a_connection_that_was_idle_too_long_is_probed_at_once(eng: Engine) -> None:
    """EDGE-013"""
    asleep(eng, idle_elapsed_ms=60_001)
    eng.run_until(eng.now_us + 1)
    assert len(eng.take_sent()) == 1


@pytest.mark.edge(16)
@pytest.mark.parametrize(("flags", "arm"), [(0x17, 7), (0x1F, 6)], ids=["not the slot", "not armed"])
def test_a_timeout_that_is_not_to_wake_ends_the_slot_alone(eng: Engine, flags: int, arm: int) -> None:
    _, *slot = eng.slot_add(flags=flags)
    eng.sleep(arm)
    eng.run_until(eng.now_us + 1000 * S)
    assert (eng.slot_get(*slot).state, eng.slot_get(*slot).close_reason) == (BROKEN, KA_TIMEOUT)
    assert (eng.event(), eng.status.power, eng.counters["ka_timeout"]) == (None, D3, 1)


@pytest.mark.edge(40)
@pytest.mark.parametrize(("wnd", "scale", "field"), [(65535, 0, 65535), (65536, 0, 65535), ((1 << 30) - 1, 14, 65535), (3, 1, 2)])
def test_the_window_field_holds_what_it_can(eng: Engine, wnd: int, scale: int, field: int) -> None:
    asleep(eng, rcv_wnd=wnd, rcv_wscale=scale)
    assert parse_tcp(first_probe(eng))[1].window == field


@pytest.mark.edge(15)
def test_longest_interval_does_not_wrap(eng: Engine) -> None:
    """EDGE-015: 24 h, each minute as long as 71 minutes: 71 days, 1400 times 2^32 µs."""
    asleep(eng, ka_idle_ms=86_400_000)
    eng.set_minute_us(0xFFFFFFFF)
    due = 1 * S + 86_400_000 * 0xFFFFFFFF // 60_000
    eng.run_until(due - 1)
    assert eng.sent == []
    eng.run_until(due)
    assert len(eng.sent) == 1


@pytest.mark.edge(16)
def test_one_probe_less_than_the_count_lost_does_not_wake(eng: Engine) -> None:
    """EDGE-016"""
    slot = asleep(eng)
    eng.run_until(1 * S + 60 * S + 2 * 10 * S + 9 * S)
    assert len(eng.sent) == 3
    eng.rx(tcp("A"))
    state = eng.slot_get(*slot)
    assert (eng.event(), state.ka_lost, state.ka_acked, state.state) == (None, 2, 1, ACTIVE)


@pytest.mark.edge(16)
def test_all_probes_lost_wake_once(eng: Engine) -> None:
    """EDGE-016"""
    slot = asleep(eng)
    eng.run_until(1 * S + 1000 * S)
    event = eng.wake_event()
    assert (event.reason, event.slot, event.orig_size, event.t_wake_us) == (KA_TIMEOUT, 0, 0, 1 * S + 90 * S)
    assert eng.event(event.n) is None
    state = eng.slot_get(*slot)
    assert [t // S - 1 for t, _ in eng.sent] == [60, 70, 80]
    assert (state.ka_sent, state.ka_lost, state.state, state.close_reason, eng.status.power) == (3, 3, BROKEN, KA_TIMEOUT, WOKEN)


@pytest.mark.edge(17)
def test_probes_due_together_leave_one_after_another(eng: Engine) -> None:
    """EDGE-017"""
    for i in range(16):
        assert eng.slot_add(local_port=1000 + i)[0] == OK
    eng.sleep()
    eng.run_until(61 * S + 10_000)
    times = [t - 61 * S for t, _ in eng.sent]
    assert times == [i * 250 for i in range(16)]
    assert [parse_tcp(f)[1].sport for _, f in eng.sent] == [1000 + i for i in range(16)]


@pytest.mark.edge(18)
def test_a_probe_the_wire_did_not_take_is_not_lost(eng: Engine) -> None:
    """EDGE-018"""
    slot = asleep(eng)
    eng.wire_up = False
    eng.run_until(1 * S + 300 * S)
    state = eng.slot_get(*slot)
    assert (eng.event(), state.ka_sent, state.ka_lost) == (None, 0, 0)
    assert eng.counters["tx_busy_retry"] > 0
    eng.wire_up = True
    eng.run_until(eng.now_us + 2000)
    assert len(eng.sent) == 1


@pytest.mark.edge(18)
@pytest.mark.parametrize("unanswered", [0, 1, 3])
def test_counts_stand_still_while_the_link_is_down(eng: Engine, unanswered: int) -> None:
    """EDGE-018: nothing is sent, nothing lost, nobody woken; when the link is back the peer gets one more chance to answer."""
    slot = asleep(eng, ka_idle_ms=60_000, ka_intvl_ms=10_000, ka_cnt=3)
    eng.link(up=True)
    eng.run_until(60 * S + (10 * unanswered - 5) * S)
    before = eng.slot_get(*slot)
    eng.link(up=False)
    eng.run_until(3600 * S)
    after = eng.slot_get(*slot)
    assert before.ka_sent == unanswered == len(eng.take_sent())
    assert (after.ka_sent, after.ka_lost, after.state) == (before.ka_sent, before.ka_lost, before.state)
    assert (eng.event(), 30_000 < eng.counters["tx_busy_retry"] < 40_000) == (None, True)
    eng.link(up=True)
    eng.run_until(eng.now_us + S)
    assert (len(eng.take_sent()), eng.event()) == (1, None)
    eng.run_until(eng.now_us + 30 * S)
    assert eng.wake_event().reason == KA_TIMEOUT


def test_nothing_is_given_to_a_wire_whose_link_is_down(eng: Engine) -> None:
    """A MAC would take the frame and lose it."""
    asleep(eng)
    eng.link(up=False)
    eng.rx(tcp("A", seq=4999))
    assert (eng.take_sent(), eng.counters["tx_drop"]) == ([], 1)
    eng.link(up=True)
    eng.rx(tcp("A", seq=4999))
    assert len(eng.take_sent()) == 1


@pytest.mark.edge(101)
@pytest.mark.parametrize("start_us", [2**32 - 30 * S, 2**32 * 1000 - 30 * S])
def test_clock_past_32_bits(start_us: int) -> None:
    """EDGE-101: µs and ms past 2^32 while a probe is pending."""
    eng = Engine(now_us=start_us)
    asleep(eng, ts_on=True, tsval=0xFFFFFFF0, t0_us=start_us, ts_recent=9)
    eng.run_until(start_us + 60 * S)
    assert [t - start_us for t, _ in eng.sent] == [60 * S]
    _, seg = parse_tcp(eng.take_sent()[0])
    assert dict(seg.options)["Timestamp"] == ((0xFFFFFFF0 + 60_000) % 2**32, 9)
    assert eng.slots()[0].tsval_last == (0xFFFFFFF0 + 60_000) % 2**32


@pytest.mark.edge(38, 39)
@pytest.mark.parametrize(("hz", "ticks"), [(1000, 60_000), (1_000_000, 60_000_000)])
def test_timestamps_tick_in_real_time_whatever_the_scale(eng: Engine, hz: int, ticks: int) -> None:
    """EDGE-038, EDGE-039"""
    eng.set_minute_us(1 * S)
    asleep(eng, ts_on=True, ts_hz=hz, tsval=7, t0_us=eng.now_us, ts_recent=4242, ka_idle_ms=3_600_000)
    eng.run_until(61 * S)
    _, seg = parse_tcp(eng.sent[0][1])
    assert dict(seg.options)["Timestamp"] == (7 + ticks, 4242)


@pytest.mark.edge(1)
def test_ipv6_probe(eng: Engine) -> None:
    """EDGE-001 over IPv6"""
    asleep(eng, local="2001:db8::1", remote="2001:db8::2", tos=0x20, ttl=55)
    frame = first_probe(eng)
    l3, seg = parse_tcp(frame)
    assert (l3.src, l3.dst, l3.tc, l3.hlim, seg.seq) == ("2001:db8::1", "2001:db8::2", 0x20, 55, 999)
    eng.rx(tcp("A", seq=4999, l3=IPv6(src="2001:db8::2", dst="2001:db8::1")))
    assert len(eng.take_sent()) == 1


@pytest.mark.parametrize(
    ("late_us", "bucket"), [(0, "250us"), (250, "250us"), (251, "500us"), (3000, "5ms"), (50_000, "50ms"), (50_001, "more")]
)
def test_how_late_a_probe_leaves_is_counted_once(eng: Engine, late_us: int, bucket: str) -> None:
    eng.slot_add(ka_idle_ms=1000)
    eng.sleep()
    eng.now_us += S + late_us
    eng.poll()
    histogram = {name: value for name, value in eng.counters.items() if name.startswith("timer_late_") and "max" not in name}
    assert {name for name, value in histogram.items() if value} == {f"timer_late_{bucket}"}
    assert sum(histogram.values()) == eng.counters["ka_tx"] == 1
    assert eng.counters["timer_late_max_us"] == late_us


@pytest.mark.edge(50)
@pytest.mark.parametrize("address", [{}, {"local": "2001:db8::1", "remote": "2001:db8::2"}])
def test_probes_are_never_marked_for_congestion(eng: Engine, address: dict[str, str]) -> None:
    """RFC 3168 6.1.4: an empty ACK is sent as not ECN capable, whatever two bits came with the host's TOS."""
    asleep(eng, tos=0x2B, **address)
    l3, _ = parse_tcp(first_probe(eng))
    assert (l3.tc if address else l3.tos) == 0x28


@pytest.mark.parametrize("df", [False, True])
def test_df_is_the_sockets(eng: Engine, df: bool) -> None:
    assert eng.slot_add(df=df)[0] == OK
    eng.sleep()
    eng.run_until(eng.now_us + 60_000_000)
    (frame,) = eng.take_sent()
    assert ("DF" in str(parse_tcp(frame)[0].flags)) is df
