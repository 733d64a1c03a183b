"""Timestamps of a sleeping connection: RFC 7323 5. Written against a door: `standby_door.py`."""

from __future__ import annotations

from typing import Any

import pytest

from rig.device.numbers import SlotState
from rig.suite.peer_frames import assert_plain_ack, sent_segment, tcp
from rig.suite.standby_door import PROBES_ONCE, QUIET_MS, SOON_MS, StandbyDoor

pytestmark = pytest.mark.topology("flat")

DAY_MS = 86_400_000
STAMPED: dict[str, Any] = {"ts_on": True, "ts_recent": 100}
"""A connection with timestamps, whose peer was last heard with 100."""


@pytest.mark.edge(34)
@pytest.mark.parametrize(
    ("age_ms", "tsval", "news"),
    [
        (0, 99, False),
        (0, 100, True),
        (0, 101, True),
        (0, 100 + 2**31 - 1, True),
        (0, 100 + 2**31 + 1, False),
        (0, 0, False),
        (24 * DAY_MS - 60_000, 99, False),
        (24 * DAY_MS + 1, 99, True),
        (24 * DAY_MS + 1, 100 + 2**31 + 1, True),
    ],
)
def test_news_with_an_old_timestamp_is_answered_and_dropped(door: StandbyDoor, age_ms: int, tsval: int, news: bool) -> None:
    """RFC 7323 5.3 R1: older by one tick or by nearly half a round. After 24 days of silence its clock says nothing (5.5)."""
    slot = door.asleep(ts_recent_age_ms=age_ms, **STAMPED)
    made = door.made_of(tcp("PA", payload=b"x", ts=(tsval % 2**32, 0)))
    assert made.outcome == (("TCP_DATA", 0) if news else ("", 1))
    for answer in made.answers:
        assert_plain_ack(answer, echo=100)
    info = door.slot(slot)
    assert (info.rcv_nxt, info.paws_drops) == (5000, 0 if news else 1)
    door.assert_counted(paws_drop=0 if news else 1, tx_frames=0 if news else 1)


@pytest.mark.edge(34)
def test_where_the_peers_clock_wraps_old_is_still_old(door: StandbyDoor) -> None:
    """ts_recent just below 2^32: a small value is newer, one below it is older."""
    door.asleep(ts_on=True, ts_recent=2**32 - 5)
    assert door.outcome(tcp("PA", payload=b"x", ts=(2**32 - 6, 0))) == ("", 1)
    assert door.outcome(tcp("PA", payload=b"x", ts=(3, 0))) == ("TCP_DATA", 0)


@pytest.mark.edge(26)
@pytest.mark.parametrize("ts", [(1, 0), (99, 0), (100, 0), None], ids=["old", "one older", "good", "none"])
def test_a_reset_is_taken_whatever_its_timestamp(door: StandbyDoor, ts: tuple[int, int] | None) -> None:
    """RFC 7323 5.2: a RST is exempt from PAWS, and need not have the option. One that is not at RCV.NXT is still challenged."""
    slot = door.asleep(**STAMPED)
    made = door.made_of(tcp("R", seq=5001, ack=0, ts=ts))
    assert made.outcome == ("", 1)
    assert_plain_ack(made.answers[0], echo=100)
    assert door.outcome(tcp("R", ack=0, ts=ts)) == ("TCP_RST", 0)
    assert door.slot(slot).state is SlotState.BROKEN


@pytest.mark.edge(35)
@pytest.mark.parametrize("segment", [{"payload": b"x"}, {"flags": "FA"}, {}, {"seq": 4999}], ids=["data", "FIN", "ACK", "probe"])
def test_a_segment_without_the_timestamp_that_was_negotiated_is_nothing(door: StandbyDoor, segment: dict[str, Any]) -> None:
    """RFC 7323 3.2: SHOULD be dropped in silence. The connection works on: with the option it is what it is."""
    slot = door.asleep(**STAMPED)
    assert door.outcome(tcp(**segment)) == ("", 0)
    assert door.slot(slot).ts_recent == 100
    door.assert_counted(tcp_no_ts=1, tx_frames=0, rx_wake=0)
    assert door.outcome(tcp("PA", payload=b"x", ts=(100, 0))) == ("TCP_DATA", 0)


