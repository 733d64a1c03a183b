"""A process beside the system that goes on when that dies, and is started anew when it dies itself: the driver of the device, and
the one that does background transfers.

Each has a line to the system, the same for each system and each of its own kind, with what waits in it.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from rig.events import TimelineEvent
from rig.readable import readable
from rig.standby.supervisor.forked import live, with_only
from rig.standby.supervisor.patience import DEATHS, WITHIN_S, Patience
from rig.standby.wire.line import pair

FROM_OUTSIDE = frozenset(f"signal {number.name}" for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP))
"""Ways to end that say nothing of who ended."""


@dataclass(frozen=True, kw_only=True)
class CompanionKind:
    name: str
    """What the system and the bench call it."""
    what: str
    """In a sentence."""
    ended: TimelineEvent
    """What the timeline has when it dies."""
    program: Callable[[int], None]
    """Runs in it, with the number of its end of the line."""
    fds: Collection[int] = field(default=())
    """What it keeps of the supervisor's besides."""
    refuse: Callable[[int, str], None] | None = None
    """Runs in its place when it has died too often, with why: the host goes on without it. None: the host does not."""
    waits_for_a_message: bool = False
    """It is not started before somebody has something to say to it, as most hosts never have."""


class Companion:
    def __init__(self, kind: CompanionKind) -> None:
        self.kind = kind
        self.pid = 0
        """0: there is none yet."""
        self._systems_end, self._own_end = pair()
        self._patience = Patience()
        """With those that die by themselves."""
        self._why = ""
        self._was_called = False

    @property
    def systems_fd(self) -> int:
        """The system's end of the line."""
        return self._systems_end.fileno()

    def fileno(self) -> int:
        """Its own end: readable when somebody has said something to it."""
        return self._own_end.fileno()

    @property
    def may_be_called(self) -> bool:
        """There is none before somebody has something to say to it."""
        return self.kind.waits_for_a_message and not self._was_called

    def is_due(self) -> bool:
        """Whether there is to be one, and is none."""
        self._was_called = self._was_called or (self.may_be_called and readable(self.fileno(), 0))
        return not self.pid and not self.may_be_called

    def start(self) -> bool:
        """Whether there is one now. Raises OSError where the host cannot be without: the machine has no process left."""
        line_fd, why, refuse = self.fileno(), self._why, self.kind.refuse
        try:
            pid = os.fork()
        except OSError:
            if refuse is None:
                raise
            return False
        if pid:
            self.pid = pid
        elif why and refuse is not None:
            live(lambda: with_only({0, 1, 2, line_fd, *self.kind.fds}, lambda: refuse(line_fd, why)))
        else:
            live(lambda: with_only({0, 1, 2, line_fd, *self.kind.fds}, lambda: self.kind.program(line_fd)))
        return True

    def died(self, status: str) -> str | None:
        """Why the host cannot go on: another one would go on where this one was, and so die of what this one died of, unless that
        was killed. One that has a `refuse` does only that from then on."""
        self.pid = 0
        if status in FROM_OUTSIDE or not self._patience.died():
            return None
        self._why = f"{self.kind.what} died {DEATHS} times within {WITHIN_S:g} s, {status} at last"
        return self._why if self.kind.refuse is None else None
