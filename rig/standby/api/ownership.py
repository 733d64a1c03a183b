"""Whose a socket is: the app's, or the broker's that it is given to (SAT-002, 003, 011).

    socket.enable_transfer_ownership(task_id, SocketActivityConnectedStandbyAction.WAKE)   before bind or connect
    socket.transfer_ownership("news", SocketActivityContext(b"who I am"), timedelta(minutes=15))

Each of the three classes of sockets has an `Ownership`; what is common to them stands here.
"""

from __future__ import annotations

import math
import socket
from dataclasses import dataclass
from datetime import timedelta

from rig.standby.api import session
from rig.standby.wire.app_sockets import BindEnabled, EnableTransfer, TakenSocket, TransferSocket
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.socket_enums import SocketActivityConnectedStandbyAction as Action
from rig.standby.wire.socket_enums import SocketActivityKind


@dataclass(frozen=True)
class SocketActivityContext:
    """Bytes of the app's own that come back with the socket, also to another process of it (SAT-013); 16 KiB at most."""

    data: bytes


class Ownership:
    """Of one socket."""

    def __init__(self, kind: SocketActivityKind, taken: TakenSocket | None = None) -> None:
        """`taken`: it comes from the broker, and may be given back without being enabled anew."""
        self.kind = kind
        self._enabled = (taken.task_id, taken.action) if taken is not None else None
        self._context = taken.context if taken is not None else None
        self._keep_alive_ms = taken.keep_alive_ms if taken is not None else 0

    def enable(self, task_id: str, action: Action, *, in_use: bool) -> None:
        """The task of that id is the socket's from now on. `in_use`: it is bound or connected, or about to be; then it raises
        HostError ILLEGAL_METHOD_CALL (SAT-002). ELEMENT_NOT_FOUND: no task for sockets has that id, or the platform cannot wake
        (SAT-004); the socket stays as it was, and may be enabled for DO_NOT_WAKE."""
        if in_use:
            raise HostError(HResult.ILLEGAL_METHOD_CALL, "enable_transfer_ownership comes before bind and connect")
        session.current().call(EnableTransfer(self.kind, task_id, action))
        self._enabled = task_id, action

    def check_bind(self) -> None:
        """Before a listener or datagram socket is bound. Raises HostError NOT_SUPPORTED_FOR_SOCKET (SAT-005)."""
        if self._enabled is not None and self._enabled[1] is Action.WAKE:
            session.current().call(BindEnabled(self.kind, Action.WAKE))

    def transfer(
        self,
        sock: socket.socket,
        socket_id: str,
        context: SocketActivityContext | None,
        keep_alive_time: timedelta | None,
    ) -> None:
        """The broker has it when this returns, and the app's descriptor is closed. One that comes from the broker keeps context
        and keep-alive time where none is given; its time begins anew (SAT-016), and `timedelta()` gives it none.

        Whatever it raises, the socket is the app's still: HostError ILLEGAL_METHOD_CALL when it was never enabled, INVALID_STATE
        for an id that another one has (SAT-012), NO_SLOT when the device has no room for one that wakes.
        """
        if self._enabled is None:
            raise HostError(HResult.ILLEGAL_METHOD_CALL, "transfer_ownership of a socket that was not enabled for it")
        task_id, action = self._enabled
        left = context.data if context is not None else self._context
        keep_alive_ms = _ms(keep_alive_time) if keep_alive_time is not None else self._keep_alive_ms
        call = TransferSocket(socket_id, self.kind, task_id, action, left, keep_alive_ms)
        app = session.current()
        app.call(call, [sock.fileno()])
        sock.close()


def _ms(time: timedelta) -> int:
    """Raises HostError INVALID_ARG."""
    if time < timedelta():
        raise HostError(HResult.INVALID_ARG, f"a keep-alive time of {time}, which is below 0")
    return math.ceil(time / timedelta(milliseconds=1))
