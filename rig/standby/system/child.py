"""An app's process and what it has started, as the system sees them: stopped, continued, ended. The supervisor forks and reaps.

Suspension is SIGSTOP of all of them, seen to have taken effect. A cgroup freezer would do the same but leaves its directory
behind when the rig is killed; a stopped process dies with its PID namespace all the same.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import signal
import socket
from collections.abc import Callable, Sequence

from rig.process_tree import Outer, Unstoppable, is_stopped, pid_inside, signal_all, stop, tree
from rig.standby.wire import supervision
from rig.standby.wire.descriptors import Descriptors
from rig.standby.wire.line import Line
from rig.standby.wire.message import Notice
from rig.standby.wire.peer import Peer

LAST_STEPS_S = 0.5
"""From the end of a process's line to its exit status; a stopped one has none."""


class Child:
    """`pid` is what the bench can signal, 0 until it is known; `pids`: all that `stop` has stopped, as the driver calls them."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.pid = 0
        self.pids: tuple[int, ...] = ()
        self._own_pid = 0
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

    def stop(self) -> None:
        """Returns when none of their threads runs. What cannot be stopped, as it forks without end, is killed."""
        try:
            self.pids = tuple(stop([Outer(self.pid)]))
        except Unstoppable:
            self.kill()

    def go_on(self) -> None:
        signal_all(self.pids, signal.SIGCONT)

    async def end(self) -> str:
        """After it hung up: how it ended, in words; it is killed when it does not."""
        with contextlib.suppress(TimeoutError):
            return await asyncio.wait_for(asyncio.shield(self._ended), LAST_STEPS_S)
        self.kill()
        await self._ended
        return "it hung up and was killed"

    def kill(self) -> None:
        """What it has started is ended by the supervisor then."""
        if not self._ended.done():
            signal_all([self._own_pid], signal.SIGKILL)

    def is_born(self, forked: supervision.Forked) -> None:
        self._own_pid, self.pid = forked.pid, forked.outer_pid
        self._known.set()

    def has_ended(self, status: str) -> None:
        if not self._ended.done():
            self._ended.set_result(status)
        self._known.set()


class Adopted(Child):
    """One that has outlived the system before, which may have stopped it."""

    def __init__(self, running: supervision.RunningApp) -> None:
        super().__init__(running.key)
        self.is_born(supervision.Forked(running.pid, running.outer_pid))
        self.pids = tuple(pid for pid in map(pid_inside, tree([Outer(running.outer_pid)])) if pid)


class Supervisor:
    """The supervisor, as the system asks it. `on_gone`: it has ended, as everything else is about to."""

    def __init__(
        self,
        given: supervision.Inheritance,
        *,
        on_gone: Callable[[str], None],
        on_fault: Callable[[str, BaseException], None],
    ) -> None:
        line: Line[supervision.ToSystem] = Line(socket.socket(fileno=given.line_fd), supervision.ToSystem)
        self._peer = Peer(line, self._hear, on_gone=on_gone, on_fault=on_fault)
        self._keys = (f"{given.incarnation}.{number}" for number in itertools.count(1))
        self._children: dict[str, Child] = {}

    def child(self) -> Child:
        """For one that is about to be started: it may have spoken before the supervisor has told its pid."""
        return Child(next(self._keys))

    async def start(
        self,
        child: Child,
        name: str,
        entry: str,
        path: list[str],
        instance: int,
        fds: Sequence[int],
        task: supervision.TaskLimits | None = None,
    ) -> None:
        """As `Supervising.start`."""
        self._children[child.key] = child
        try:
            child.is_born(await self._peer.call(supervision.StartApp(child.key, name, entry, path, instance, task), fds))
        except BaseException:
            self._children.pop(child.key, None)
            raise

    def adopt(self, running: supervision.RunningApp) -> Child:
        child = self._children[running.key] = Adopted(running)
        return child

    async def put(self, name: str, fd: int) -> None:
        """Keep a duplicate of the descriptor for the system that comes after this one; see `Inheritance.store`."""
        await self._peer.call(supervision.Put(name), [fd])

    def remove(self, name: str) -> None:
        self._peer.notify(supervision.Remove(name))

    def serving(self) -> None:
        """This system's death is none of one that cannot start."""
        self._peer.notify(supervision.Serving())

    def _hear(self, notice: Notice, descriptors: Descriptors) -> None:
        if isinstance(notice, supervision.AppEnded):
            child = self._children.pop(notice.key, None)
            if child is not None:
                child.has_ended(notice.status)