@pytest.mark.edge(36)
@pytest.mark.parametrize(
    ("segment", "moved"),
    [({}, True), ({"seq": 4999}, False), ({"seq": 5001}, False), ({"seq": 5100}, False), ({"ack": 1001}, False),
     ({"seq": 5000 + 8192}, False), ({"flags": "", "payload": b"x"}, False)],
    ids=["in order", "probe", "a byte behind", "delayed", "bad ACK", "beyond the window", "no flags"],
)  # fmt: skip
def test_ts_recent_follows_what_is_in_order(door: StandbyDoor, segment: dict[str, Any], moved: bool) -> None:
    """RFC 7323 5.3 R2 and R3: SEG.TSval >= TS.Recent and SEG.SEQ <= Last.ACK.sent, of a segment that the window lets in. A
    keep-alive lies below it."""
    slot = door.asleep(**STAMPED)
    door.send(tcp(ts=(200, 0), **segment))
    assert (door.slot(slot).ts_recent, door.wakes) == (200 if moved else 100, 0)


@pytest.mark.edge(36)
def test_ts_recent_waits_for_the_ack_that_the_host_owes(door: StandbyDoor) -> None:
    """100 bytes were received before the handoff and not acknowledged yet; the answer to a keep-alive acknowledges them."""
    slot = door.asleep(rcv_wup=4900, **STAMPED)
    for seq, recent in ((5000, 100), (4999, 100), (5000, 200)):
        door.send(tcp(seq=seq, ts=(200, 0)))
        assert door.slot(slot).ts_recent == recent


@pytest.mark.edge(30)
@pytest.mark.parametrize("ack", [1001, 1000 - 65536])
def test_an_invalid_ack_leaves_ts_recent_alone(door: StandbyDoor, ack: int) -> None:
    """RFC 5961 5.2: it is answered and dropped; the negative control is the same segment with a valid one."""
    slot = door.asleep(**STAMPED)
    made = door.made_of(tcp(ack=ack, ts=(200, 0)))
    assert made.outcome == ("", 1)
    assert_plain_ack(made.answers[0], echo=100)
    assert door.slot(slot).ts_recent == 100
    assert door.outcome(tcp(ts=(200, 0))) == ("", 0)
    assert door.slot(slot).ts_recent == 200


@pytest.mark.edge(38, 39)
@pytest.mark.parametrize("hz", [1000, 1_000_000])
def test_a_probe_echoes_ts_recent_and_its_own_clock_goes_on(door: StandbyDoor, hz: int) -> None:
    """RFC 7323 3.2: TSecr is TS.Recent. TSval is the host's at the handoff and as many ticks as have passed since."""
    t0_us = door.device_us()
    door.asleep(ts_on=True, ts_recent=4242, ts_hz=hz, tsval=2**32 - 7, t0_us=t0_us, **PROBES_ONCE)
    probe = assert_plain_ack(door.next_sent(SOON_MS).frame, seq=999, echo=4242)
    most_us = door.device_us() - t0_us
    ticks = (probe.options["Timestamp"][0] + 7) % 2**32
    assert SOON_MS * 1000 * hz // 1_000_000 <= ticks <= most_us * hz // 1_000_000, "it is sent when it is due, or later"


@pytest.mark.edge(39)
def test_a_probe_echoes_what_was_heard_last(door: StandbyDoor) -> None:
    """Not the value of the handoff, which one has that went out before the peer was heard."""
    door.asleep(ka_idle_ms=SOON_MS, ka_intvl_ms=QUIET_MS, **STAMPED)
    door.send(tcp(ts=(5000, 0)))
    echo = sent_segment(door.next_sent(SOON_MS).frame).options["Timestamp"][1]
    if echo == STAMPED["ts_recent"]:
        echo = sent_segment(door.next_sent(SOON_MS).frame).options["Timestamp"][1]
    assert echo == 5000
