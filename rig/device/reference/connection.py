"""The receive side of a slot: RFC 9293 3.10.7.4 with RFC 5961 and RFC 7323. RCV.NXT never moves: what would move it wakes."""

from __future__ import annotations

from enum import Enum, auto

from rig.device.reference.segment import ACK, FIN, RST, SYN, Frame
from rig.device.reference.sequence import HALF, before, within
from rig.device.reference.slot import Slot

TS_VALID_US = {1000: 24 * 86_400_000_000, 1_000_000: HALF}
"""So long a timestamp can be compared (RFC 7323 5.5), by the ticks of its clock in a second."""


class Verdict(Enum):
    DATA = auto()
    FIN_ALONE = auto()
    RESET = auto()
    """Exactly at RCV.NXT."""
    PURE_ACK = auto()
    PROBE = auto()
    """The peer's keep-alive."""
    ANSWER = auto()
    """An ACK of ours is due, as for old data."""
    CHALLENGE = auto()
    DROP = auto()


def judged(slot: Slot, frame: Frame, now_us: int) -> tuple[Verdict, str]:
    """And the counter that tells of it, "" for none. In the order of RFC 9293 3.10.7.4."""
    if frame.flags & RST:
        return _reset(slot, frame)
    if frame.flags & SYN:
        return Verdict.CHALLENGE, "syn_challenged"
    if slot.ts_on and frame.timestamp is None:
        return Verdict.DROP, "tcp_no_ts"
    if slot.ts_on and _too_old(slot, frame, now_us):
        return Verdict.ANSWER, "paws_drop"
    length = frame.length + bool(frame.flags & FIN)
    if not _acceptable(slot, frame, length):
        return _unacceptable(slot, frame, length)
    if not frame.flags & ACK:
        return Verdict.DROP, "tcp_bad_flags"
    if not slot.acknowledges_rightly(frame):
        return Verdict.CHALLENGE, "ack_invalid"
    if frame.length and not _only_fin_is_new(slot, frame):
        return Verdict.DATA, ""
    return (Verdict.FIN_ALONE if frame.flags & FIN else Verdict.PURE_ACK), ""


def _reset(slot: Slot, frame: Frame) -> tuple[Verdict, str]:
    if frame.seq == slot.rcv_nxt:
        return Verdict.RESET, ""
    if within(frame.seq, slot.rcv_nxt, slot.window):
        return Verdict.CHALLENGE, "rst_in_window"
    return Verdict.DROP, "rst_out_of_window"


def _too_old(slot: Slot, frame: Frame, now_us: int) -> bool:
    assert frame.timestamp is not None
    age_us = now_us - slot.ts_recent_us
    return before(frame.timestamp[0], slot.ts_recent) and age_us <= TS_VALID_US[slot.ts_hz]


def _only_fin_is_new(slot: Slot, frame: Frame) -> bool:
    return bool(frame.flags & FIN) and (frame.seq + frame.length) % 2**32 == slot.rcv_nxt


def _acceptable(slot: Slot, frame: Frame, length: int) -> bool:
    """RFC 9293 table 6; a FIN goes into a closed window too, as kernels have it."""
    if frame.flags & ACK and _only_fin_is_new(slot, frame):
        return True
    nxt, window = slot.rcv_nxt, slot.window
    if length == 0:
        return frame.seq == nxt if window == 0 else within(frame.seq, nxt, window)
    return window > 0 and (within(frame.seq, nxt, window) or within((frame.seq + length - 1) % 2**32, nxt, window))


def _unacceptable(slot: Slot, frame: Frame, length: int) -> tuple[Verdict, str]:
    nxt, end = slot.rcv_nxt, (frame.seq + length) % 2**32
    if frame.seq == (nxt - 1) % 2**32 and length <= 1 and not frame.flags & FIN:
        return Verdict.PROBE, ""
    if frame.seq == nxt and slot.window == 0:
        return Verdict.ANSWER, "zero_window_answered"
    if length and not before(nxt, end):
        return Verdict.ANSWER, "dup_data_acked"
    return Verdict.CHALLENGE, "tcp_out_of_window"
