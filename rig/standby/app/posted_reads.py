"""The reads that an app has posted: they wait in the input thread's selector until there is something to read."""

from __future__ import annotations

import errno
import os
import queue
import selectors
from collections.abc import Callable

from rig.standby.api.read_operation import ReadOperation
from rig.standby.wire.from_app import ReadBegin
from rig.standby.wire.message import Notice


class PostedReads:
    """`change` is for any thread, the rest for the input thread. Each posted read ends in one completion, whatever an app does
    to its sockets meanwhile."""

    def __init__(
        self, selector: selectors.BaseSelector, notify: Callable[[Notice], None], completed: Callable[[ReadOperation], None]
    ) -> None:
        self._selector = selector
        self._notify = notify
        self._completed = completed
        self._changes: queue.SimpleQueue[tuple[ReadOperation, bool]] = queue.SimpleQueue()
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        selector.register(self._wake, selectors.EVENT_READ, self.apply_changes)

    def change(self, operation: ReadOperation, *, posted: bool) -> None:
        self._changes.put((operation, posted))
        os.eventfd_write(self._wake, 1)

    def apply_changes(self) -> None:
        os.eventfd_read(self._wake)
        while not self._changes.empty():
            operation, posted = self._changes.get()
            if posted:
                self._post(operation)
            else:
                self._withdraw(operation)

    def _post(self, operation: ReadOperation) -> None:
        try:
            self._selector.register(operation.sock, selectors.EVENT_READ, lambda: self._ready(operation))
        except (OSError, ValueError, KeyError) as error:  # it is closed already, or its descriptor is another one's
            operation.fail(error if isinstance(error, OSError) else OSError(errno.EBADF, str(error)))
            self._notify(ReadBegin(operation.channel_id))
            self._completed(operation)

    def _withdraw(self, operation: ReadOperation) -> None:
        try:
            if self._forget(operation):
                operation.cancel_now()
                self._completed(operation)
        finally:
            operation.withdrawn.set()

    def _ready(self, operation: ReadOperation) -> None:
        """The system hears of it before the data is taken: it could stop the app in between, and nothing would wake it again."""
        self._forget(operation)
        self._notify(ReadBegin(operation.channel_id))
        operation.receive()
        self._completed(operation)

    def _forget(self, operation: ReadOperation) -> bool:
        """Whether it was waited for."""
        try:
            self._selector.unregister(operation.sock)
        except (KeyError, ValueError):
            return False
        return True
