"""Payload keep-alives of a slot: what is sent and when, what of the peer's answer is taken, what wakes; edge case 22."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.inet6 import IPv6

from rig.device.payload import TOKENS_BYTES, Counter, PayloadKeepAlive, Span
from tests.engine.engine_lib import (
    ACTIVE,
    BAD_ARG,
    BAD_LEN,
    BROKEN,
    D3,
    KA_TIMEOUT,
    NO_MORE_TOKENS,
    OK,
    PROBING,
    SLOT_WOKEN,
    TCP_DATA,
    TCP_FIN,
    TCP_RST,
    WOKEN,
    Engine,
    payload_cfg,
)
from tests.engine.engine_lib import Span as CSpan
from tests.engine.packets import parse_tcp, tcp

pytestmark = pytest.mark.edge(22)

S = 1_000_000
"""µs in a second."""
IDLE, INTERVAL, COUNT = 60, 10, 3
"""Of slot_cfg: seconds between payloads, seconds until the first repetition, and how many transmissions or answers may fail."""
MASKS = bytes(range(0xA0, 0xA0 + 4 * 8))
"""Eight of them."""
PING = PayloadKeepAlive.websocket_ping(MASKS, start=0x01020304)
PLAIN = PayloadKeepAlive(data=b"ping")
"""No answer is expected."""
MQTT = PayloadKeepAlive.mqtt_ping()
KEEP = 32

Handle = tuple[int, int]


def asleep(eng: Engine, payload: PayloadKeepAlive = PING, **slot: Any) -> Handle:
    rc, index, gen = eng.slot_add(payload=payload, **slot)
    assert rc == OK
    eng.sleep()
    return index, gen


def sent(eng: Engine) -> list[tuple[int, str, int, int, bytes]]:
    """(second since the start, flags, seq, ack, payload) of what went out, now forgotten."""
    out = []
    for t_us, frame in eng.sent:
        l3, seg = parse_tcp(frame)
        data = bytes(seg.payload)[: l3.len - 4 * l3.ihl - 4 * seg.dataofs] if l3.version == 4 else bytes(seg.payload)
        out.append((t_us // S - 1, str(seg.flags), seg.seq, seg.ack, data))
    eng.sent.clear()
    return out


def run_s(eng: Engine, second: int) -> None:
    """Up to and with that second since the start."""
    eng.run_until((1 + second) * S)


def pong(number: int, payload: PayloadKeepAlive = PING) -> bytes:
    assert payload.counter is not None
    return b"\x8a\x04" + payload.counter.bytes_of(number)


def answer(eng: Engine, number: int = 0, **changes: Any) -> None:
    """The peer's pong to the `number`-th ping, all before it having been answered."""
    fields: dict[str, Any] = {"flags": "PA", "seq": 5000 + 6 * number, "ack": 1000 + 10 * (number + 1), "payload": pong(number)}
    eng.rx(tcp(**{**fields, **changes}))


def unmasked(frame: bytes) -> bytes:
    """The application data of a WebSocket client's frame, by RFC 6455 section 5.2, not by our own code."""
    assert frame[0] == 0x89
    assert frame[1] & 0x80
    assert frame[1] & 0x7F == len(frame) - 6
    return bytes(byte ^ frame[2 + at % 4] for at, byte in enumerate(frame[6:]))


def test_a_ping_is_a_segment_of_new_data(eng: Engine) -> None:
    slot = asleep(eng)
    run_s(eng, IDLE - 1)
    assert (eng.sent, eng.slot_get(*slot).payload_age_ms) == ([], FAR)
    run_s(eng, IDLE)
    ((second, flags, seq, ack, data),) = sent(eng)
    assert (second, flags, seq, ack) == (IDLE, "PA", 1000, 5000)
    assert (data[2:6], unmasked(data)) == (MASKS[:4], bytes.fromhex("04030201"))
    state = eng.slot_get(*slot)
    assert (state.snd_una, state.snd_nxt, state.rcv_nxt, state.state) == (1000, 1010, 5000, PROBING)
    assert (state.payloads_sent, state.payloads_answered, state.payload_counter, state.tokens_used) == (1, 0, 0x01020305, 1)


def test_the_answer_is_taken_acknowledged_and_does_not_wake(eng: Engine) -> None:
    slot = asleep(eng)
    run_s(eng, IDLE)
    sent(eng)
    answer(eng)
    assert sent(eng) == [(IDLE, "A", 1010, 5006, b"")]
    state = eng.slot_get(*slot)
    assert (state.snd_una, state.snd_nxt, state.rcv_nxt, state.payloads_answered, state.state) == (1010, 1010, 5006, 1, ACTIVE)
    assert (eng.event(), eng.status.power, eng.status.buffered, eng.counters["ka_reply_rx"]) == (None, D3, 0, 1)


def test_the_acknowledgement_may_come_before_the_answer(eng: Engine) -> None:
    slot = asleep(eng)
    run_s(eng, IDLE)
    eng.rx(tcp("A", ack=1010))
    assert eng.slot_get(*slot).state == ACTIVE
    answer(eng)
    assert (eng.event(), eng.slot_get(*slot).payloads_answered) == (None, 1)


