"""Resets and SYNs, which blind attackers forge (RFC 5961 3 and 4, RFC 9293 3.10.7.4 second and fourth)."""

from __future__ import annotations

from rig.device.numbers import SlotFlag, WakeReason
from rig.suite.differential.connection import Connection
from rig.suite.differential.outcome import Outcome
from rig.suite.differential.segment import Segment
from rig.suite.differential.sequence import within


def of_reset(connection: Connection, segment: Segment) -> Outcome:
    """Whatever else is set, whatever it acknowledges, however old its timestamp (RFC 7323 5.3 R1 "if RST is not set")."""
    if segment.seq == connection.rcv_nxt:
        connection.broken = True
        if connection.flags & SlotFlag.WAKE_ON_RST:
            text = "RFC 5961 3.2: a reset at RCV.NXT ends the connection; contract 4: it wakes"
            return Outcome(text, WakeReason.TCP_RST, counters=("wake_tcp_rst",), ends_in="rx_wake")
        return Outcome("RFC 5961 3.2: a reset at RCV.NXT ends the connection; the slot does not wake on RST")
    if within(segment.seq, connection.rcv_nxt, connection.window):
        text = "RFC 5961 3.2: a reset in the window, not at RCV.NXT: a challenge ACK"
        return Outcome(text, answered=True, challenge=True, counters=("rst_in_window", "rst_challenged"))
    return Outcome("RFC 5961 3.2: a reset outside the window is dropped silently", counters=("rst_out_of_window",))


SYN_OUTCOME = Outcome(
    "RFC 5961 4.2: a SYN gets a challenge ACK, whatever its sequence number",
    answered=True,
    challenge=True,
    counters=("syn_challenged",),
)
