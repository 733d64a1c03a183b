"""Sockets that the app has given to the system's broker, and gets back for its tasks.

    def run(self, instance):
        details = instance.trigger_details
        match details.reason:
            case SocketActivityTriggerReason.SOCKET_ACTIVITY:
                stream = details.socket_information.stream_socket    it is the app's from here on
                ...
                stream.transfer_ownership(details.socket_information.id)

A task that does not take its socket, or does not give it back, hears no more of it (SAT-018); until it is taken the broker keeps
it, and `SocketActivityInformation.all_sockets` has it.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from rig.standby.api import session
from rig.standby.api.datagram_socket import DatagramSocket
from rig.standby.api.ownership import SocketActivityContext
from rig.standby.api.stream_socket import StreamSocket
from rig.standby.api.stream_socket_listener import StreamSocketListener
from rig.standby.api.transferable import Transferable
from rig.standby.wire.app_sockets import BrokeredSocketInfo, ListSockets, SocketTaken, TakenSocket, TakeSocket
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.socket_enums import SocketActivityKind, SocketActivityTriggerReason
from rig.standby.wire.triggers import SocketActivityDetails

T = TypeVar("T", bound=Transferable)


@dataclass(eq=False)
class SocketActivityInformation:
    """One brokered socket, as it was given."""

    id: str
    socket_kind: SocketActivityKind
    task_id: str
    """Of the task that it is enabled for."""
    context: SocketActivityContext | None
    _taken: Transferable | None = field(default=None, repr=False)
    _turn: threading.Lock = field(default_factory=threading.Lock, repr=False)
    """Whoever comes second has the same object: two would close one connection twice."""

    @staticmethod
    def all_sockets() -> Mapping[str, SocketActivityInformation]:
        """All that the broker has of this app, whichever process gave it, by id (SAT-021)."""
        found: dict[str, SocketActivityInformation] = {}
        behind = 0
        while page := session.current().call(ListSockets(behind)):
            behind = page[-1].transfer
            found.update({info.id: _information(info) for info in page})
        return found

    @property
    def stream_socket(self) -> StreamSocket:
        """The socket, which is the app's from the first access on (SAT-020). Raises HostError ILLEGAL_METHOD_CALL for one of
        another kind, ELEMENT_NOT_FOUND when the broker does not have it any more."""
        return self._take(StreamSocket)

    @property
    def datagram_socket(self) -> DatagramSocket:
        """As `stream_socket`. A handler that is added to it gets the datagrams that have waited (SAT-022)."""
        return self._take(DatagramSocket)

    @property
    def stream_socket_listener(self) -> StreamSocketListener:
        """As `stream_socket`. A handler that is added to it gets the connections that have waited (SAT-015)."""
        return self._take(StreamSocketListener)

    def _take(self, cls: type[T]) -> T:
        if self.socket_kind is not cls.kind:
            wrong = f"socket {self.id!r} is a {self.socket_kind.name}, not a {cls.kind.name}"
            raise HostError(HResult.ILLEGAL_METHOD_CALL, wrong)
        with self._turn:
            if not isinstance(self._taken, cls):
                self._taken = cls.from_broker(*_take(self.id))
            return self._taken


@dataclass(frozen=True)
class SocketActivityTriggerDetails:
    """Of a run for a brokered socket: which, and why."""

    reason: SocketActivityTriggerReason
    socket_information: SocketActivityInformation


def socket_details(told: SocketActivityDetails) -> SocketActivityTriggerDetails:
    """As a run has them."""
    context = SocketActivityContext(told.context) if told.context is not None else None
    return SocketActivityTriggerDetails(told.reason, SocketActivityInformation(told.id, told.kind, told.task_id, context))


def _information(info: BrokeredSocketInfo) -> SocketActivityInformation:
    context = SocketActivityContext(info.context) if info.context is not None else None
    return SocketActivityInformation(info.id, info.kind, info.task_id, context)


def _take(socket_id: str) -> tuple[socket.socket, TakenSocket]:
    """The broker forgets it as soon as it is here."""
    app = session.current()
    taken, descriptors = app.fetch(TakeSocket(socket_id))
    with descriptors:
        sock = descriptors.take_socket()
    if sock is None:
        raise HostError(HResult.UNEXPECTED, f"socket {socket_id!r} came without its descriptor")
    app.notify(SocketTaken(socket_id, taken.transfer))
    return sock, taken
