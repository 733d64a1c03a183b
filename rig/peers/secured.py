"""TLS over a socket that one thread reads while others write.

An SSLObject over memory is not used by two at once: the lock holds it for as long as it takes to turn bytes into bytes, never
while a read of the kernel's waits. (Of an ssl.SSLSocket one thread would write while another reads: OpenSSL does not allow it.)
"""

from __future__ import annotations

import socket
import ssl
import threading

from rig.clock import WAIT_S


class SecuredStream:
    """A server's end. The handshake is the first that `recv` does; `sendall` waits for it."""

    def __init__(self, sock: socket.socket, context: ssl.SSLContext) -> None:
        self._sock = sock
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._lock = threading.Lock()
        self._open = threading.Event()
        self.error: ssl.SSLError | None = None
        """What ended the handshake or the stream, such as the host's alert about a certificate."""

    def wait_open(self, timeout_s: float = WAIT_S) -> None:
        """Until the handshake is done. Raises AssertionError."""
        if not self._open.wait(timeout_s) or self.error:
            raise AssertionError(f"no TLS handshake within {timeout_s} s: {self.error}")

    def recv(self, count: int) -> bytes:
        """At least one byte, b"" at the end of the stream. Raises OSError; an SSLError is kept in `error`, too."""
        while True:
            with self._lock:
                data = self._step(count)
            if data is not None:
                return data
            received = self._sock.recv(65536)
            with self._lock:
                if received:
                    self._incoming.write(received)
                else:
                    self._incoming.write_eof()

    def sendall(self, data: bytes) -> None:
        """Raises OSError: what ended the stream, too; AssertionError when there is no handshake."""
        if self._open.wait(WAIT_S) and self.error is not None:
            raise self.error
        self.wait_open()
        with self._lock:
            self.tls.write(data)
            self._flush()

    def sealed(self, data: bytes) -> bytes:
        """What `sendall` would send, for a test that sends it otherwise: all of it, and before anything else."""
        self.wait_open()
        with self._lock:
            self._flush()
            self.tls.write(data)
            return self._outgoing.read()

    def send_close_notify(self) -> None:
        """No more records from here; the other's may still come."""
        with self._lock:
            try:
                self.tls.unwrap()
            except ssl.SSLError:
                pass  # its own close_notify has not come yet, or nothing was ever agreed on
            self._flush()

    def _step(self, count: int) -> bytes | None:
        """One go at the handshake or a read; None: it takes more bytes."""
        try:
            if not self._open.is_set():
                self.tls.do_handshake()
                try:
                    self._flush()  # tickets too: a host that sleeps soon after has them by then
                finally:
                    self._open.set()
            return self.tls.read(count)
        except ssl.SSLWantReadError:
            return None
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            self._open.set()
            return b""
        except ssl.SSLError as error:
            self.error = error
            self._open.set()
            raise
        finally:
            self._flush()

    def _flush(self) -> None:
        """Called with the lock held: records reach the kernel in the order of their numbers."""
        if data := self._outgoing.read():
            self._sock.sendall(data)
