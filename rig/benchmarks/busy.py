"""Wakes beside a busy system: the app has a thread that calls it without pause, whenever the app is not stopped.

So the system is in the middle of a call when the wake's messages come to it, and the calling thread wants a processor and the
interpreter that the read and the task want. The median of such wakes is judged by the median of the same rounds without.
"""

from __future__ import annotations

from collections.abc import Callable

from rig.bench import Bench
from rig.benchmarks import cycles
from rig.benchmarks.cycles import Cycles

ROUNDS = 300
"""At most: for a median."""


def run(bench: Bench, rounds: int, progress: Callable[[int], None]) -> Cycles:
    """The rounds on a fresh bench. Raises TimelineTimeout when one does not end."""
    return cycles.run(bench, rounds, progress, prepare=lambda app: app.call("be_busy"))
