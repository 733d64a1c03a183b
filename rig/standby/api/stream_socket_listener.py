"""StreamSocketListener: a TCP socket that others connect to. Each connection is raised to handlers, as a StreamSocket.

listener = StreamSocketListener()
listener.add_connection_received(lambda listener, args: serve(args.socket))
listener.bind(4000)
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from rig.standby.api.addresses import Address, bound, plain
from rig.standby.api.arrivals import Arrivals
from rig.standby.api.ownership import SocketActivityContext
from rig.standby.api.posted_read import PostedRead
from rig.standby.api.stream_socket import StreamSocket
from rig.standby.wire.socket_enums import SocketActivityKind

BACKLOG = 128
"""Connections that wait to be accepted; Linux's own bound for long."""


class Accept(PostedRead):
    """Completes with one connection."""

    connection: socket.socket | None = None

    def take(self) -> bool:
        try:
            self.connection, _ = self.sock.accept()
        except (BlockingIOError, ConnectionAbortedError):  # it has gone again
            return False
        self.connection.setblocking(True)
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return True


@dataclass(frozen=True)
class StreamSocketListenerConnectionReceivedEventArgs:
    """`socket` is the handler's: to be used, closed, or enabled for the broker and given to it; kept by nobody, it is closed."""

    socket: StreamSocket


ConnectionReceived: TypeAlias = Callable[["StreamSocketListener", StreamSocketListenerConnectionReceivedEventArgs], None]


class StreamSocketListener(Arrivals):
    """Any thread may call. Handlers are called one at a time, in the order of the connections."""

    kind = SocketActivityKind.STREAM_SOCKET_LISTENER

    def add_connection_received(self, handler: ConnectionReceived) -> None:
        """`handler(listener, args)` for each connection, which is closed when it raises. Before `bind`, else HostError
        ILLEGAL_METHOD_CALL; one from the broker gets its first handler in the task, and raises the connections that have waited
        (SAT-015)."""
        self._add(handler)

    def remove_connection_received(self, handler: ConnectionReceived) -> None:
        """It is not called any more. Without any, connections wait in the kernel."""
        self._remove(handler)

    def bind(self, port: int = 0, host: str = "") -> None:
        """Listen at a port, 0 for any that is free, of one address of the host or of all IPv4 ones. Raises OSError, HostError
        ILLEGAL_METHOD_CALL when it is bound, or bound to a channel, NOT_SUPPORTED_FOR_SOCKET for one that shall wake where no
        listener can (SAT-005)."""
        self._begin(lambda: _listening(host, port))

    @property
    def local_address(self) -> Address:
        return plain(self._opened("local_address").getsockname())

    @property
    def local_port(self) -> int:
        return self.local_address[1]

    def transfer_ownership(self, socket_id: str, context: SocketActivityContext | None = None) -> None:
        """As StreamSocket's, without a keep-alive time (SAT-010); connections that wait go along."""
        self._transfer_quietly(socket_id, context)

    # -- below ---------------------------------------------------------------------------------------------------------

    def _take_over(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        super()._take_over(sock)

    def _next(self, sock: socket.socket) -> Accept:
        return Accept(sock, self._arrived, self._release, socket_id=self.socket_id, channel_id=None)

    def _arguments(self, operation: Accept) -> StreamSocketListenerConnectionReceivedEventArgs | None:
        if operation.connection is None:
            return None
        return StreamSocketListenerConnectionReceivedEventArgs(StreamSocket.accepted(operation.connection))

    def _dropped(self, arguments: StreamSocketListenerConnectionReceivedEventArgs) -> None:
        """Its peer is told, and does not wait for an app that has failed."""
        arguments.socket.close()


def _listening(host: str, port: int) -> socket.socket:
    sock = bound(host, port, socket.SOCK_STREAM, BACKLOG)
    sock.setblocking(False)
    return sock
