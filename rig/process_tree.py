"""A process with all its descendants: stop them, let them go on, end them.

/proc names processes as they are called outside of a PID namespace, kill(2) as inside: an `Outer` is the first, a plain pid the
second. The kernel has /proc/PID/task/TID/children wherever it has TCP_REPAIR, as one option brings both.
"""

from __future__ import annotations

import contextlib
import math
import os
import signal
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NewType

from rig.clock import Deadline

Outer = NewType("Outer", int)

ROUNDS = 200
"""Looks at a tree that grows while it is stopped. Each takes all that the one before has missed: one that still grows then forks
without end, whatever time that took."""
LATE_S = 20.0
"""For processes that were sent SIGSTOP to be seen stopped: no more of them come, and each has to get a processor once, which a
machine that stalls has for nobody. It is no sign of anything that they may have done."""
POLL_S = 0.0002

STILL = frozenset("TtZX")
"""States in which a process that was sent SIGSTOP runs nothing any more."""
VFORK_WAITS = frozenset({"kernel_clone", "_do_fork", "do_fork", "wait_for_vfork_done", "0", ""})
"""Where the kernel has a parent in vfork() whose child is stopped: it is in state D, and SIGSTOP is what it finds on its way out.
Anywhere else in D it may be in the middle of a fork(), which it does to its end (Linux: what is sent then comes after the fork).
0 or nothing: a kernel that does not say (proc_pid_wchan(5))."""


class Unstoppable(Exception):
    """A tree that still grows, or does not stop however long one waits."""


RESTING = frozenset("SITtZX")
"""States in which a thread wants no processor: it has nothing to do, stands still by a signal or a debugger, or is gone."""

GONE = (FileNotFoundError, ProcessLookupError)
"""What /proc says of a process that has ended; any other error says nothing of it, and is the caller's to know."""


def children(parent: Outer) -> list[Outer]:
    """Of all its threads; none when it has gone. Raises OSError."""
    found = list[Outer]()
    with contextlib.suppress(*GONE):
        for task in Path(f"/proc/{parent}/task").iterdir():
            with contextlib.suppress(*GONE):
                found += [Outer(int(child)) for child in (task / "children").read_text().split()]
    return found


def tree(roots: Iterable[Outer]) -> list[Outer]:
    """They and their descendants, parents first. Exact when none of them runs."""
    found = list(roots)
    for process in found:  # grows meanwhile
        found += children(process)
    return found


def cpu_ticks(process: Outer) -> int:
    """That all its threads have used, also those that have ended; 0 when it has gone."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return 0
    return int(fields[11]) + int(fields[12])


def pid_inside(process: Outer) -> int:
    """What its own PID namespace calls it; 0 when it has gone."""
    try:
        lines = Path(f"/proc/{process}/status").read_text(errors="replace").split("\n")
    except GONE:
        return 0
    return next((int(line.split()[-1]) for line in lines if line.startswith("NSpid:")), 0)


def is_still(process: Outer) -> bool:
    """Whether none of its threads runs; a process that has gone runs nothing."""
    try:
        return all(map(stands_still, Path(f"/proc/{process}/task").iterdir()))
    except GONE:
        return True


def stands_still(task: Path) -> bool:
    """A folder of /proc. See STILL and VFORK_WAITS."""
    state = _state(task)
    return state in STILL or (state == "D" and _waits_in(task) in VFORK_WAITS)


def rests(process: Outer) -> bool:
    """Whether none of its threads runs or would, had it a processor. Raises OSError."""
    try:
        return all(_state(task) in RESTING for task in Path(f"/proc/{process}/task").iterdir())
    except GONE:
        return True


def is_stopped(process: Outer) -> bool:
    """Whether SIGSTOP holds it."""
    try:
        return _state(Path(f"/proc/{process}")) == "T"
    except GONE:
        return False


class Stopping:
    """Trees on their way to stand still, over as many looks as that takes; a stopped process cannot fork, so the pids stay right
    until it goes on."""

    def __init__(self, roots: Iterable[Outer], late_s: float = LATE_S) -> None:
        self._roots = list(roots)
        self._sent: dict[Outer, int] = {}
        self._late: list[Outer] = []
        """Not yet seen stopped."""
        self._rounds = 0
        self._deadline = Deadline(late_s)

    @property
    def pids(self) -> tuple[int, ...]:
        """Of those that are there; all of them as soon as they stand still."""
        return tuple(pid for pid in self._sent.values() if pid)

    def look(self) -> bool:
        """SIGSTOP to all that have not been sent it. Whether none runs; never waits. Raises Unstoppable, or OSError when it
        cannot be seen: then they go on."""
        try:
            self._late = [process for process in self._late if not is_still(process)]
            self._send_again()
            if self._late and self._deadline.expired:
                raise Unstoppable(f"process {self._late[0]} runs on after SIGSTOP")
            return not self._late and not self._send_more()
        except OSError:
            signal_all(self.pids, signal.SIGCONT)
            raise

    def within(self, patience_s: float) -> bool:
        """Whether none runs after that long. Raises as `look` does."""
        patience = Deadline(patience_s)
        while not self.look():
            if patience.expired:
                return False
            if self._late:
                time.sleep(POLL_S)
        return True

    def _send_again(self) -> None:
        """Somebody may have continued one behind our SIGSTOP, who was late himself."""
        signal_all([self._sent[process] for process in self._late], signal.SIGSTOP)

    def _send_more(self) -> bool:
        """Whether there were any."""
        new = [process for process in tree(self._roots) if process not in self._sent]
        if new and self._rounds == ROUNDS:
            raise Unstoppable(f"{len(self._sent)} processes, and they become more")
        self._rounds += 1
        for process in new:
            self._sent[process] = pid_inside(process)
            signal_all([self._sent[process]], signal.SIGSTOP)
        self._late = [process for process in new if not is_still(process)]
        return bool(new)


def stop(roots: Iterable[Outer], late_s: float = LATE_S) -> tuple[int, ...]:
    """Wait until none of the trees runs. Returns the pids of those that are there. Raises as `Stopping.look` does."""
    stopping = Stopping(roots, late_s)
    stopping.within(math.inf)
    return stopping.pids


def signal_all(pids: Iterable[int], number: signal.Signals) -> None:
    """To each that is there."""
    for pid in pids:
        if pid > 0:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)


def _waits_in(task: Path) -> str:
    """A function of the kernel."""
    try:
        return (task / "wchan").read_text()
    except OSError:
        return ""


def _state(task: Path) -> str:
    try:
        return (task / "stat").read_text(errors="replace").rpartition(")")[2].split()[0]
    except GONE:
        return "X"
