"""Protection against wrapped sequence numbers (RFC 7323 3.2 and 5)."""

from __future__ import annotations

from rig.suite.differential.connection import Connection
from rig.suite.differential.outcome import Outcome
from rig.suite.differential.segment import Segment
from rig.suite.differential.sequence import before

MISSING = Outcome("RFC 7323 3.2: no timestamp where they were agreed on: dropped silently", counters=("tcp_no_ts",))
TOO_OLD = Outcome("RFC 7323 5.3 R1: SEG.TSval < TS.Recent: an ACK, and it is dropped", answered=True, counters=("paws_drop",))


def refusal(connection: Connection, timestamps: tuple[int, int] | None, now_us: int) -> Outcome | None:
    """None for a segment that passes. On a connection without timestamps all do (3.2: the option is ignored)."""
    if not connection.ts_on:
        return None
    if timestamps is None:
        return MISSING
    old = before(timestamps[0], connection.ts_recent) and connection.ts_recent_is_valid(now_us)
    return TOO_OLD if old else None


def remember(connection: Connection, segment: Segment, timestamps: tuple[int, int] | None, now_us: int) -> None:
    """RFC 7323 5.3 R3 (4.3): TS.Recent <- SEG.TSval, if SEG.SEQ =< Last.ACK.sent. R1 has seen that it is not older."""
    if connection.ts_on and timestamps is not None and not before(connection.rcv_wup, segment.seq):
        connection.ts_recent, connection.ts_recent_us = timestamps[0], now_us
