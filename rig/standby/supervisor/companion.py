"""A process beside the system that goes on when that dies, and is started anew when it dies itself: the driver of the device.

It has a line to the system, the same for each system and each of its own kind, with what waits in it.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Collection

from rig.standby.supervisor.forked import live, with_only
from rig.standby.supervisor.patience import DEATHS, WITHIN_S, Patience
from rig.standby.wire.line import pair

FROM_OUTSIDE = frozenset(f"signal {number.name}" for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP))
"""Ways to end that say nothing of who ended."""


class Companion:
    """`program` runs in it, with the number of its end of the line; `fds` are what it keeps of the supervisor's besides."""

    def __init__(self, what: str, program: Callable[[int], None], fds: Collection[int]) -> None:
        self.pid = 0
        self._what = what
        self._program = program
        self._fds = set(fds)
        self._systems_end, self._own_end = pair()
        self._patience = Patience()
        """With those that die by themselves."""

    @property
    def systems_fd(self) -> int:
        """The system's end of the line."""
        return self._systems_end.fileno()

    def start(self) -> None:
        line_fd = self._own_end.fileno()
        self.pid = os.fork()
        if self.pid == 0:
            live(lambda: with_only({0, 1, 2, line_fd, *self._fds}, lambda: self._program(line_fd)))

    def died(self, status: str) -> str | None:
        """Why no other one is to be started: it would go on where this one was, and so die of what this one died of, unless that
        was killed."""
        if status not in FROM_OUTSIDE and self._patience.died():
            return f"{self._what} died {DEATHS} times within {WITHIN_S:g} s, {status} at last"
        return None
