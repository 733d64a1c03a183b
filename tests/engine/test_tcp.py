"""What a slot makes of segments: RFC 9293, 5961, 7323; EDGE-023 to EDGE-059."""

from __future__ import annotations

import pytest
from scapy.layers.inet import IP, fragment
from scapy.layers.inet6 import IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, PadN
from scapy.layers.l2 import Ether
from scapy.packet import Raw

from tests.engine.engine_lib import (
    AWAKE,
    BROKEN,
    D3,
    HOST_IP,
    KA_TIMEOUT,
    OK,
    PEER_IP,
    SLOT_WOKEN,
    TCP_DATA,
    TCP_FIN,
    UNPARSEABLE,
    Engine,
)
from tests.engine.packets import ether, parse_tcp, tcp

S = 1_000_000
DAY = 86_400 * S


def asleep(eng: Engine, **slot: object) -> tuple[int, int]:
    rc, index, gen = eng.slot_add(**slot)
    assert rc == OK
    eng.sleep()
    return index, gen


def outcome(eng: Engine, frame: bytes) -> tuple[int, int]:
    """(wake reason or 0, frames sent) for one frame to a sleeping engine."""
    eng.take_sent()
    eng.rx(frame)
    event = eng.event()
    return (event.reason if event else 0), len(eng.take_sent())


@pytest.mark.edge(32, 33)
@pytest.mark.parametrize(
    ("flags", "seq", "ack", "payload", "limit"),
    [("R", 5001, 0, b"", 10), ("S", 1, 0, b"", 10), ("A", 5000 + 8192, 1000, b"x", 10), ("A", 5000, 1001, b"", 10),
     ("A", 4999, 1000, b"", 50), ("A", 4990, 1000, b"old", 50)],
    ids=["reset", "SYN", "beyond the window", "bad ACK", "keep-alive", "old data"],
)  # fmt: skip
def test_every_answer_has_its_limit_and_every_slot_its_own(
    eng: Engine, flags: str, seq: int, ack: int, payload: bytes, limit: int
) -> None:
    """EDGE-032: a limit for all slots together would tell a stranger that another connection is being answered."""
    assert eng.slot_add()[0] == eng.slot_add(local_port=40001)[0] == OK
    eng.sleep()
    frame, other = (tcp(flags, seq, ack, payload, dport=port) for port in (40000, 40001))
    for _ in range(1000):
        eng.rx(frame)
    assert len(eng.take_sent()) == limit
    assert outcome(eng, other) == (0, 1)
    eng.now_us += S - 1
    assert outcome(eng, frame) == (0, 0)
    eng.now_us += 1
    assert outcome(eng, frame) == (0, 1)
    assert eng.counters["ack_rate_limited"] == 1000 - limit + 1


@pytest.mark.edge(34)
@pytest.mark.parametrize(
    ("age_us", "tsval", "expected"),
    [
        (0, 99, (0, 1)),
        (0, 100, (TCP_DATA, 0)),
        (0, (100 + 2**31 + 1) % 2**32, (0, 1)),
        (0, (100 + 2**31) % 2**32, (TCP_DATA, 0)),
        (0, (100 + 2**31 - 1) % 2**32, (TCP_DATA, 0)),
        (24 * DAY, 99, (0, 1)),
        (24 * DAY + 1, 99, (TCP_DATA, 0)),
    ],
)
def test_paws(eng: Engine, age_us: int, tsval: int, expected: tuple[int, int]) -> None:
    """EDGE-034: one older, the boundary at 2^31, and a clock that is out of date itself.

    RFC 7323 5.2 calls s older than t if 0 < t - s < 2^31: exactly half way round is not older.
    """
    asleep(eng, ts_on=True, ts_recent=100)
    eng.now_us += age_us
    assert outcome(eng, tcp("A", payload=b"x", ts=(tsval, 0))) == expected


