"""How late a wake may be on a machine that has other work too."""

from __future__ import annotations

from rig.starved import OWN_PROCESSOR, Starved

LATE_MS = 250.0
"""The contract's bound for a wake by a frame is 5 ms and the line's time (section 7); for one by time it has none.
Where ten processes want each of two processors, a device that is a process itself has been seen to take 55 ms: with less than a
few times that a loaded machine would fail tests. What such a device has gone without a processor comes on top."""
MOST_WAITED_MS = 750.0
"""Of that, which is counted for the whole test: beside a load of eight 354 ms were seen at one wake."""
MOST_STOLEN_MS = 1500.0
"""Likewise. A machine that is a guest itself has been seen to stand for more than a second."""
EARLY = 0.99
"""Of an interval: a device's clock and ours are two."""


def allowed_ms(starved: Starved) -> float:
    """`starved`: the device, in this test."""
    return LATE_MS + min(starved.waited_ms, MOST_WAITED_MS) + min(_stolen_ms(starved), MOST_STOLEN_MS)


def allowed_words(starved: Starved) -> str:
    words = f"{allowed_ms(starved):.0f} ms are allowed here"
    if starved == OWN_PROCESSOR:
        return words
    return (
        f"{words}, as its process waited {starved.waited_ms:.0f} ms for a processor, and {_stolen_ms(starved):.0f} ms were stolen"
    )


def _stolen_ms(starved: Starved) -> float:
    """Of one processor: a process stands with that which it runs on."""
    return max(starved.stolen_ms, default=0.0)
