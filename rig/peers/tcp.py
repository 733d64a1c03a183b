"""A TCP server that pushes: real sockets of the server's kernel, held open, written to when a test says so."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable, Sequence

from rig.clock import WAIT_S, Deadline
from rig.net.namespace import Namespace
from rig.timeline import TimelineWriter

LISTEN_BACKLOG = 64


class PushConnection:
    """One accepted connection. `received` grows as the host sends; a `responder` says what to answer to each piece of it,
    each answer a segment of its own."""

    def __init__(self, sock: socket.socket, number: int, timeline: TimelineWriter) -> None:
        self.sock = sock
        self.number = number
        self.closed_by_peer = False
        self.responder: Callable[[bytes], Sequence[bytes]] = lambda _data: ()
        self._timeline = timeline
        self._received = bytearray()
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, name=f"server-{number}", daemon=True)
        self._reader.start()

    @property
    def peer(self) -> tuple[str, int]:
        """(address, port) of the host's end."""
        name = self.sock.getpeername()
        return name[0], name[1]

    @property
    def received(self) -> bytes:
        with self._changed:
            return bytes(self._received)

    def push(self, data: bytes) -> int:
        """Send; returns CLOCK_MONOTONIC ns just before."""
        t_ns = time.monotonic_ns()
        self._timeline.add("PUSH", connection=self.number, bytes=len(data))
        self.sock.sendall(data)
        return t_ns

    def wait_received(self, count: int, timeout_s: float = WAIT_S) -> bytes:
        """At least `count` bytes. Raises AssertionError with what came."""
        self._wait(lambda: len(self._received) >= count, timeout_s, f"{count} bytes")
        return self.received

    def wait_closed(self, timeout_s: float = WAIT_S) -> None:
        """The host's end of stream or reset."""
        self._wait(lambda: self.closed_by_peer, timeout_s, "the host's close")

    def finish(self) -> None:
        """Send FIN; the connection can still receive."""
        self._timeline.add("PEER_FIN", connection=self.number)
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Send RST: a close with lingering off. The reader is woken by a shutdown of its direction alone, which sends nothing."""
        self._timeline.add("PEER_RST", connection=self.number)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._end(socket.SHUT_RD)

    def close(self) -> None:
        self._end(socket.SHUT_RDWR)

    def _end(self, directions: int) -> None:
        """The shutdown wakes the reader; without it the close would leave the socket to the reader's recv."""
        _quietly(lambda: self.sock.shutdown(directions))
        self._reader.join(1)
        self.sock.close()

    def _read(self) -> None:
        while True:
            try:
                data = self.sock.recv(65536)
            except OSError:
                data = b""
            with self._changed:
                self._received += data
                self.closed_by_peer = not data
                self._changed.notify_all()
            if not data:
                return
            self._timeline.add("PEER_RECEIVED", connection=self.number, bytes=len(data))
            for answer in self.responder(data):
                self._answer(answer)

    def _answer(self, data: bytes) -> None:
        _quietly(lambda: self.sock.sendall(data))

    def _wait(self, ready: Callable[[], bool], timeout_s: float, what: str) -> None:
        with self._changed:
            if not self._changed.wait_for(ready, timeout_s):
                raise AssertionError(f"{what} did not come within {timeout_s} s; received {bytes(self._received)!r}")


class PushServer:
    """Listens on an address of its namespace, accepts everything. Context manager."""

    def __init__(self, namespace: Namespace, address: str, timeline: TimelineWriter, port: int = 0) -> None:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._timeline = timeline
        self._listener = namespace.socket(family, socket.SOCK_STREAM)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind((address, port))
        self._listener.listen(LISTEN_BACKLOG)
        self.address: str = address
        self.port: int = self._listener.getsockname()[1]
        self.connections: list[PushConnection] = []
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._accept, name="server", daemon=True)
        self._thread.start()

    def connection(self, number: int = -1, timeout_s: float = WAIT_S) -> PushConnection:
        """The `number`-th connection accepted (from 0), the newest by default; waits for it."""
        deadline = Deadline(timeout_s)
        wanted = 1 if number < 0 else number + 1
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.connections) >= wanted, deadline.remaining_s):
                raise AssertionError(f"{wanted} connections were awaited, {len(self.connections)} came within {timeout_s} s")
            return self.connections[number]

    def push(self, data: bytes) -> int:
        """Send on the newest connection; returns CLOCK_MONOTONIC ns just before."""
        return self.connection().push(data)

    def close(self) -> None:
        _quietly(lambda: self._listener.shutdown(socket.SHUT_RDWR))
        self._thread.join(1)
        self._listener.close()
        for connection in self.connections:
            connection.close()

    def __enter__(self) -> PushServer:
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
            with self._changed:
                self.connections.append(PushConnection(sock, len(self.connections), self._timeline))
                self._changed.notify_all()


def _quietly(call: Callable[[], object]) -> None:
    try:
        call()
    except OSError:
        pass  # it was closed, or never connected