@pytest.mark.edge(34)
@pytest.mark.parametrize(("age_ms", "silent_us"), [(24 * 86_400_000 - 1, 0), (0, 23 * DAY)])
def test_a_new_timestamp_is_young(eng: Engine, age_ms: int, silent_us: int) -> None:
    """EDGE-034: the 24 days count from the last one taken, here or by the host."""
    asleep(eng, ts_on=True, ts_recent=100, ts_recent_age_ms=age_ms, ka_idle_ms=86_400_000)
    eng.now_us += silent_us
    eng.rx(tcp("A", ts=(200, 0)))
    eng.now_us += 2 * DAY
    assert outcome(eng, tcp("A", payload=b"x", ts=(199, 0))) == (0, 1)


@pytest.mark.edge(34)
@pytest.mark.parametrize(("age_ms", "expected"), [(24 * 86_400_000, (0, 1)), (24 * 86_400_000 + 1, (TCP_DATA, 0))])
def test_what_the_host_had_waited_already_counts(eng: Engine, age_ms: int, expected: tuple[int, int]) -> None:
    """EDGE-034"""
    asleep(eng, ts_on=True, ts_recent=100, ts_recent_age_ms=age_ms)
    assert outcome(eng, tcp("A", payload=b"x", ts=(99, 0))) == expected


@pytest.mark.edge(7)
def test_an_answer_stands_behind_what_was_sent_last(eng: Engine) -> None:
    """RFC 9293 3.10.7.4: SEQ=SND.NXT, also while the host's last bytes are not acknowledged; a probe stays below SND.UNA."""
    asleep(eng, snd_una=900, snd_nxt=1000)
    eng.rx(tcp("A", seq=4999, ack=900))
    eng.run_until(eng.now_us + 60 * S)
    assert [parse_tcp(frame)[1].seq for frame in eng.take_sent()] == [1000, 899]


@pytest.mark.edge(7, 42)
def test_a_fin_of_before_is_no_keep_alive(eng: Engine) -> None:
    """One below RCV.NXT like a keep-alive; the peer repeats it until it is acknowledged, also by a slot that answers none."""
    asleep(eng, flags=0)
    assert outcome(eng, tcp("A", seq=4999)) == (0, 0)
    assert outcome(eng, tcp("FA", seq=4999)) == (0, 1)
    assert (eng.counters["dup_data_acked"], eng.counters["peer_ka_answered"]) == (1, 0)


@pytest.mark.edge(8, 9)
def test_more_than_a_byte_below_a_closed_window_is_no_keep_alive(eng: Engine) -> None:
    asleep(eng, rcv_wnd=0)
    assert outcome(eng, tcp("A", seq=4999, payload=b"12")) == (0, 1)
    assert (eng.counters["tcp_out_of_window"], eng.counters["peer_ka_answered"]) == (1, 0)


@pytest.mark.edge(43)
def test_retransmissions_of_the_waking_segment_are_one_wake_and_one_frame(eng: Engine) -> None:
    """EDGE-043"""
    slot = asleep(eng)
    for _ in range(5):
        eng.rx(tcp("PA", payload=b"push", pad=True))
    assert (eng.status.wakes, len(eng.frames()), eng.take_sent()) == (1, 1, [])
    assert eng.slot_get(*slot).state == SLOT_WOKEN
    eng.rx(tcp("PA", seq=5004, payload=b"more"))
    eng.rx(tcp("PA", seq=5000, payload=b"pushmore!"))
    assert [f.index for f in eng.frames()] == [1, 2, 3]
    assert eng.host_awake() == OK
    eng.rx(tcp("PA", payload=b"push"))
    assert (len(eng.frames()), eng.status.power, eng.counters["wake_dup_collapsed"]) == (3, AWAKE, 5)


