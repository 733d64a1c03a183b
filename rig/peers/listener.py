"""A listening socket of a namespace that accepts everything, and keeps what it accepted."""

from __future__ import annotations

import socket
import ssl
import threading
from typing import Generic, Self, TypeVar

from rig.clock import WAIT_S
from rig.net.namespace import Namespace
from rig.peers.connection import Connection, quietly
from rig.timeline import TimelineWriter

LISTEN_BACKLOG = 64

C = TypeVar("C", bound=Connection)


class Listener(Generic[C]):
    """Listens on an address of its namespace. `tls`: what is accepted speaks TLS. Context manager."""

    def __init__(
        self,
        namespace: Namespace,
        address: str,
        timeline: TimelineWriter,
        port: int = 0,
        *,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._timeline = timeline
        self._tls = tls
        self._listener = namespace.socket(family, socket.SOCK_STREAM)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind((address, port))
        self._listener.listen(LISTEN_BACKLOG)
        self.address: str = address
        self.port: int = self._listener.getsockname()[1]
        self.connections: list[C] = []
        self._accepted = 0
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._accept, name="server", daemon=True)
        self._thread.start()

    def _taken(self, sock: socket.socket, number: int) -> C:
        """The connection of a socket just accepted."""
        raise NotImplementedError

    def _welcome(self, connection: C) -> None:
        """Before anything of it is read."""

    def connection(self, number: int = -1, timeout_s: float = WAIT_S) -> C:
        """The `number`-th connection accepted (from 0), the newest by default; waits for it."""
        wanted = 1 if number < 0 else number + 1
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.connections) >= wanted, timeout_s):
                raise AssertionError(f"{wanted} connections were awaited, {len(self.connections)} came within {timeout_s} s")
            return self.connections[number]

    def close(self) -> None:
        """A second call does nothing that anybody sees."""
        if self._listener.fileno() >= 0:
            self._timeline.add("PEER_CLOSED", address=self.address, port=self.port)
        quietly(lambda: self._listener.shutdown(socket.SHUT_RDWR))
        self._thread.join(1)
        self._listener.close()
        for connection in self.connections:
            connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _accept(self) -> None:
        while True:
            try:
                sock, _address = self._listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = self._taken(sock, self._accepted)
            self._accepted += 1
            with self._changed:
                self.connections.append(connection)
                self._changed.notify_all()
            self._welcome(connection)  # it is among the others before it can answer: who is answered may count them
            connection.start()
