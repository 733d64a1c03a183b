"""The order in which RFC 9293 3.10.7.4 looks at a segment that arrives, for a connection in ESTABLISHED, and what is remembered.

First the sequence number, second RST, fourth SYN, fifth ACK, sixth URG (which wakes nobody), seventh text, eighth FIN. The checks
of RFC 7323 stand before the first. RST and SYN are looked at before all else: RFC 5961 says of both "irrespective" of what else.
"""

from __future__ import annotations

from rig.suite.differential import acceptance, acknowledgement, news, timestamps
from rig.suite.differential.connection import Connection
from rig.suite.differential.options import Malformed, timestamps_of
from rig.suite.differential.outcome import Outcome
from rig.suite.differential.reset_and_syn import SYN_OUTCOME, of_reset
from rig.suite.differential.segment import RST, SYN, Segment

BROKEN = Outcome("contract 4, 2: what is malformed is dropped: no wake, no answer", ends_in="rx_bad_len")
STRANGER = Outcome("contract 4: a broken slot knows no segments: dropped by policy", ends_in="rx_dropped_policy", free=True)


def judge(connection: Connection, segment: Segment, now_us: int) -> Outcome:
    """What is to be done, at that moment of the device's clock. Changes the connection as the segment does."""
    try:
        stamps = timestamps_of(segment)
    except Malformed:
        return BROKEN
    if connection.broken:
        return STRANGER
    outcome = _judged(connection, segment, stamps, now_us)
    if outcome.answered:
        _acknowledged(connection, outcome)
    return outcome


def _judged(connection: Connection, segment: Segment, stamps: tuple[int, int] | None, now_us: int) -> Outcome:
    if segment.flags & RST:
        return of_reset(connection, segment)
    if segment.flags & SYN:
        return SYN_OUTCOME
    refused = timestamps.refusal(connection, stamps, now_us)
    if refused is None and not acceptance.is_acceptable(connection, segment):
        refused = acceptance.of_unacceptable(connection, segment)
    refused = refused or acknowledgement.refusal(connection, segment)
    if refused is not None:
        return refused
    outcome = news.of_news(connection, segment)
    if outcome is news.NOTHING_NEW:
        acknowledgement.take(connection, segment)
        timestamps.remember(connection, segment, stamps, now_us)
    return outcome


def _acknowledged(connection: Connection, outcome: Outcome) -> None:
    """An ACK went out: Last.ACK.sent is RCV.NXT, and the window that goes with it ends where it did."""
    connection.rcv_wnd, connection.rcv_wup = connection.window, connection.rcv_nxt
    connection.challenge_acks += outcome.challenge
    connection.dup_data += "dup_data_acked" in outcome.counters
    connection.paws_drops += "paws_drop" in outcome.counters
    connection.peer_ka_answered += "peer_ka_answered" in outcome.counters
