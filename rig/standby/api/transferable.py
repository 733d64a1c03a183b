"""A socket of the app's that it may give to the system's broker: what the three kinds have in common.

enable_transfer_ownership(task_id)      before bind or connect
bind or connect, use
cancel_io()                             whatever waits ends
transfer_ownership(id, ...)             in a handler of suspending, or last in a task (SAT-011)
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import ClassVar, Self

from rig.standby.api import session
from rig.standby.api.enums import AsyncStatus
from rig.standby.api.ownership import Ownership, SocketActivityContext
from rig.standby.api.transport import Transport
from rig.standby.wire.app_sockets import TakenSocket
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.socket_enums import SocketActivityConnectedStandbyAction, SocketActivityKind


class Transferable(Transport):
    """WebSockets and what speaks HTTP are none of these (SAT-001)."""

    kind: ClassVar[SocketActivityKind]

    def __init__(self) -> None:
        super().__init__()
        self._ownership = Ownership(self.kind)
        self._closing = False

    @classmethod
    def from_broker(cls, sock: socket.socket, taken: TakenSocket) -> Self:
        """One that the broker had; the caller was given its descriptor."""
        made = cls()
        made._ownership = Ownership(cls.kind, taken)
        made._take_over(sock)
        return made

    def _take_over(self, sock: socket.socket) -> None:
        """It is open already."""
        self._socket = sock

    # -- I/O that waits ------------------------------------------------------------------------------------------------

    def cancel_io(self) -> None:
        """All that waits on this socket ends: when this returns, each read and write has its final status. Handlers of reads
        may still run, or are still to be called. What the kernel has taken is sent all the same (SAT-009)."""
        pending = self._pending
        if pending is not None:
            session.current().withdraw(pending)

    @property
    def _waits(self) -> bool:
        pending = self._pending
        return pending is not None and pending.status is AsyncStatus.STARTED

    @contextmanager
    def _quiet(self) -> Iterator[None]:
        """Nobody reads or writes for as long. Raises HostError ILLEGAL_METHOD_CALL when somebody does (SAT-008)."""
        if self._waits:
            text = f"transfer_ownership of socket {self.socket_id}, which has a posted read: cancel_io before"
            raise HostError(HResult.ILLEGAL_METHOD_CALL, text)
        yield

    # -- the broker ----------------------------------------------------------------------------------------------------

    def enable_transfer_ownership(
        self,
        task_id: str,
        action: SocketActivityConnectedStandbyAction = SocketActivityConnectedStandbyAction.DO_NOT_WAKE,
    ) -> None:
        """It may be given to the broker later, for the task of that id (SAT-002). See `Ownership.enable`.

        WAKE has the device keep a stream's connection in connected standby. Of a listener or datagram socket it wakes only on a
        host with this rig's extension `wake_listeners_and_datagrams`; on others their tasks run when the host is awake.
        """
        with self._lock:
            in_use = self._in_use
        self._ownership.enable(task_id, action, in_use=in_use)

    @property
    def _in_use(self) -> bool:
        return self._given or self._socket is not None or self._connecting

    def _transfer(self, socket_id: str, context: SocketActivityContext | None, keep_alive_time: timedelta | None = None) -> None:
        """The object is of no more use afterwards. Whatever raises, it is as before; but for TimeoutError: then the system is
        told as soon as there is one, and the socket is given."""
        with self._lock:
            sock = self._to_give()
            self._given, self._socket = True, None
        try:
            with self._quiet():
                self._ownership.transfer(sock, socket_id, context, keep_alive_time)
        except TimeoutError:
            sock.close()
            raise
        except BaseException:
            with self._lock:
                self._given, self._socket = False, sock
            if self._closing:
                self.close()
            raise

    def _to_give(self) -> socket.socket:
        """Under the lock. Raises HostError."""
        sock = self._opened("transfer_ownership")
        if self.channel_id is not None:
            raise HostError(HResult.ILLEGAL_METHOD_CALL, f"socket {self.socket_id} is the transport of a channel")
        return sock

    def close(self) -> None:
        """Close; what waits ends as cancelled. Closed already, or given to the broker: nothing."""
        self._closing = True
        super().close()