def test_an_acknowledgement_of_what_came_before_is_none_of_the_ping(eng: Engine) -> None:
    slot = asleep(eng)
    run_s(eng, IDLE)
    eng.rx(tcp("A", ack=1000))
    assert (eng.slot_get(*slot).ka_acked, eng.slot_get(*slot).state) == (0, PROBING)
    eng.rx(tcp("A", ack=1010))
    assert (eng.slot_get(*slot).ka_acked, eng.slot_get(*slot).state) == (1, ACTIVE)


def test_the_window_goes_on_with_what_is_taken(eng: Engine) -> None:
    """The answer was read at once: the right edge of the window is as far from RCV.NXT as before."""
    asleep(eng, rcv_wnd=100)
    for number in range(8):
        run_s(eng, IDLE * (number + 1))
        answer(eng, number)
        assert {parse_tcp(frame)[1].window for frame in eng.take_sent()} == {100}
    assert eng.event() is None


def test_one_every_interval_whatever_is_heard(eng: Engine) -> None:
    """The peer's application counts the time since our last payload, so its TCP's own keep-alives do not put ours off."""
    asleep(eng)
    seconds: list[int] = []
    for second in range(0, 4 * IDLE, 7):
        run_s(eng, second)
        eng.rx(tcp("A", seq=5000 + 6 * len(seconds) - 1, ack=1000 + 10 * len(seconds)))
        for at, _, _, _, data in sent(eng):
            if data:
                answer(eng, len(seconds))
                seconds.append(at)
    assert seconds == [IDLE, 2 * IDLE, 3 * IDLE]


def test_time_spent_before_the_handoff_counts_once(eng: Engine) -> None:
    asleep(eng, MQTT, idle_elapsed_ms=45_000)
    run_s(eng, 15)
    assert [row[0] for row in sent(eng)] == [15]
    eng.rx(tcp("PA", ack=1002, payload=b"\xd0\x00"))
    run_s(eng, 15 + IDLE)
    assert [row[0] for row in sent(eng) if row[4]] == [15 + IDLE]


@pytest.mark.parametrize("length", [1, 2, 3, 4])
def test_the_counter_wraps_at_its_length(eng: Engine, length: int) -> None:
    last = 256**length - 1
    payload = PayloadKeepAlive(
        data=b"\xee" * (length + 2), counter=Counter(last - 1, 1, length), reply=b"\xdd" * (length + 1), reply_counter=0
    )
    slot = asleep(eng, payload)
    seen = []
    for number, value in enumerate([last - 1, last, 0, 1]):
        run_s(eng, IDLE * (number + 1))
        state = eng.slot_get(*slot)
        data = next(row[4] for row in sent(eng) if row[4])
        seen.append(data)
        assert state.payload_counter == (value + 1) % 256**length
        eng.rx(tcp("PA", seq=state.rcv_nxt, ack=state.snd_nxt, payload=value.to_bytes(length, "little") + b"\xdd"))
        assert eng.slot_get(*slot).payloads_answered == number + 1
    assert seen == [b"\xee" + v.to_bytes(length, "little") + b"\xee" for v in (last - 1, last, 0, 1)]


@st.composite
def payloads(draw: st.DrawFn) -> PayloadKeepAlive:
    """Any keep-alive whose fields lie as its maker's rules allow."""
    size = draw(st.integers(1, 32))
    cuts = sorted(draw(st.lists(st.integers(0, size), min_size=4, max_size=4)))
    counter = Counter(draw(st.integers(0, 2**32 - 1)), cuts[0], min(4, cuts[1] - cuts[0])) if cuts[1] > cuts[0] else None
    masked = draw(st.booleans()) and cuts[2] + 4 <= size
    token = Span(cuts[2], 4) if masked else Span(cuts[2], cuts[3] - cuts[2]) if cuts[3] > cuts[2] else None
    mask = Span(0, cuts[2]) if masked and cuts[2] else None
    tokens = draw(st.binary(min_size=3 * token.len, max_size=3 * token.len)) if token else b""
    data = draw(st.binary(min_size=size, max_size=size))
    return PayloadKeepAlive(data=data, counter=counter, token=token, tokens=tokens, mask=mask)


@settings(deadline=None)  # how long it takes is the machine's affair
@given(payload=payloads())
def test_the_bytes_are_those_that_the_host_computes(payload: PayloadKeepAlive) -> None:
    """The host puts them into its own stack when it is back, so both must agree on every one."""
    eng = Engine(now_us=S)
    asleep(eng, payload)
    for number in range(3):
        run_s(eng, IDLE * (number + 1))
        eng.rx(tcp("A", ack=1000 + len(payload.data) * (number + 1)))
    assert [row[4] for row in sent(eng)] == [payload.payload(number) for number in range(3)]
    assert payload.after(2).payload(0) == payload.payload(2)


FAR = 2**32 - 1
BEYOND = [(FAR, 1), (1, FAR), (FAR, FAR), (2**31, 2**31), (FAR - 3, 4), (32, 1), (31, 2), (0, 33)]
"""Spans outside 32 bytes; of some, offset and length sum up to less in 32 bits."""


