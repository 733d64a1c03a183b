"""How late a wake may be on a machine that has other work too."""

from __future__ import annotations

from rig.starved import Starved

LATE_MS = 250.0
"""The contract's bound for a wake by a frame is 5 ms and the line's time (section 7); for one by time it has none.
Where ten processes want each of two processors, a device that is a process itself has been seen to take 55 ms: with less than a
few times that a loaded machine would fail tests. What such a device has gone without a processor comes on top."""
MOST_WAITED_MS = 750.0
"""Of that, which is counted for the whole test: beside a load of eight 354 ms were seen at one wake."""
MOST_STOLEN_MS = 1500.0
"""Of what a hypervisor kept from this machine, which is counted for the whole test: one has been seen to stand for more than a
second."""
EARLY = 0.99
"""Of an interval: a device's clock and ours are two."""


def allowed_ms(starved: Starved) -> float:
    """`starved`: the device, in this test."""
    return LATE_MS + min(starved.waited_ms, MOST_WAITED_MS) + min(_stolen_ms(starved), MOST_STOLEN_MS)


def allowed_words(starved: Starved) -> str:
    """With what of it is the machine's."""
    waited = f"its process waited {starved.waited_ms:.0f} ms for a processor (at most {MOST_WAITED_MS:.0f} count)"
    kept = f"a hypervisor kept one from this machine for {_stolen_ms(starved):.0f} ms"
    stolen = f"{kept} (/proc/stat; at most {MOST_STOLEN_MS:.0f} count)"
    whys = [why for why, ms in ((waited, starved.waited_ms), (stolen, _stolen_ms(starved))) if ms >= 1]
    because = f", as {' and '.join(whys)}" if whys else ""
    return f"{allowed_ms(starved):.0f} ms are allowed here{because}"


def _stolen_ms(starved: Starved) -> float:
    """Of one processor: a process stands with that which it runs on."""
    return max(starved.stolen_ms.values(), default=0.0)
