"""Segment text and FIN (RFC 9293 3.10.7.4 seventh and eighth): what is new wakes the host, and is not acknowledged."""

from __future__ import annotations

from dataclasses import dataclass

from rig.device.numbers import SlotFlag, WakeReason
from rig.suite.differential.connection import Connection
from rig.suite.differential.outcome import Outcome
from rig.suite.differential.segment import FIN, Segment
from rig.suite.differential.sequence import HALF, MOD

DATA = Outcome(
    "contract 4: new data in the window wakes, unacknowledged",
    WakeReason.TCP_DATA,
    counters=("wake_tcp_data",),
    ends_in="rx_wake",
)
FIN_WAKES = Outcome(
    "contract 4: a FIN in the window wakes, unacknowledged", WakeReason.TCP_FIN, counters=("wake_tcp_fin",), ends_in="rx_wake"
)
UNWANTED = Outcome("contract 4: the slot's flags do not wake for it: dropped by policy", ends_in="rx_dropped_policy", free=True)
NOTHING_NEW = Outcome("RFC 9293 3.10.7.4: an acceptable segment without text or FIN is taken silently")


@dataclass(frozen=True)
class News:
    """What is left of a segment when that is trimmed off which lies outside the window ("including SYN and FIN")."""

    data: bool
    fin: bool


def news_of(connection: Connection, segment: Segment) -> News:
    """What lies behind a hole is news too: RFC 9293 3.10.7.4 wants it held (SHLD-31), and the host is who can."""
    start = (segment.seq - connection.rcv_nxt) % MOD
    start -= MOD if start >= HALF else 0
    end = start + segment.length
    data = min(end, connection.window) > max(start, 0)
    return News(data, bool(segment.flags & FIN) and (0 <= end < connection.window or end == 0))


def of_news(connection: Connection, segment: Segment) -> Outcome:
    """Data stands before a FIN. A FIN behind data that does not wake is one all the same: the peer says no more."""
    news = news_of(connection, segment)
    if not (news.data or news.fin):
        return NOTHING_NEW
    if news.data and connection.flags & SlotFlag.WAKE_ON_DATA:
        return DATA
    return FIN_WAKES if news.fin and connection.flags & SlotFlag.WAKE_ON_FIN else UNWANTED