@pytest.mark.parametrize("name", ["counter", "token", "mask"])
@pytest.mark.parametrize(("offset", "length"), BEYOND)
def test_a_field_beyond_the_payload_is_refused(eng: Engine, name: str, offset: int, length: int) -> None:
    template = PayloadKeepAlive(data=bytes(32), token=Span(0, 4), tokens=bytes(4))
    payload = payload_cfg(template, **{name: CSpan(offset, length)})
    assert eng.slot_add(payload=payload)[0] == BAD_LEN
    assert eng.slots() == []


@pytest.mark.parametrize(("offset", "rc"), [(27, OK), (28, OK), (29, BAD_LEN), (32, BAD_LEN), (FAR, BAD_LEN), (FAR - 3, BAD_LEN)])
def test_a_counter_beyond_the_answer_is_refused(eng: Engine, offset: int, rc: int) -> None:
    template = PayloadKeepAlive(data=bytes(4), counter=Counter(0, 0, 4), reply=bytes(32), reply_counter=0)
    assert eng.slot_add(payload=payload_cfg(template, reply_counter=offset))[0] == rc


@pytest.mark.parametrize(
    ("changes", "rc"),
    [
        ({"data_len": 0}, BAD_LEN), ({"data_len": 33}, BAD_LEN), ({"reply_len": 33}, BAD_LEN),
        ({"counter": CSpan(5, 5)}, BAD_LEN), ({"tokens_len": 31}, BAD_LEN), ({"tokens_len": TOKENS_BYTES + 4}, BAD_LEN),
        ({"token": CSpan(0, 0), "mask": CSpan(0, 0)}, BAD_LEN),
        ({"token": CSpan(2, 2)}, BAD_ARG), ({"token": CSpan(4, 4), "mask": CSpan(0, 0)}, BAD_ARG),
        ({"mask": CSpan(5, 1)}, BAD_ARG),
        ({"counter": CSpan(0, 0)}, BAD_ARG), ({"tokens_len": 0}, OK), ({}, OK),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(eng: Engine, changes: dict[str, Any], rc: int) -> None:
    assert eng.slot_add(payload=payload_cfg(PING, **changes))[0] == rc


def test_no_payload_behind_unacknowledged_bytes_of_the_host(eng: Engine) -> None:
    """The device could not repeat them."""
    assert eng.slot_add(payload=PING, snd_una=999)[0] == BAD_ARG
    assert eng.slot_add(payload=PING)[0] == OK


def test_lost_payloads_are_sent_again_the_same_and_later_each_time(eng: Engine) -> None:
    slot = asleep(eng)
    run_s(eng, 1000)
    rows = sent(eng)
    assert [row[0] for row in rows] == [IDLE, IDLE + INTERVAL, IDLE + 3 * INTERVAL]
    assert {row[1:] for row in rows} == {("PA", 1000, 5000, PING.payload(0))}
    event, state = eng.wake_event(), eng.slot_get(*slot)
    assert (event.reason, event.t_wake_us // S - 1) == (KA_TIMEOUT, IDLE + 7 * INTERVAL)
    assert (state.state, state.close_reason, state.payloads_sent, state.tokens_used) == (BROKEN, KA_TIMEOUT, 1, 1)
    assert (state.ka_sent, state.ka_lost, state.snd_una, state.snd_nxt) == (COUNT, COUNT, 1000, 1010)


@pytest.mark.parametrize(("intvl_ms", "longest_s"), [(10, 2.56), (86_400_000, 86_400)])
def test_repetitions_come_no_later_than_256_intervals_or_a_day(eng: Engine, intvl_ms: int, longest_s: float) -> None:
    asleep(eng, ka_cnt=80, ka_intvl_ms=intvl_ms)
    eng.run_until(eng.now_us + 100 * 86_400 * S)
    times = [t_us for t_us, _ in eng.sent]
    waits = [later - sooner for sooner, later in pairwise(times)]
    assert len(times) == 80
    assert waits[0] == intvl_ms * 1000
    assert max(waits) == waits[-1] == longest_s * S
    assert waits == sorted(waits)


def test_an_acknowledged_repetition_goes_on_as_if_nothing_had_been(eng: Engine) -> None:
    slot = asleep(eng)
    run_s(eng, IDLE + INTERVAL)
    eng.rx(tcp("A", ack=1000))  # the peer lives, and has not got it
    assert (eng.slot_get(*slot).state, eng.slot_get(*slot).ka_acked) == (PROBING, 0)
    run_s(eng, IDLE + 4 * INTERVAL)
    answer(eng)
    run_s(eng, 2 * IDLE)
    rows = [row for row in sent(eng) if row[4]]
    assert [(row[0], row[2]) for row in rows] == [(60, 1000), (70, 1000), (90, 1000), (120, 1010)]
    state = eng.slot_get(*slot)
    assert (eng.event(), state.payloads_sent, state.ka_sent, state.ka_lost) == (None, 2, 4, 2)


def test_one_that_became_due_meanwhile_does_not_cross_the_answer_to_the_last(eng: Engine) -> None:
    """The peer's stack acknowledges before its application answers: the host is not woken by that answer."""
    slot = asleep(eng, ka_cnt=9)
    run_s(eng, 3 * IDLE)
    eng.rx(tcp("A", ack=1010))
    run_s(eng, 4 * IDLE - 1)
    assert eng.slot_get(*slot).payloads_sent == 1
    answer(eng)
    run_s(eng, 4 * IDLE)
    assert (eng.event(), eng.slot_get(*slot).payloads_sent, eng.slot_get(*slot).payloads_answered) == (None, 2, 1)


def test_a_window_that_opens_late_is_written_into_at_once(eng: Engine) -> None:
    """Nothing is out whose answer the payload could cross."""
    asleep(eng, snd_wnd=0, ka_cnt=9)
    run_s(eng, IDLE + 3 * INTERVAL)
    assert [row[0] for row in sent(eng)] == [60, 70, 90]
    run_s(eng, IDLE + 5 * INTERVAL)
    eng.rx(tcp("A", window=10))
    run_s(eng, IDLE + 6 * INTERVAL)
    assert [(row[0], row[4]) for row in sent(eng)] == [(110, PING.payload(0))]


def test_a_last_try_that_met_a_dead_link_is_one_that_waited(eng: Engine) -> None:
    """The acknowledgement comes when the link is back, and begins no other payload before its time."""
    slot = asleep(eng, ka_cnt=1)
    run_s(eng, IDLE)
    eng.link(up=False)
    run_s(eng, IDLE + INTERVAL)
    eng.rx(tcp("A", ack=1010))
    eng.link(up=True)
    run_s(eng, 2 * IDLE - 1)
    assert eng.slot_get(*slot).payloads_sent == 1
    answer(eng)
    run_s(eng, 2 * IDLE)
    assert (eng.event(), eng.slot_get(*slot).payloads_sent) == (None, 2)


def test_an_interval_that_began_anew_outlives_a_pause(eng: Engine) -> None:
    slot = asleep(eng, ka_cnt=9)
    run_s(eng, 3 * IDLE)
    eng.rx(tcp("A", ack=1010))
    eng.slot_pause(*slot)
    eng.slot_resume(*slot)
    run_s(eng, 4 * IDLE - 1)
    assert eng.slot_get(*slot).payloads_sent == 1


def test_an_acknowledged_part_is_not_all_of_it(eng: Engine) -> None:
    slot = asleep(eng)
    run_s(eng, IDLE)
    eng.rx(tcp("A", ack=1009))
    assert eng.slot_get(*slot).snd_una == 1009
    run_s(eng, IDLE + INTERVAL)
    assert [(row[2], row[4]) for row in sent(eng)] == 2 * [(1000, PING.payload(0))]
    eng.rx(tcp("A", ack=1010))
    assert eng.slot_get(*slot).state == ACTIVE


def test_no_new_payload_before_the_last_is_acknowledged(eng: Engine) -> None:
    """The interval is shorter than the time of the repetitions."""
    asleep(eng, ka_idle_ms=5_000, ka_cnt=9)
    run_s(eng, 60)
    rows = sent(eng)
    assert [row[0] for row in rows] == [5, 15, 35]
    assert {row[4] for row in rows} == {PING.payload(0)}


def test_a_payload_the_wire_did_not_take_has_used_no_token(eng: Engine) -> None:
    slot = asleep(eng)
    eng.wire_up = False
    run_s(eng, 300)
    state = eng.slot_get(*slot)
    assert (eng.event(), state.payloads_sent, state.tokens_used, state.snd_nxt, state.ka_lost) == (None, 0, 0, 1000, 0)
    eng.wire_up = True
    run_s(eng, 301)
    assert [row[4] for row in sent(eng)] == [PING.payload(0)]


def test_no_tokens_left_wakes(eng: Engine) -> None:
    slot = asleep(eng, replace(PING, tokens=MASKS[:8]))
    for number in range(2):
        run_s(eng, IDLE * (number + 1))
        answer(eng, number)
    assert (eng.event(), len([row for row in sent(eng) if row[4]])) == (None, 2)
    run_s(eng, 1000)
    event, state = eng.wake_event(), eng.slot_get(*slot)
    assert (event.reason, event.slot, event.t_wake_us // S - 1) == (NO_MORE_TOKENS, slot[0], 3 * IDLE)
    assert (state.state, state.close_reason, state.tokens_used, state.snd_nxt) == (SLOT_WOKEN, 0, 2, 1020)
    assert (sent(eng), eng.event(event.n), eng.counters["wake_no_more_tokens"]) == ([], None, 1)


def test_records_that_were_sealed_ahead_go_out_whole_and_in_order_as_many_as_fit(eng: Engine) -> None:
    """The whole payload is the token. Each is a segment of new data; one that is not acknowledged is sent again as it was."""
    records = [bytes([number]) * 32 for number in range(TOKENS_BYTES // 32)]
    asleep(eng, PayloadKeepAlive.sealed_records(records))
    for number in range(len(records)):
        run_s(eng, IDLE * (number + 1))
        if number == 1:
            run_s(eng, IDLE * 2 + INTERVAL)
        eng.rx(tcp("A", ack=1000 + 32 * (number + 1)))
    expected = [(1000 + 32 * number, record) for number, record in enumerate(records)]
    assert [(row[2], row[4]) for row in sent(eng)] == [*expected[:2], expected[1], *expected[2:]]
    assert eng.event() is None
    run_s(eng, IDLE * (len(records) + 1))
    assert (eng.wake_event().reason, sent(eng)) == (NO_MORE_TOKENS, [])


def test_no_tokens_left_and_not_armed_keeps_the_connection_alive_without_them(eng: Engine) -> None:
    rc, *slot = eng.slot_add(payload=replace(PING, tokens=b""))
    assert rc == OK
    eng.sleep(arm=0)
    run_s(eng, IDLE)
    assert [(row[1], row[2], row[4]) for row in sent(eng)] == [("A", 999, b"")]
    eng.rx(tcp("A"))
    run_s(eng, IDLE + INTERVAL)
    assert [(row[1], row[2], row[4]) for row in sent(eng)] == [("A", 999, b"")]
    assert (eng.event(), eng.slot_get(*slot).state) == (None, PROBING)


def test_more_than_the_host_can_take_back_wakes(eng: Engine) -> None:
    """16 KiB of payloads in one sleep go into the host's send buffer when it is back; no token is needed for this."""
    payload = PayloadKeepAlive(data=b"x" * 32)
    slot = asleep(eng, payload)
    for number in range(1, 513):
        run_s(eng, IDLE * number)
        eng.rx(tcp("A", ack=1000 + 32 * number))
    assert (eng.event(), eng.slot_get(*slot).payloads_sent) == (None, 512)
    run_s(eng, IDLE * 513)
    assert (eng.wake_event().reason, eng.slot_get(*slot).payloads_sent) == (NO_MORE_TOKENS, 512)


NEAR_MISSES: dict[str, dict[str, Any]] = {
    "part": {"payload": pong(0)[:-1]},
    "more": {"payload": pong(0) + b"x"},
    "two": {"payload": 2 * pong(0)},
    "wrong counter": {"payload": pong(1)},
    "old counter": {"payload": pong(-1)},
    "wrong kind": {"payload": b"\x89" + pong(0)[1:]},
    "masked": {"payload": b"\x8a\x84" + pong(0)[2:]},
    "later in the stream": {"seq": 5001},
    "partly old": {"seq": 4999},
    "not acknowledging the ping": {"ack": 1000},
    "acknowledging a part": {"ack": 1009},
    "with FIN": {"flags": "FPA"},
    "urgent": {"flags": "PAU"},
}


@pytest.mark.parametrize("changes", NEAR_MISSES.values(), ids=NEAR_MISSES)
def test_what_is_not_quite_the_answer_wakes_and_is_left_to_the_host(eng: Engine, changes: dict[str, Any]) -> None:
    slot = asleep(eng)
    run_s(eng, IDLE)
    sent(eng)
    answer(eng, **changes)
    event, state = eng.wake_event(), eng.slot_get(*slot)
    assert (event.reason, eng.status.buffered, sent(eng)) == (TCP_DATA, 1, [])
    assert (state.rcv_nxt, state.payloads_answered, eng.counters["ka_reply_rx"]) == (5000, 0, 0)


@pytest.mark.parametrize("flags", ["PA", "A", "PAE", "PAC"])
def test_flags_that_say_nothing_about_the_data_do_not_matter(eng: Engine, flags: str) -> None:
    asleep(eng)
    run_s(eng, IDLE)
    answer(eng, flags=flags, pad=True)
    assert (eng.event(), eng.counters["ka_reply_rx"]) == (None, 1)


@pytest.mark.parametrize(("got", "wakes"), [(b"OK 17", False), (b"OK 99", False), (b"NO 17", True), (b"OK-17", True)])
def test_bytes_of_the_answer_that_the_mask_leaves_out_may_differ(eng: Engine, got: bytes, wakes: bool) -> None:
    asleep(eng, PayloadKeepAlive(data=b"?", reply=b"OK 00", reply_mask=b"\x07"))
    run_s(eng, IDLE)
    eng.rx(tcp("PA", ack=1001, payload=got))
    assert (eng.event() is not None) == wakes


def test_an_answer_to_nothing_wakes(eng: Engine) -> None:
    asleep(eng)
    eng.rx(tcp("PA", payload=pong(0)))
    assert eng.wake_event().reason == TCP_DATA


def test_a_second_answer_wakes(eng: Engine) -> None:
    slot = asleep(eng, MQTT)
    run_s(eng, IDLE)
    eng.rx(tcp("PA", ack=1002, payload=b"\xd0\x00"))
    assert eng.event() is None
    eng.rx(tcp("PA", seq=5002, ack=1002, payload=b"\xd0\x00"))
    assert (eng.wake_event().reason, eng.slot_get(*slot).rcv_nxt) == (TCP_DATA, 5002)


def test_the_answer_again_is_old_data(eng: Engine) -> None:
    """Our acknowledgement was lost."""
    slot = asleep(eng)
    run_s(eng, IDLE)
    answer(eng)
    sent(eng)
    answer(eng)
    assert sent(eng) == [(IDLE, "A", 1010, 5006, b"")]
    state = eng.slot_get(*slot)
    assert (eng.event(), state.payloads_answered, state.dup_data) == (None, 1, 1)


def test_a_window_too_small_for_the_answer_leaves_it_to_the_host(eng: Engine) -> None:
    asleep(eng, rcv_wnd=5)
    run_s(eng, IDLE)
    answer(eng)
    assert eng.wake_event().reason == TCP_DATA


def test_an_application_that_answers_nothing_is_gone(eng: Engine) -> None:
    """The peer's TCP acknowledges every ping."""
    slot = asleep(eng)
    for number in range(COUNT):
        run_s(eng, IDLE * (number + 1))
        eng.rx(tcp("A", ack=1000 + 10 * (number + 1)))
    assert eng.event() is None
    run_s(eng, 1000)
    event, state = eng.wake_event(), eng.slot_get(*slot)
    assert (event.reason, event.t_wake_us // S - 1) == (KA_TIMEOUT, IDLE * (COUNT + 1))
    assert (state.payloads_sent, state.payloads_answered, state.state) == (COUNT, 0, BROKEN)


def test_a_lost_ping_is_sent_again_before_its_answer_is_missed(eng: Engine) -> None:
    """The last of COUNT pings did not even arrive."""
    asleep(eng)
    for number in range(COUNT - 1):
        run_s(eng, IDLE * (number + 1))
        eng.rx(tcp("A", ack=1000 + 10 * (number + 1)))
    run_s(eng, IDLE * COUNT + INTERVAL)
    assert [row[2] for row in sent(eng)] == [1000, 1010, 1020, 1020]
    eng.rx(tcp("PA", ack=1030, payload=pong(COUNT - 1)))
    assert (eng.event(), eng.counters["ka_reply_rx"]) == (None, 1)


def test_one_answer_is_enough_to_go_on(eng: Engine) -> None:
    asleep(eng)
    for number in range(COUNT - 1):
        run_s(eng, IDLE * (number + 1))
        eng.rx(tcp("A", ack=1000 + 10 * (number + 1)))
    run_s(eng, IDLE * COUNT)
    eng.rx(tcp("PA", ack=1000 + 10 * COUNT, payload=pong(COUNT - 1)))
    for number in range(COUNT, 2 * COUNT - 1):
        run_s(eng, IDLE * (number + 1))
        eng.rx(tcp("A", seq=5006, ack=1000 + 10 * (number + 1)))
    run_s(eng, IDLE * 2 * COUNT)
    assert eng.event() is None


def test_without_an_expected_answer_none_is_missed(eng: Engine) -> None:
    slot = asleep(eng, PLAIN)
    for number in range(3 * COUNT):
        run_s(eng, IDLE * (number + 1))
        eng.rx(tcp("A", ack=1000 + 4 * (number + 1)))
    assert (eng.event(), eng.slot_get(*slot).payloads_sent) == (None, 3 * COUNT)
    eng.rx(tcp("PA", ack=1000 + 12 * COUNT, payload=b"pong"))
    assert eng.wake_event().reason == TCP_DATA


@pytest.mark.parametrize("window", [0, 9])
def test_a_closed_window_is_asked_after_not_written_into(eng: Engine, window: int) -> None:
    slot = asleep(eng, snd_wnd=window)
    run_s(eng, IDLE)
    assert [(row[1], row[2], row[4]) for row in sent(eng)] == [("A", 999, b"")]
    eng.rx(tcp("A", window=window))
    assert (eng.slot_get(*slot).state, sent(eng)) == (ACTIVE, [])
    run_s(eng, IDLE + INTERVAL)
    assert len(sent(eng)) == 1
    eng.rx(tcp("A", window=10))
    run_s(eng, IDLE + 2 * INTERVAL)
    assert [(row[2], row[4]) for row in sent(eng)] == [(1000, PING.payload(0))]
    assert eng.slot_get(*slot).tokens_used == 1


@pytest.mark.parametrize(("flags", "reason"), [("FA", TCP_FIN), ("RA", TCP_RST)])
def test_fin_and_rst_wake_as_ever(eng: Engine, flags: str, reason: int) -> None:
    slot = asleep(eng)
    run_s(eng, IDLE)
    eng.rx(tcp(flags, ack=1010))
    assert (eng.wake_event().reason, eng.slot_get(*slot).payloads_answered) == (reason, 0)


def test_data_that_does_not_wake_still_acknowledges(eng: Engine) -> None:
    slot = asleep(eng, PLAIN, flags=0x1E)
    run_s(eng, IDLE)
    eng.rx(tcp("PA", ack=1004, payload=b"news"))
    state = eng.slot_get(*slot)
    assert (eng.event(), state.snd_una, state.rcv_nxt, state.state) == (None, 1004, 5000, ACTIVE)
    run_s(eng, 2 * IDLE - 1)
    assert len(sent(eng)) == 1


@pytest.mark.parametrize(("woken", "answered"), [(40000, 0), (40001, 1)])
def test_once_the_host_is_woken_answers_on_that_connection_are_its_own(eng: Engine, woken: int, answered: int) -> None:
    slot = eng.slot_add(payload=PING)[1:]
    assert eng.slot_add(local_port=40001)[0] == OK
    eng.sleep()
    run_s(eng, IDLE)
    eng.rx(tcp("RA", ack=1000, dport=40001) if woken == 40001 else tcp("PA", seq=5006, ack=1010, payload=b"news"))
    assert eng.status.power == WOKEN
    answer(eng)
    assert (eng.slot_get(*slot).payloads_answered, eng.slot_get(*slot).rcv_nxt) == (answered, 5000 + 6 * answered)


def test_all_slots_at_once(eng: Engine) -> None:
    payloads = [PayloadKeepAlive(data=b"slot %2d %d" % (i, i % 10)) for i in range(16)]
    for i, payload in enumerate(payloads):
        assert eng.slot_add(local_port=1000 + i, payload=payload)[0] == OK
    eng.sleep()
    eng.run_until((1 + IDLE) * S + 10_000)
    assert [row[4] for row in sent(eng)] == [payload.data for payload in payloads]


def test_over_ipv6_with_timestamps(eng: Engine) -> None:
    slot = asleep(
        eng, local="2001:db8::1", remote="2001:db8::2", ts_on=True, tsval=7, t0_us=eng.now_us, ts_recent=100, ts_recent_age_ms=0
    )
    run_s(eng, IDLE)
    l3, seg = parse_tcp(eng.take_sent()[0])
    assert (l3.plen, bytes(seg.payload), dict(seg.options)["Timestamp"]) == (32 + 10, PING.payload(0), (7 + 60_000, 100))
    back = IPv6(src="2001:db8::2", dst="2001:db8::1")
    eng.rx(tcp("PA", ack=1010, payload=pong(0), ts=(123, 60_007), l3=back))
    state = eng.slot_get(*slot)
    assert (eng.event(), state.payloads_answered, state.ts_recent) == (None, 1, 123)
    _, seg = parse_tcp(eng.take_sent()[0])
    assert dict(seg.options)["Timestamp"][1] == 123
    eng.rx(tcp("PA", seq=5006, ack=1010, payload=pong(1), ts=(122, 60_007), l3=back))
    assert (eng.event(), eng.counters["paws_drop"]) == (None, 1)


def test_sequence_numbers_wrap(eng: Engine) -> None:
    slot = asleep(eng, snd_una=FAR - 3, snd_nxt=FAR - 3, rcv_nxt=FAR - 1, snd_wl1=FAR - 1)
    run_s(eng, IDLE)
    assert sent(eng)[0][2] == FAR - 3
    eng.rx(tcp("PA", seq=FAR - 1, ack=6, payload=pong(0)))
    state = eng.slot_get(*slot)
    assert (eng.event(), state.snd_una, state.snd_nxt, state.rcv_nxt) == (None, 6, 6, 4)


def test_a_change_of_the_clock_moves_the_next_payload(eng: Engine) -> None:
    asleep(eng)
    run_s(eng, IDLE)
    answer(eng)
    sent(eng)
    eng.set_minute_us(S)
    run_s(eng, IDLE + 1)
    assert [row[0] for row in sent(eng)] == [IDLE + 1]


def test_the_final_state_tells_the_host_where_to_go_on(eng: Engine) -> None:
    slot = asleep(eng)
    for number in range(3):
        run_s(eng, IDLE * (number + 1))
        if number < 2:
            answer(eng, number)
    run_s(eng, 3 * IDLE + 4)
    assert eng.host_awake() == OK
    for state in (eng.slot_get(*slot), eng.release()[1][0]):
        assert state.payload_age_ms == 4000
        assert (state.snd_una, state.snd_nxt, state.rcv_nxt) == (1020, 1030, 5012)
        assert (state.payloads_sent, state.payloads_answered, state.payload_counter, state.tokens_used) == (3, 2, 0x01020307, 3)


@pytest.mark.parametrize("how", ["release", "remove", "abort", "attach"])
@pytest.mark.parametrize("flags", [0x1F, 0x1F | KEEP])
@pytest.mark.edge(108)
def test_tokens_do_not_stay_in_memory(eng: Engine, how: str, flags: int) -> None:
    assert eng.prepare() == OK
    rc, *slot = eng.slot_add(payload=PING, flags=flags)
    assert rc == OK
    assert MASKS in bytes(eng._memory)
    if how == "release":
        assert eng.commit() == eng.host_awake() == eng.release()[0] == OK
    elif how == "abort":
        assert eng.abort() == OK
    elif how == "remove":
        assert eng.slot_remove(*slot) == OK
    else:
        eng.attach()
    assert MASKS[8:16] not in bytes(eng._memory)


def test_a_slot_used_again_has_no_payload_of_before(eng: Engine) -> None:
    rc, *slot = eng.slot_add(payload=PING)
    assert rc == OK
    assert eng.slot_remove(*slot) == OK
    assert eng.slot_add()[0] == OK
    eng.sleep()
    run_s(eng, IDLE)
    assert [(row[1], row[2], row[4]) for row in sent(eng)] == [("A", 999, b"")]


class LossyPeer:
    """A receiver as every TCP has one, and an application that answers each ping once; the wire loses what the test says."""

    def __init__(self) -> None:
        self.stream = b""
        self.acked_of_ours = 0
        self.answers = b""

    def take(self, seq: int, ack: int, data: bytes) -> None:
        at = (seq - 1000) % 2**32
        self.acked_of_ours = max(self.acked_of_ours, ack - 5000)
        assert at <= len(self.stream), "a hole in the stream"
        assert self.stream[at : at + len(data)] in (data, b""), "other bytes at the same place"
        if data and at == len(self.stream):
            self.stream += data
            self.answers += pong(int.from_bytes(unmasked(data), "little") - 0x01020304)

    def segment(self) -> bytes:
        """All answers that are not acknowledged: one, since the device sends no second ping before."""
        return tcp("PA", seq=5000 + self.acked_of_ours, ack=1000 + len(self.stream), payload=self.answers[self.acked_of_ours :])


@settings(deadline=None)
@given(lost=st.lists(st.sampled_from(["nothing", "ping", "answer", "acknowledgement"]), min_size=1, max_size=24))
def test_whatever_is_lost_the_peer_reads_every_byte_once_and_in_order(lost: list[str]) -> None:
    eng, peer = Engine(now_us=S), LossyPeer()
    slot = asleep(eng, PayloadKeepAlive.websocket_ping(bytes(range(64)) * 4, start=0x01020304), ka_cnt=30)
    for what in lost:
        while not eng.sent:
            eng.run_until(eng.now_us + S)
        for _, _, seq, ack, data in sent(eng):
            if what != "ping":
                peer.take(seq, ack, data)
        if what in ("nothing", "acknowledgement"):
            eng.rx(peer.segment())
            for _, _, seq, ack, data in sent(eng):
                if what == "nothing":
                    peer.take(seq, ack, data)
    state = eng.slot_get(*slot)
    assert (eng.event(), eng.status.power) == (None, D3)
    sizes = {10 * state.payloads_sent, 10 * (state.payloads_sent - 1)}
    assert len(peer.stream) in sizes
    assert (state.snd_nxt, state.rcv_nxt) == (1000 + 10 * state.payloads_sent, 5000 + 6 * state.payloads_answered)
    assert state.snd_una <= 1000 + len(peer.stream)


def test_a_pause_holds_payloads_back_and_they_go_on_from_the_last(eng: Engine) -> None:
    """The next one is due an idle time after the last one, whatever was paused in between."""
    slot = asleep(eng, PLAIN)
    run_s(eng, IDLE)
    assert len(sent(eng)) == 1
    eng.rx(tcp("A", ack=1004))
    assert eng.slot_pause(*slot) == OK
    run_s(eng, IDLE + 50)
    assert eng.slot_resume(*slot) == OK
    run_s(eng, 2 * IDLE - 1)
    assert eng.sent == []
    run_s(eng, 2 * IDLE)
    assert [(seq, data) for _, _, seq, _, data in sent(eng)] == [(1004, b"ping")]


def test_a_payload_that_was_out_when_it_was_paused_is_repeated(eng: Engine) -> None:
    slot = asleep(eng, PLAIN)
    run_s(eng, IDLE)
    sent(eng)
    eng.slot_pause(*slot)
    eng.rx(tcp("A", ack=1004))
    run_s(eng, 10 * IDLE)
    assert (eng.sent, eng.event()) == ([], None)
    eng.slot_resume(*slot)
    run_s(eng, 10 * IDLE + 1)
    assert [(seq, data) for _, _, seq, _, data in sent(eng)] == [(1000, b"ping")]
    assert eng.slot_get(*slot).payloads_sent == 1


def test_a_new_interval_of_payloads_counts_from_the_last(eng: Engine) -> None:
    slot = asleep(eng, PLAIN)
    run_s(eng, IDLE)
    eng.rx(tcp("A", ack=1004))
    sent(eng)
    assert eng.slot_update(*slot, idle_ms=30_000) == OK
    run_s(eng, IDLE + 29)
    assert eng.sent == []
    run_s(eng, IDLE + 30)
    assert len(sent(eng)) == 1


def acknowledged_but_not_answered(eng: Engine, count: int, slot: Handle) -> None:
    """`count` pings, as many as may stay without an answer; the last one's is still awaited."""
    for number in range(1, count + 1):
        run_s(eng, number * IDLE)
        eng.rx(tcp("A", ack=1000 + 10 * number))
    assert len(sent(eng)) == eng.slot_get(*slot).payloads_sent == count


@pytest.mark.parametrize("count", [1, 3])
def test_a_pause_is_no_answer_missed(eng: Engine, count: int) -> None:
    """Answers meanwhile were nobody's. The application gets one more ping, and after that its silence counts."""
    slot = asleep(eng, ka_cnt=count)
    acknowledged_but_not_answered(eng, count, slot)
    assert eng.slot_pause(*slot) == OK
    run_s(eng, (count + 5) * IDLE)
    assert eng.slot_resume(*slot) == OK
    run_s(eng, (count + 5) * IDLE + 1)
    assert (len(sent(eng)), eng.event()) == (1, None)
    eng.rx(tcp("A", ack=1000 + 10 * (count + 1)))
    run_s(eng, (count + 6) * IDLE + 1)
    assert eng.wake_event().reason == KA_TIMEOUT


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_dead_link_is_no_answer_missed(eng: Engine, count: int) -> None:
    """The last answer may have met it. When it is back the application gets one more ping, as a silent peer gets one probe."""
    slot = asleep(eng, ka_cnt=count)
    acknowledged_but_not_answered(eng, count, slot)
    eng.link(up=True)
    eng.link(up=False)
    run_s(eng, (count + 5) * IDLE)
    assert (sent(eng), eng.event()) == ([], None)
    eng.link(up=True)
    run_s(eng, (count + 5) * IDLE + 1)
    assert (len(sent(eng)), eng.event(), eng.slot_get(*slot).payloads_sent) == (1, None, count + 1)
    eng.rx(tcp("A", ack=1000 + 10 * (count + 1)))
    run_s(eng, (count + 6) * IDLE + 1)
    assert eng.wake_event().reason == KA_TIMEOUT
