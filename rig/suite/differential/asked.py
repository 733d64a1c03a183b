"""How many random segments somebody asked for: RIG_SEGMENTS."""

from __future__ import annotations

import os

from rig.errors import UsageError

SEGMENTS_MOST = 10_000_000
DIGITS_MOST = 8


def segments_asked(usual: int, least: int = 1) -> int:
    """`usual` where nobody asked. Raises UsageError RIG-C28 for what is no number of them, or fewer than `least`."""
    text = os.environ.get("RIG_SEGMENTS") or str(usual)
    number = int(text) if text.isdecimal() and len(text) <= DIGITS_MOST else 0
    if not least <= number <= SEGMENTS_MOST:
        fix = f"a whole number, {least} to {SEGMENTS_MOST}; without it {usual} are sent"
        raise UsageError("RIG-C28", f"RIG_SEGMENTS={text} is no number of random segments", fix)
    return number


def limit_s(usual: int, segments_per_s: int) -> int:
    """How long the test may take that sends so many; it says itself what is wrong with their number."""
    try:
        return 60 + segments_asked(usual) // segments_per_s
    except UsageError:
        return 60