@pytest.mark.edge(43)
@pytest.mark.parametrize("seq", [5000, 2**32 - 2])
def test_only_what_says_nothing_new_is_a_repetition(eng: Engine, seq: int) -> None:
    """EDGE-043, also where sequence numbers wrap: a FIN, a reset or a byte more is news, a part of what is kept is not."""
    asleep(eng, rcv_nxt=seq)
    eng.rx(tcp("PA", seq, payload=b"push"))
    for flags, start, payload, kept in [
        ("A", (seq + 1) % 2**32, b"us", 1), ("A", (seq + 3) % 2**32, b"h", 1), ("A", (seq + 3) % 2**32, b"hh", 2),
        ("FA", seq, b"push", 3), ("FA", seq, b"push", 3), ("RA", seq, b"push", 4), ("A", seq, b"", 5), ("A", seq, b"", 6),
    ]:  # fmt: skip
        eng.rx(tcp(flags, start, payload=payload))
        assert len(eng.frames()) == kept, (flags, start, payload)


def test_waking_host_still_speaks_by_the_device(eng: Engine) -> None:
    """Peer keep-alives are answered until the host says that it is awake, in the woken slot too."""
    asleep(eng)
    eng.rx(tcp("PA", payload=b"push"))
    eng.rx(tcp("A", seq=4999))
    assert len(eng.take_sent()) == 1
    assert eng.host_awake() == OK
    eng.rx(tcp("A", seq=4999))
    assert (eng.take_sent(), len(eng.frames())) == ([], 2)


