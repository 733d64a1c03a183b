"""A TCP server that pushes: real sockets of the server's kernel, held open, written to when a test says so."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterable

from rig.clock import WAIT_S
from rig.peers.connection import Connection, quietly
from rig.peers.listener import Listener
from rig.timeline import TimelineWriter


class PushConnection(Connection):
    """One accepted connection. `received` grows as the host sends; a `responder` says what to answer to each piece of it,
    each answer a segment of its own."""

    def __init__(self, sock: socket.socket, number: int, timeline: TimelineWriter, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(sock, number, timeline, tls)
        self.responder: Callable[[bytes], Iterable[bytes]] = lambda _data: ()
        self._received = bytearray()

    @property
    def received(self) -> bytes:
        with self._changed:
            return bytes(self._received)

    def push(self, data: bytes) -> int:
        """Send; returns CLOCK_MONOTONIC ns just before."""
        t_ns = time.monotonic_ns()
        self._timeline.add("PUSH", connection=self.number, bytes=len(data))
        self.stream.sendall(data)
        return t_ns

    def wait_received(self, count: int, timeout_s: float = WAIT_S) -> bytes:
        """At least `count` bytes. Raises AssertionError with what came."""
        self._wait(lambda: len(self._received) >= count, timeout_s, f"{count} bytes")
        return self.received

    def _keep(self, data: bytes) -> None:
        self._received += data

    def _arrived(self, data: bytes) -> None:
        if not data:
            return
        self._timeline.add("PEER_RECEIVED", connection=self.number, bytes=len(data))
        for answer in self.responder(data):
            self._answer(answer)

    def _answer(self, data: bytes) -> None:
        quietly(lambda: self.stream.sendall(data))

    def _received_so_far(self) -> str:
        return repr(bytes(self._received))


class PushServer(Listener[PushConnection]):
    """Listens on an address of its namespace, accepts everything. Context manager."""

    on_accept: Callable[[PushConnection], None] | None = None
    """Called with each connection before it is read: rig/peers/behaviour.py has some."""

    def push(self, data: bytes) -> int:
        """Send on the newest connection; returns CLOCK_MONOTONIC ns just before."""
        return self.connection().push(data)

    def _taken(self, sock: socket.socket, number: int) -> PushConnection:
        return PushConnection(sock, number, self._timeline, self._tls)

    def _welcome(self, connection: PushConnection) -> None:
        if self.on_accept is not None:
            self.on_accept(connection)
