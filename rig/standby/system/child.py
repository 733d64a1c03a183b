"""An app's process and what it has started, as the system sees them: stopped, continued, ended. The supervisor forks and reaps.

Suspension is SIGSTOP of all of them, seen to have taken effect. A cgroup freezer would do the same but leaves its directory
behind when the rig is killed; a stopped process dies with its PID namespace all the same.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal

from rig.net.socket_bytes import bytes_by_inode, sockets_of
from rig.process_tree import Outer, Stopping, Unstoppable, cpu_ticks, is_stopped, pid_inside, rests, signal_all, tree
from rig.standby.wire import supervision

AT_ONCE_S = 0.05
"""A tree is seen stopped within a millisecond, where it gets a processor; longer than that the system's loop waits for none."""
LAST_STEPS_S = 0.5
"""From the end of a process's line to its exit status; a stopped one has none."""


class ForkedChild:
    """A `Child`. `pid` is what the bench can signal, 0 until it is known; `pids`: all that `stop` has stopped, as the driver
    calls them."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.pid = 0
        self.pids: tuple[int, ...] = ()
        self._stopping: Stopping | None = None
        """They are late."""
        self._own_pid = 0
        self._killed = False
        self._known = asyncio.Event()
        self._ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def known(self) -> int:
        """Its pid; the app may say that it is ready before the supervisor's answer is read."""
        await self._known.wait()
        return self.pid

    @property
    def stopped(self) -> bool:
        """Whether it is, whoever did it."""
        return self.pid != 0 and is_stopped(Outer(self.pid))

    def stop(self) -> bool:
        """Whether none of their threads runs. What cannot be stopped, as it forks without end, is killed."""
        late, self._stopping = self._stopping, None
        stopping = late or Stopping([Outer(self.pid)])
        try:
            if not stopping.within(AT_ONCE_S if late is None else 0):
                self._stopping = stopping
                return False
            self.pids = stopping.pids
        except Unstoppable:
            self.kill()
        return True

    def go_on(self) -> None:
        stopping, self._stopping = self._stopping, None
        signal_all(stopping.pids if stopping is not None else self.pids, signal.SIGCONT)

    async def end(self) -> str:
        """After it hung up: how it ended, in words; it is killed when it does not. One that was killed before has ended of that,
        however late a busy machine tells."""
        if self._killed:
            return await self._ended
        with contextlib.suppress(TimeoutError):
            return await asyncio.wait_for(asyncio.shield(self._ended), LAST_STEPS_S)
        self.kill()
        await self._ended
        return "it hung up and was killed"

    def kill(self) -> None:
        """What it has started is ended by the supervisor then. One that is about to be born is ended when it is."""
        self._killed = True
        if not self._ended.done():
            signal_all([self._own_pid], signal.SIGKILL)

    def cpu_ticks(self) -> int:
        return sum(map(cpu_ticks, tree([Outer(self.pid)]))) if self.pid else 0

    def rests(self) -> bool:
        """One that is not born yet is about to work."""
        return bool(self.pid) and all(map(rests, tree([Outer(self.pid)])))

    def socket_bytes(self) -> dict[int, int]:
        inodes = set[int]()
        for process in tree([Outer(self.pid)]) if self.pid else ():
            with contextlib.suppress(OSError):  # it ends just now
                inodes |= sockets_of(process)
        return {inode: count for inode, count in bytes_by_inode().items() if inode in inodes} if inodes else {}

    def is_born(self, forked: supervision.Forked) -> None:
        self._own_pid, self.pid = forked.pid, forked.outer_pid
        self._known.set()
        if self._killed:
            self.kill()

    def has_ended(self, status: str) -> None:
        if not self._ended.done():
            self._ended.set_result(status)
        self._known.set()


class AdoptedChild(ForkedChild):
    """One that has outlived the system before, which may have stopped it."""

    def __init__(self, running: supervision.RunningApp) -> None:
        super().__init__(running.key)
        self.is_born(supervision.Forked(running.pid, running.outer_pid))
        self.pids = tuple(pid for pid in map(pid_inside, tree([Outer(running.outer_pid)])) if pid)
