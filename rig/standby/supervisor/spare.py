"""A process that waits for a run of a background task: forked before anybody wants it, as a fork and what follows it take longer
than the rest of a task's start."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Collection
from dataclasses import dataclass

import msgspec

from rig.process import outer_pid
from rig.standby.supervisor.forked import live, with_only
from rig.standby.wire.line import pair
from rig.standby.wire.supervision import AppBirth, Forked


@dataclass(frozen=True)
class _Waiting:
    process: Forked
    line: socket.socket


class Spare:
    """There is one at most, and none before the first task has wanted a process: most hosts never need one. `program` runs in
    it, with its end of a line that brings its birth, and the path that it will import from; `fds` are what it keeps of this
    process's."""

    def __init__(self, program: Callable[[int, list[str]], None], fds: Collection[int]) -> None:
        self._program = program
        self._fds = set(fds)
        self._waiting: _Waiting | None = None
        self._path: list[str] | None = None
        """Of the one that is wanted next."""

    @property
    def wanted(self) -> bool:
        return self._path is not None and self._waiting is None

    def want(self, path: list[str]) -> None:
        """`path` as the last one had it."""
        self._path = path

    @property
    def pids(self) -> tuple[int, ...]:
        return () if self._waiting is None else (self._waiting.process.pid,)

    def prepare(self) -> None:
        """Unless it waits already, or nobody wants one. A machine that has no process left is none that needs a spare one."""
        path, self._path = self._path, None
        if self._waiting is not None or path is None:
            return
        ours, theirs = pair()
        with theirs:
            try:
                pid = os.fork()
            except OSError:
                ours.close()
                return
            if pid == 0:
                fd = theirs.fileno()
                live(lambda: with_only({0, 1, 2, fd, *self._fds}, lambda: self._program(fd, path)))
            ours.setblocking(False)
            self._waiting = _Waiting(Forked(pid, outer_pid(pid)), ours)

    def take(self, birth: AppBirth) -> Forked | None:
        """The process that waits is that one from now on; None when there is none."""
        waiting, self._waiting = self._waiting, None
        if waiting is None:
            return None
        with waiting.line as line:
            try:
                socket.send_fds(line, [msgspec.msgpack.encode(birth)], [birth.line_fd])
                os.kill(waiting.process.pid, signal.SIGCONT)  # an app may have stopped every process that it could
            except OSError:  # it has just died, which nobody has heard yet
                return None
        return waiting.process

    def ended(self, pid: int) -> None:
        """Of any process; one that nobody has wanted yet is not missed before somebody does."""
        if pid in self.pids and self._waiting is not None:
            self._waiting.line.close()
            self._waiting = None
