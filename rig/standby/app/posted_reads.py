"""The reads that an app has posted: the crew listens to their sockets until there is something to read."""

from __future__ import annotations

import errno
from collections.abc import Callable

from rig.standby.api.enums import AsyncStatus
from rig.standby.api.posted_read import PostedRead
from rig.standby.app.crew import Crew
from rig.standby.wire.from_app import DataDispatched, ReadBegin, ReadWithoutEffect
from rig.standby.wire.message import Notice

BUFFERED = -1
"""In place of a descriptor: the kernel need not be asked."""


class PostedReads:
    """For any thread. Each posted read ends in one completion, whatever an app does to its sockets meanwhile."""

    def __init__(self, crew: Crew, notify: Callable[[Notice], None], completed: Callable[[PostedRead], None]) -> None:
        self._crew = crew
        self._notify = notify
        self._completed = completed
        self._fds: dict[PostedRead, int] = {}
        """Of those that wait. A socket that was closed has none any more."""

    def post(self, operation: PostedRead) -> None:
        """Complete it as soon as there is something for it."""
        with operation.turn:
            if operation.status is AsyncStatus.STARTED:  # else it was withdrawn by somebody who is quicker
                self._begin(operation)

    def _begin(self, operation: PostedRead) -> None:
        if operation.ready:  # the app may be stopped at any time, and nothing would come for which it is continued
            self._notify(ReadBegin(operation.channel_id))
            self._fds[operation] = BUFFERED
            self._crew.add(operation, lambda: self._take_buffered(operation))
        else:
            self._watch(operation)

    def withdraw(self, operation: PostedRead) -> None:
        """Complete it as cancelled, unless it has begun to read: then that is waited for. The socket may be closed afterwards."""
        with operation.turn:
            self._forget(operation)
            if operation.status is AsyncStatus.STARTED:
                operation.cancel_now()
                self._completed(operation)

    def _watch(self, operation: PostedRead) -> None:
        fd = operation.sock.fileno()
        self._fds[operation] = fd
        try:
            self._crew.watch_once(fd, lambda: self._ready(operation))
        except (OSError, ValueError) as error:  # it is closed already, or its descriptor is another one's
            del self._fds[operation]
            operation.fail(error if isinstance(error, OSError) else OSError(errno.EBADF, str(error)))
            self._notify(ReadBegin(operation.channel_id))
            self._completed(operation)

    def _ready(self, operation: PostedRead) -> None:
        """The system hears of it before the data is taken: it could stop the app in between, and nothing would wake it again."""
        with operation.turn:
            if self._forget(operation):
                self._notify(ReadBegin(operation.channel_id))
                self._receive(operation)

    def _take_buffered(self, operation: PostedRead) -> None:
        with operation.turn:
            if self._forget(operation):
                self._receive(operation)
            else:  # withdrawn
                self._notify(ReadWithoutEffect(operation.channel_id))

    def _receive(self, operation: PostedRead) -> None:
        complete = operation.receive()
        if operation.dispatched() and operation.channel_id is not None:
            self._notify(DataDispatched(operation.channel_id, operation.socket_id))
        if complete:
            self._completed(operation)
        else:
            self._notify(ReadWithoutEffect(operation.channel_id))
            self._watch(operation)

    def _forget(self, operation: PostedRead) -> bool:
        """Whether it was waited for."""
        fd = self._fds.pop(operation, None)
        if fd is None:
            return False
        if fd != BUFFERED:
            self._crew.unwatch(fd)
        return True
