"""Sockets whose things come by themselves, to handlers: datagrams, and connections of a listener.

The app posts nothing. Below, one operation after another is posted as long as there is a handler, with all that the runtime does
for posted reads: the system knows that something has come before it is taken, and that its handler has returned.
"""

from __future__ import annotations

import errno
import socket
import threading
from abc import abstractmethod
from collections.abc import Callable
from typing import Any, Self

from rig.standby.api.ownership import SocketActivityContext
from rig.standby.api.posted_read import PostedRead
from rig.standby.api.transferable import Transferable
from rig.standby.wire.app_sockets import TakenSocket
from rig.standby.wire.hresult import HostError, HResult

GONE = (errno.EBADF, errno.ENOTSOCK, errno.EINVAL, errno.EPERM, errno.EEXIST)
"""The descriptor is not this socket's any more, as the app has closed it behind our back: it would fail again at once."""
SCARCE = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
SCARCE_PAUSE_S = 0.1
"""Until the app may have closed something."""


class Arrivals(Transferable):
    """Handlers are added before the socket is bound or connected: what came in between would be nobody's. To one that comes from
    the broker they are added in the task; what waited there comes to them at once (SAT-022)."""

    def __init__(self) -> None:
        super().__init__()
        self._handlers: list[Callable[[Any, Any], None]] = []
        self._from_broker = False
        self._silent = False
        """Nothing is posted any more."""

    @classmethod
    def from_broker(cls, sock: socket.socket, taken: TakenSocket) -> Self:
        made = super().from_broker(sock, taken)
        made._from_broker = True
        return made

    # -- what a kind of it says ----------------------------------------------------------------------------------------

    @abstractmethod
    def _next(self, sock: socket.socket) -> PostedRead:
        """What completes with the next one; its handler is `_arrived`."""

    @abstractmethod
    def _arguments(self, operation: Any) -> Any:
        """What handlers get of a completed one, with an error too. None: nothing that they want to know."""

    def _dropped(self, arguments: Any) -> None:
        """A handler has raised, or there is none any more."""

    # -- handlers ------------------------------------------------------------------------------------------------------

    def _add(self, handler: Callable[[Any, Any], None]) -> None:
        with self._lock:
            self._check_own("adding a handler")
            if not self._from_broker and self._in_use:
                raise HostError(HResult.ILLEGAL_METHOD_CALL, f"socket {self.socket_id} is bound: add handlers before")
            self._handlers.append(handler)
            self._silent = False
        if self._from_broker:
            self._listen()

    def _remove(self, handler: Callable[[Any, Any], None]) -> None:
        """One that was not added: nothing."""
        with self._lock:
            if handler in self._handlers:
                self._handlers.remove(handler)

    # -- opening -------------------------------------------------------------------------------------------------------

    def _begin(self, make: Callable[[], socket.socket]) -> None:
        """It has the socket that `make` makes, and nobody else binds or connects it meanwhile. Raises as `bind`."""
        with self._lock:
            self._check_own("bind")
            if self._in_use or self.channel_id is not None:
                raise HostError(HResult.ILLEGAL_METHOD_CALL, f"bind on socket {self.socket_id}, which is in use already")
            self._connecting = True
        try:
            self._ownership.check_bind()
            self._socket = make()
        finally:
            self._connecting = False
        self._listen()

    # -- one after another ---------------------------------------------------------------------------------------------

    def _listen(self) -> None:
        """Unless nobody wants it, it is done already, or the socket is not open."""
        with self._lock:
            sock = self._socket
            if sock is None or self._pending is not None or self._silent or not self._handlers:
                return
            operation = self._next(sock)
            operation.lane = self  # who is slow here holds up no channel
            self._pending = operation
        self._wait_for(operation)

    def _arrived(self, operation: PostedRead) -> None:
        """In the lane of handlers. The next one is posted when they have returned: none is lost, the kernel keeps them."""
        try:
            arguments = self._arguments(operation) if not operation.cancelled else None
            if arguments is not None:
                self._call_handlers(arguments)
        finally:
            self._go_on(operation.error)

    def _call_handlers(self, arguments: Any) -> None:
        handlers = tuple(self._handlers)
        if not handlers:
            self._dropped(arguments)
        for handler in handlers:
            try:
                handler(self, arguments)
            except BaseException:
                self._dropped(arguments)
                raise

    def _go_on(self, error: OSError | None) -> None:
        number = error.errno if error is not None else 0
        if number in SCARCE:
            timer = threading.Timer(SCARCE_PAUSE_S, self._listen)
            timer.daemon = True
            timer.start()
        elif number not in GONE:
            self._listen()

    def cancel_io(self) -> None:
        """Nothing is taken from the kernel any more; handlers of what was taken may still run, or are still to be called
        (SAT-009)."""
        with self._lock:
            self._silent = True
        super().cancel_io()

    # -- the broker ----------------------------------------------------------------------------------------------------

    def _transfer_quietly(self, socket_id: str, context: SocketActivityContext | None, *time: Any) -> None:
        """What is posted is our own affair: it ends here, and goes on when the broker does not want the socket."""
        silent = self._silent
        self.cancel_io()
        try:
            self._transfer(socket_id, context, *time)
        except BaseException:
            with self._lock:
                self._silent = silent
            self._listen()
            raise
