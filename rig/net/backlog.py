"""Frames on their way through the kernel.

A veth puts a sent frame into the receive backlog of the sender's processor; a soft interrupt takes it on from there,
usually before send(2) returns, but not when that processor has something more urgent to run. Whoever asks "what has
arrived?" or says "from now on nothing arrives" waits for the backlogs first.
"""

from __future__ import annotations

import os

from rig.clock import Deadline
from rig.errors import BenchError

DRAIN_TIMEOUT_S = 1.0
"""A backlog is worked off in microseconds; a second means that the machine is stuck."""


class Backlogs:
    """The processors' queues of received frames, as /proc/net/softnet_stat tells (one line a processor, hexadecimal)."""

    PROCESSED, WAITING = 0, 11
    """Columns: frames taken up so far; frames in the queue (Linux 5.10 and later)."""

    def __init__(self) -> None:
        self._fd = os.open("/proc/net/softnet_stat", os.O_RDONLY | os.O_CLOEXEC)

    def drain(self) -> None:
        """Wait until every frame that waits now has been taken up, not for those that come later. 15 µs when idle.

        Raises BenchError RIG-N08.
        """
        targets = [processed + waiting if waiting else 0 for processed, waiting in self._read()]
        deadline = Deadline(DRAIN_TIMEOUT_S)
        while any(targets):
            targets = [t if processed < t else 0 for (processed, _), t in zip(self._read(), targets, strict=True)]
            if any(targets) and deadline.expired:  # who has stalled himself finds them worked off
                raise BenchError("RIG-N08", f"the kernel did not work off its received frames within {DRAIN_TIMEOUT_S} s")
            os.sched_yield()

    def close(self) -> None:
        os.close(self._fd)

    def _read(self) -> list[tuple[int, int]]:
        rows = [line.split() for line in os.pread(self._fd, 1 << 16, 0).splitlines()]
        return [(int(row[self.PROCESSED], 16), int(row[self.WAITING], 16)) for row in rows]