@pytest.mark.edge(56)
def test_every_flipped_bit_of_a_waking_frame_keeps_it_asleep(eng: Engine) -> None:
    """EDGE-056: no single-bit error wakes. Bits of the source MAC and the priority are under no checksum."""
    asleep(eng)
    good = tcp("PA", payload=b"wake up")
    for bit in range(len(good) * 8):
        if 48 <= bit < 96:
            continue
        frame = bytearray(good)
        frame[bit // 8] ^= 0x80 >> bit % 8
        assert outcome(eng, bytes(frame)) == (0, 0), bit
    assert min(eng.counters["rx_bad_l4_csum"], eng.counters["rx_bad_ip_csum"]) > 100
    assert outcome(eng, good) == (TCP_DATA, 0)


@pytest.mark.edge(51, 52)
def test_ip_options_and_ipv6_headers_before_tcp(eng: Engine) -> None:
    """EDGE-051, EDGE-052"""
    assert eng.slot_add()[0] == OK
    assert eng.slot_add(local="2001:db8::1", remote="2001:db8::2")[0] == OK
    eng.sleep()
    l3 = IPv6(src="2001:db8::2", dst="2001:db8::1")
    for n in range(9):
        chain = l3
        for _ in range(n):
            chain = chain / IPv6ExtHdrDestOpt(options=[PadN(optdata=b"\0\0")])
        eng.rx(tcp("A", seq=4999, l3=chain))
        assert len(eng.take_sent()) == 1, n
    atomic = l3 / IPv6ExtHdrFragment(offset=0, m=0, id=1)
    eng.rx(tcp("A", seq=4999, l3=atomic))
    assert len(eng.take_sent()) == 1
    eng.rx(tcp("A", payload=b"x", l3=IP(src=PEER_IP, dst=HOST_IP, options=b"\x94\x04\x00\x00")))
    event = eng.wake_event()
    assert event.reason == TCP_DATA


@pytest.mark.edge(52)
def test_too_long_a_chain_wakes_inside_a_slot_only(eng: Engine) -> None:
    """EDGE-052"""
    assert eng.slot_add(local="2001:db8::1", remote="2001:db8::2")[0] == OK
    eng.sleep()
    for remote, expected in (("2001:db8::3", 0), ("2001:db8::2", UNPARSEABLE)):
        chain = IPv6(src=remote, dst="2001:db8::1")
        for _ in range(9):
            chain = chain / IPv6ExtHdrDestOpt(options=[PadN(optdata=b"\0\0")])
        assert outcome(eng, tcp("A", l3=chain))[0] == expected


@pytest.mark.edge(53)
def test_fragments(eng: Engine) -> None:
    """EDGE-053: the first shows its ports, the others do not, and are never read as ports."""
    asleep(eng)
    whole = Ether(tcp("A", payload=bytes(64), dport=40001))
    first, *rest = fragment(whole[IP], fragsize=32)  # type: ignore[no-untyped-call]
    assert outcome(eng, bytes(ether() / first)) == (0, 0)
    assert outcome(eng, bytes(ether() / IP(src="192.0.2.9", dst=HOST_IP, proto=6, frag=4) / Raw(b"x" * 32)))[0] == 0
    assert eng.counters["rx_frag"] == 2
    assert outcome(eng, bytes(ether() / rest[0])) == (UNPARSEABLE, 0)


def test_without_the_flags_nothing_wakes(eng: Engine) -> None:
    slot = asleep(eng, flags=0)
    for frame in (tcp("A", payload=b"x"), tcp("FA"), tcp("A", seq=4999), tcp("R")):
        assert outcome(eng, frame) == (0, 0)
    assert (eng.slot_get(*slot).state, eng.status.power) == (BROKEN, D3)


def test_ack_advances_snd_una_and_old_windows_do_not_return(eng: Engine) -> None:
    slot = asleep(eng, snd_una=900, snd_nxt=1000, snd_wl1=5000)
    eng.rx(tcp("A", ack=950, window=50))
    assert (eng.slot_get(*slot).snd_una, eng.slot_get(*slot).snd_wnd) == (950, 50)
    eng.rx(tcp("A", ack=920, window=9))
    assert (eng.slot_get(*slot).snd_una, eng.slot_get(*slot).snd_wnd) == (950, 50)


@pytest.mark.edge(30)
@pytest.mark.parametrize(("ack", "expected"), [(1000 - 65535, (TCP_DATA, 0)), (1000 - 65536, (0, 1))])
def test_how_old_an_acknowledgement_may_be_is_the_largest_window_ever(eng: Engine, ack: int, expected: tuple[int, int]) -> None:
    """EDGE-030: not the one of now, which may be closed."""
    asleep(eng, snd_wnd=0)
    assert outcome(eng, tcp("A", ack=ack % 2**32, payload=b"x")) == expected


@pytest.mark.edge(30)
def test_a_window_that_grows_lets_older_acknowledgements_in(eng: Engine) -> None:
    asleep(eng, snd_wnd=10, max_snd_wnd=10, flags=1)
    older = tcp("A", ack=1000 - 20, payload=b"x")
    assert outcome(eng, older) == (0, 1)
    assert outcome(eng, tcp("A", window=20)) == (0, 0)
    assert outcome(eng, older) == (TCP_DATA, 0)


def test_what_is_acknowledged_may_lie_beyond_the_wrap(eng: Engine) -> None:
    slot = asleep(eng, snd_una=2**32 - 10, snd_nxt=10)
    for ack, una in ((2**32 - 5, 2**32 - 5), (3, 3), (2**32 - 1, 3), (10, 10)):
        assert outcome(eng, tcp("A", ack=ack)) == (0, 0)
        assert eng.slot_get(*slot).snd_una == una


def test_an_acknowledgement_older_than_snd_una_brings_no_window(eng: Engine) -> None:
    """RFC 9293 3.10.7.4: only SND.UNA =< SEG.ACK updates it, however new the sequence number is."""
    slot = asleep(eng)
    eng.rx(tcp("A", seq=5001, ack=999, window=9))
    assert eng.slot_get(*slot).snd_wnd == 65535
    eng.rx(tcp("A", seq=5001, window=9))
    assert eng.slot_get(*slot).snd_wnd == 9


@pytest.mark.edge(42)
@pytest.mark.parametrize(("flags", "reason"), [(2, TCP_FIN), (3, TCP_DATA), (0, 0), (1, TCP_DATA)])
def test_a_fin_wakes_behind_data_that_does_not(eng: Engine, flags: int, reason: int) -> None:
    """Flags of the slot: 1 wakes on data, 2 on FIN. The peer closes; nothing else will tell the host."""
    asleep(eng, flags=flags)
    assert outcome(eng, tcp("FPA", payload=b"bye")) == (reason, 0)


@pytest.mark.edge(42)
@pytest.mark.parametrize(("payload", "expected"), [(8191, (TCP_FIN, 0)), (8192, (0, 0)), (8193, (0, 0))])
def test_a_fin_beyond_the_window_is_trimmed_off(eng: Engine, payload: int, expected: tuple[int, int]) -> None:
    """RFC 9293 3.10.7.4: "including SYN and FIN". The data in front of it fills the window, and does not wake."""
    asleep(eng, flags=2)
    assert outcome(eng, tcp("FA", payload=bytes(payload))) == expected


@pytest.mark.edge(53)
@pytest.mark.parametrize("which", [0, 1])
def test_fragments_to_everybody_are_no_slots(eng: Engine, which: int) -> None:
    asleep(eng)
    pieces = fragment(Ether(tcp("A", payload=bytes(64)))[IP], fragsize=32)  # type: ignore[no-untyped-call]
    assert outcome(eng, bytes(ether(b"\xff" * 6) / pieces[which])) == (0, 0)
    assert outcome(eng, bytes(ether() / pieces[which])) == (UNPARSEABLE, 0)


@pytest.mark.edge(53)
@pytest.mark.parametrize("which", [0, 1])
def test_fragments_for_a_broken_slot_sleep_on(eng: Engine, which: int) -> None:
    """The first shows its ports, the second does not: the connection is over for both."""
    slot = asleep(eng, flags=0)
    pieces = fragment(Ether(tcp("A", payload=bytes(64)))[IP], fragsize=32)  # type: ignore[no-untyped-call]
    eng.rx(tcp("R"))
    assert eng.slot_get(*slot).state == BROKEN
    assert outcome(eng, bytes(ether() / pieces[which])) == (0, 0)
    assert eng.counters["rx_frag"] == 1


@pytest.mark.edge(38)
@pytest.mark.parametrize(("age_s", "expected"), [(2147, (0, 1)), (2148, (TCP_DATA, 0))])
def test_microsecond_timestamps_go_half_round_in_36_minutes(eng: Engine, age_s: int, expected: tuple[int, int]) -> None:
    """RFC 7323 5.5's 24 days are 2^31 ticks of a millisecond; of a microsecond, 2147 s. What then looks old is news."""
    asleep(eng, ts_on=True, ts_hz=1_000_000, ts_recent=100, ka_idle_ms=86_400_000)
    eng.now_us += age_s * S
    assert outcome(eng, tcp("A", payload=b"x", ts=(99, 0))) == expected


@pytest.mark.edge(37, 38)
@pytest.mark.parametrize("hours", [1, 2, 24])
def test_our_timestamps_go_on_after_a_long_silence(eng: Engine, hours: int) -> None:
    """A value held back would be the peer's newest, and the host's own clock behind it."""
    asleep(eng, ts_on=True, ts_hz=1_000_000, tsval=7, t0_us=eng.now_us, ka_idle_ms=hours * 3_600_000)
    eng.run_until(eng.now_us + hours * 3600 * S)
    _, seg = parse_tcp(eng.take_sent()[0])
    assert dict(seg.options)["Timestamp"][0] == (7 + hours * 3600 * S) % 2**32


@pytest.mark.edge(37)
def test_a_handoff_that_lies_ahead_is_not_counted_back_from(eng: Engine) -> None:
    """The host's estimate of our clock is ahead by some ms: TSval waits where the host stopped."""
    asleep(eng, ts_on=True, tsval=7000, t0_us=eng.now_us + 5000)
    eng.rx(tcp("A", seq=4999, ts=(1, 0)))
    assert dict(parse_tcp(eng.take_sent()[0])[1].options)["Timestamp"][0] == 7000
    eng.now_us += 7000
    eng.rx(tcp("A", seq=4999, ts=(1, 0)))
    assert dict(parse_tcp(eng.take_sent()[0])[1].options)["Timestamp"][0] == 7002


@pytest.mark.edge(42)
@pytest.mark.parametrize(
    ("flags", "seq", "payload", "expected"),
    [("FA", 5000, b"", (TCP_FIN, 0)), ("FPA", 4995, b"HELLO", (TCP_FIN, 0)), ("FA", 5000, b"x", (0, 1)),
     ("FA", 5001, b"", (0, 1)), ("FA", 4999, b"", (0, 1)), ("A", 5000, b"x", (0, 1)), ("F", 5000, b"", (0, 1))],
    ids=["bare", "behind old data", "behind a byte", "beyond", "of before", "a probe", "without ACK"],
)  # fmt: skip
def test_a_fin_needs_no_window(eng: Engine, flags: str, seq: int, payload: bytes, expected: tuple[int, int]) -> None:
    """It takes no room: kernels take a FIN at RCV.NXT in a closed window. A byte before it does not fit, so nor does the FIN."""
    asleep(eng, rcv_wnd=0)
    assert outcome(eng, tcp(flags, seq, payload=payload)) == expected
    assert eng.counters["zero_window_answered"] == (seq == 5000 and expected == (0, 1))


@pytest.mark.edge(42)
@pytest.mark.parametrize("rcv_wnd", [8192, 0])
def test_a_new_fin_behind_old_data_is_no_data(eng: Engine, rcv_wnd: int) -> None:
    """RFC 9293 3.10.7.4: what is left of RCV.NXT is trimmed off. A lost ACK and a FIN merged into the repetition."""
    asleep(eng, flags=1, rcv_wnd=rcv_wnd)
    assert outcome(eng, tcp("FPA", seq=4995, payload=b"HELLO")) == (0, 0)
    assert outcome(eng, tcp("FPA", seq=4995, payload=b"HELLO")) == (0, 0)
    assert eng.counters["wake_tcp_data"] == 0


@pytest.mark.edge(34)
@pytest.mark.parametrize("flags", ["", "P", "F"])
@pytest.mark.parametrize(("tsval", "answers"), [(99, 1), (100, 0)])
def test_an_old_timestamp_is_answered_whether_or_not_it_acknowledges(eng: Engine, flags: str, tsval: int, answers: int) -> None:
    """RFC 7323 5.3 R1 is about every segment but a RST; what passes it has no ACK and is dropped (RFC 9293 3.10.7.4, fifth)."""
    asleep(eng, ts_on=True, ts_recent=100)
    assert outcome(eng, tcp(flags, payload=b"x", ts=(tsval, 0))) == (0, answers)
    assert (eng.counters["paws_drop"], eng.counters["tcp_bad_flags"]) == (answers, 1 - answers)


@pytest.mark.edge(14)
def test_a_segment_that_acknowledges_nothing_is_no_sign_of_life(eng: Engine) -> None:
    """Its acknowledgement number says nothing, so it proves no peer (RFC 5961 5.2)."""
    slot = asleep(eng)
    for _ in range(4):
        eng.run_until(eng.now_us + 20 * S)
        assert outcome(eng, tcp("", seq=4999)) == (0, 1)
    eng.run_until(91 * S)
    assert (eng.slot_get(*slot).state, eng.wake_event().reason) == (BROKEN, KA_TIMEOUT)


@pytest.mark.edge(30)
@pytest.mark.parametrize(
    ("distance", "expected"),
    [(0, (TCP_DATA, 0)), (-1, (0, 1)), (1, (0, 1)), (2**31 - 1, (0, 1)), (2**31, (0, 1)), (2**31 + 1, (0, 1))],
)
def test_where_no_window_was_ever_open_one_acknowledgement_is_valid(
    eng: Engine, distance: int, expected: tuple[int, int]
) -> None:
    """RFC 5961 5.2 with MAX.SND.WND 0: as far away as numbers can be is neither before nor after."""
    asleep(eng, snd_wnd=0, max_snd_wnd=0)
    assert outcome(eng, tcp("A", ack=1000 + distance, payload=b"x")) == expected
