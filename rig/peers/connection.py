"""One end of an accepted connection: a thread that reads, what tests wait for, and the ways to end it."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Callable

from rig.clock import WAIT_S
from rig.peers.secured import SecuredStream
from rig.timeline import TimelineWriter

READ_BYTES = 65536


class Connection:
    """One accepted connection. `sock` is the kernel's own, also under TLS; what is sent and received goes through `stream`."""

    def __init__(self, sock: socket.socket, number: int, timeline: TimelineWriter, tls: ssl.SSLContext | None = None) -> None:
        self.sock = sock
        self.stream: socket.socket | SecuredStream = SecuredStream(sock, tls) if tls else sock
        self.number = number
        self.closed_by_peer = False
        self.reset_by_peer = False
        """It ended with the host's RST."""
        self.read_error: OSError | None = None
        """What ended it that was no FIN."""
        self._timeline = timeline
        self._finished = False
        self._changed = threading.Condition()
        self._reading = threading.Event()
        self._reading.set()
        self._reader = threading.Thread(target=self._read, name=f"server-{number}", daemon=True)

    def start(self) -> None:
        """Begin to read. Not in the constructor: a subclass is whole only behind it."""
        self._reader.start()

    @property
    def peer(self) -> tuple[str, int]:
        """(address, port) of the host's end."""
        name = self.sock.getpeername()
        return name[0], name[1]

    def wait_closed(self, timeout_s: float = WAIT_S) -> None:
        """The host's end of stream or reset."""
        self._wait(lambda: self.closed_by_peer, timeout_s, "the host's close")

    def stop_reading(self) -> None:
        """At most one more piece is read, none where it is said before `start`."""
        self._reading.clear()

    def go_on_reading(self) -> None:
        self._reading.set()

    def finish(self) -> None:
        """Send FIN, under TLS behind a close_notify; the connection can still receive."""
        self._say_fin()
        self._finish()

    def _say_fin(self) -> None:
        self._finished = True
        self._timeline.add("PEER_FIN", connection=self.number)

    def _finish(self) -> None:
        if isinstance(self.stream, SecuredStream):
            self.stream.send_close_notify()
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Send RST: a close with lingering off. The reader is woken by a shutdown of its direction alone, which sends nothing."""
        self._timeline.add("PEER_RST", connection=self.number)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._end(socket.SHUT_RD)

    def close(self) -> None:
        """Send FIN, if none was sent, and receive no more."""
        if not self._finished and self.sock.fileno() >= 0:
            self._say_fin()
        self._end(socket.SHUT_RDWR)

    def _end(self, directions: int) -> None:
        """The shutdown wakes the reader; without it the close would leave the socket to the reader's recv. It may be the reader
        that ends itself, or never have begun."""
        quietly(lambda: self.sock.shutdown(directions))
        self._reading.set()
        if self._reader.is_alive() and self._reader is not threading.current_thread():
            self._reader.join(1)
        self.sock.close()

    def _read(self) -> None:
        data = b"-"
        while data:
            self._reading.wait()
            try:
                data = self.stream.recv(READ_BYTES)
            except OSError as error:
                data = b""
                self.read_error, self.reset_by_peer = error, isinstance(error, ConnectionResetError)
            with self._changed:
                self.closed_by_peer = not data
                self._keep(data)
                self._changed.notify_all()
            self._arrived(data)

    def _keep(self, data: bytes) -> None:
        """Called with the lock of what tests wait for; b"" is the end."""

    def _arrived(self, data: bytes) -> None:
        """Called after `_keep`, without a lock: the place to answer."""

    def _received_so_far(self) -> str:
        """For the message of a wait that failed."""
        return ""

    def _wait(self, ready: Callable[[], bool], timeout_s: float, what: str) -> None:
        with self._changed:
            if not self._changed.wait_for(ready, timeout_s):
                raise AssertionError(f"{what} did not come within {timeout_s} s; received {self._received_so_far()}")


def quietly(call: Callable[[], object]) -> None:
    try:
        call()
    except OSError:
        pass  # it was closed, or never connected
