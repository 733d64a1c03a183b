"""The ACK field (RFC 9293 3.10.7.4 fifth, RFC 5961 5.2)."""

from __future__ import annotations

from rig.suite.differential.connection import Connection
from rig.suite.differential.outcome import Outcome
from rig.suite.differential.segment import ACK, Segment
from rig.suite.differential.sequence import MOD, before, later

ABSENT = Outcome("RFC 9293 3.10.7.4 fifth: without ACK it is dropped", counters=("tcp_bad_flags",))
INVALID = Outcome(
    "RFC 5961 5.2: ACK not in SND.UNA - MAX.SND.WND =< SEG.ACK =< SND.NXT: an ACK, and it is dropped",
    answered=True,
    challenge=True,
    counters=("ack_invalid",),
)


def refusal(connection: Connection, segment: Segment) -> Outcome | None:
    if not segment.flags & ACK:
        return ABSENT
    oldest = (connection.snd_una - connection.max_snd_wnd) % MOD
    valid = (segment.ack - oldest) % MOD <= (connection.snd_nxt - oldest) % MOD
    return None if valid else INVALID


def take(connection: Connection, segment: Segment) -> None:
    """SND.UNA, and the send window where SND.UNA =< SEG.ACK and the segment is no older than the window's last one (WL1, WL2)."""
    connection.snd_una = later(connection.snd_una, segment.ack)
    if segment.ack == connection.snd_una and not before(segment.seq, connection.snd_wl1):
        connection.snd_wnd, connection.snd_wl1 = segment.window << connection.snd_wscale, segment.seq
        connection.max_snd_wnd = max(connection.max_snd_wnd, connection.snd_wnd)
