"""The sequence number check (RFC 9293 3.10.7.4 first, table 6 of 3.4), and what is answered to what fails it."""

from __future__ import annotations

from rig.device.numbers import SlotFlag
from rig.suite.differential.connection import Connection
from rig.suite.differential.outcome import Outcome
from rig.suite.differential.segment import ACK, FIN, Segment
from rig.suite.differential.sequence import MOD, before, within


def is_acceptable(connection: Connection, segment: Segment) -> bool:
    nxt, window = connection.rcv_nxt, connection.window
    if segment.space == 0:
        return segment.seq == nxt or within(segment.seq, nxt, window)
    last = (segment.seq + segment.space - 1) % MOD
    return within(segment.seq, nxt, window) or within(last, nxt, window) or is_only_a_new_fin(connection, segment)


def is_only_a_new_fin(connection: Connection, segment: Segment) -> bool:
    """A FIN at RCV.NXT takes no room: the project's devices take it into a closed window, as kernels do (EDGE-042)."""
    fin_at = (segment.seq + segment.length) % MOD
    return bool(segment.flags & FIN and segment.flags & ACK) and fin_at == connection.rcv_nxt


def of_unacceptable(connection: Connection, segment: Segment) -> Outcome:
    """ "An acknowledgment should be sent in reply". The counters tell one case from the other."""
    nxt = connection.rcv_nxt
    if segment.seq == (nxt - 1) % MOD and segment.length <= 1 and not segment.flags & FIN:
        return _of_keep_alive(connection)
    if segment.seq == nxt and connection.window == 0:
        text = "RFC 9293 3.8.6.1, 3.10.7.4: a probe of our closed window is answered, its data is not taken"
        return Outcome(text, answered=True, counters=("zero_window_answered",))
    if segment.space and not before(nxt, (segment.seq + segment.space) % MOD):
        return Outcome("RFC 9293 3.10.7.4: old data is acknowledged again", answered=True, counters=("dup_data_acked",))
    text = "RFC 9293 3.10.7.4: a segment outside the window is acknowledged and dropped"
    return Outcome(text, answered=True, challenge=True, counters=("tcp_out_of_window",))


def _of_keep_alive(connection: Connection) -> Outcome:
    if connection.flags & SlotFlag.ANSWER_PEER_KA:
        text = "RFC 9293 3.8.4: the peer's keep-alive, SEG.SEQ = RCV.NXT - 1, is answered"
        return Outcome(text, answered=True, counters=("peer_ka_answered",))
    return Outcome("contract 4: without ANSWER_PEER_KA the peer's keep-alives are not answered")
