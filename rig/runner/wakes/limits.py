"""How late a wake may be on a machine that has other work too."""

LATE_MS = 250.0
"""The contract's bound for a wake by a frame is 5 ms and the line's time (section 7); for one by time it has none.
Where ten processes want each of two processors, a device that is a process itself has been seen to take 55 ms: with less than a
few times that a loaded machine would fail tests. What such a device has waited for a processor comes on top."""
MOST_STARVED_MS = 750.0
"""Of that, which is counted for the whole test: beside a load of eight 354 ms were seen at one wake."""
EARLY = 0.99
"""Of an interval: a device's clock and ours are two."""
