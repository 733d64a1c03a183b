"""Sequence numbers of 32 bits, which wrap (RFC 9293 3.4)."""

from __future__ import annotations

from rig.device.reference.segment import ACK, Frame

HALF = 1 << 31


def before(a: int, b: int) -> bool:
    """Of sequence numbers."""
    return 0 < (b - a) % 2**32 < HALF


def within(number: int, start: int, length: int) -> bool:
    return (number - start) % 2**32 < length


def ack_is_valid(frame: Frame, snd_una: int, snd_nxt: int, max_snd_wnd: int) -> bool:
    """RFC 5961 5.2."""
    return bool(frame.flags & ACK) and (snd_nxt - frame.ack) % 2**32 <= (snd_nxt - snd_una) % 2**32 + max_snd_wnd
