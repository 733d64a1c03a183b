"""The reads that an app has posted: the crew listens to their sockets until there is something to read."""

from __future__ import annotations

import errno
from collections.abc import Callable

from rig.standby.api.read_operation import ReadOperation
from rig.standby.app.crew import Crew
from rig.standby.wire.from_app import ReadBegin
from rig.standby.wire.message import Notice


class PostedReads:
    """For any thread. Each posted read ends in one completion, whatever an app does to its sockets meanwhile."""

    def __init__(self, crew: Crew, notify: Callable[[Notice], None], completed: Callable[[ReadOperation], None]) -> None:
        self._crew = crew
        self._notify = notify
        self._completed = completed
        self._fds: dict[ReadOperation, int] = {}
        """Of those that wait. A socket that was closed has none any more."""

    def post(self, operation: ReadOperation) -> None:
        """Complete it as soon as its socket is readable."""
        fd = operation.sock.fileno()
        self._fds[operation] = fd
        try:
            self._crew.watch_once(fd, lambda: self._ready(operation))
        except (OSError, ValueError) as error:  # it is closed already, or its descriptor is another one's
            del self._fds[operation]
            operation.fail(error if isinstance(error, OSError) else OSError(errno.EBADF, str(error)))
            self._notify(ReadBegin(operation.channel_id))
            self._completed(operation)

    def withdraw(self, operation: ReadOperation) -> None:
        """Complete it as cancelled, unless it has begun to read: then that is waited for. The socket may be closed afterwards."""
        with operation.turn:
            if self._forget(operation):
                operation.cancel_now()
                self._completed(operation)

    def _ready(self, operation: ReadOperation) -> None:
        """The system hears of it before the data is taken: it could stop the app in between, and nothing would wake it again."""
        with operation.turn:
            if self._forget(operation):
                self._notify(ReadBegin(operation.channel_id))
                operation.receive()
                self._completed(operation)

    def _forget(self, operation: ReadOperation) -> bool:
        """Whether it was waited for."""
        fd = self._fds.pop(operation, None)
        if fd is None:
            return False
        self._crew.unwatch(fd)
        return True
