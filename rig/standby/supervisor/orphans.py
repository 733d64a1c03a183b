"""What an app has started and left behind ends with the app.

Every app adopts what its own descendants leave behind (rig/standby/app/main.py). So a child of the supervisor's that it has
not started itself comes from a process that has ended, and belongs to nobody.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Collection
from pathlib import Path

from rig.process_tree import Outer, Unstoppable, children, pid_inside, signal_all, stop

ROUNDS = 1000
"""Each ends all that it finds and sees stopped; what is left after them is ended with the host."""
LATE_S = 2.0
"""For orphans to be seen stopped: they are killed either way, and the supervisor has others to do with."""


def end_orphans(known: Collection[int]) -> None:
    """SIGKILL to every child that is not among the known pids, and to what it has started, until none is left; reaps them. Where
    they cannot be seen they end with the host."""
    with contextlib.suppress(OSError):
        _end_all_but(known)


def _end_all_but(known: Collection[int]) -> None:
    here = Outer(int(Path("/proc/self").readlink().name))
    for _ in range(ROUNDS):
        found = {child: pid_inside(child) for child in children(here)}
        orphans = {child: pid for child, pid in found.items() if pid and pid not in known}
        if not orphans:
            return
        with contextlib.suppress(Unstoppable):
            signal_all(stop(orphans, LATE_S), signal.SIGKILL)
        signal_all(orphans.values(), signal.SIGKILL)
        for pid in orphans.values():
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)
