"""The supervisor, seen from the system: it forks and reaps apps, and keeps descriptors for the next system."""

from __future__ import annotations

import itertools
import socket
from collections.abc import Callable, Sequence

from rig.standby.system.child import AdoptedChild, ForkedChild
from rig.standby.wire import supervision
from rig.standby.wire.descriptors import Descriptors
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.line import Line
from rig.standby.wire.message import Notice
from rig.standby.wire.peer import Peer


class SupervisorProcess:
    """A `Supervising`. `on_gone`: it has ended, as everything else is about to."""

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
        self._children: dict[str, ForkedChild] = {}

    def child(self) -> ForkedChild:
        """For one that is about to be started: it may have spoken before the supervisor has told its pid."""
        return ForkedChild(next(self._keys))

    async def start(
        self,
        child: ForkedChild,
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
            child.is_born(await self._fork(supervision.ForkApp(child.key, name, entry, path, instance, task), fds))
        except BaseException:
            self._children.pop(child.key, None)
            raise

    async def _fork(self, call: supervision.ForkApp, fds: Sequence[int]) -> supervision.Forked:
        try:
            return await self._peer.call(call, fds)
        except ConnectionResetError as gone:
            raise HostError(HResult.CANCELLED, "the host ends") from gone  # what starts just then is no fault

    def adopt(self, running: supervision.RunningApp) -> ForkedChild:
        child = self._children[running.key] = AdoptedChild(running)
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
