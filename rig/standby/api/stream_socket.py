"""StreamSocket: a TCP socket with posted reads. Zero bytes with status COMPLETED mean that the server closed (CCT-040)."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from rig.clock import Deadline
from rig.standby.api.byte_stream import ByteStream
from rig.standby.api.enums import SocketProtectionLevel
from rig.standby.api.ownership import SocketActivityContext
from rig.standby.api.posted_read import waited_for
from rig.standby.api.read_operation import ReadOperation
from rig.standby.api.stream_transport import StreamTransport, protect
from rig.standby.api.transferable import Transferable
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.socket_enums import SocketActivityKind


class StreamSocket(StreamTransport, Transferable):
    """A TCP client socket. Any thread may call."""

    kind = SocketActivityKind.STREAM_SOCKET

    def __init__(self) -> None:
        super().__init__()
        self.client_certificate: Path | None = None
        """A file with a key and a certificate, PEM, for servers that ask for one in TLS. Set it before `connect`."""
        self._server_name: str | None = None
        """Of `connect` with TLS, while it lasts."""
        self._accepted = False

    @classmethod
    def accepted(cls, sock: socket.socket) -> StreamSocket:
        """A connection that a listener has got; the caller's descriptor is its own from now on."""
        made = cls()
        made._accepted = True
        made._take_over(sock)
        return made

    def connect(
        self,
        host: str,
        port: int,
        *,
        protection: SocketProtectionLevel = SocketProtectionLevel.PLAIN_SOCKET,
        server_name: str | None = None,
        timeout_s: float = 10.0,
    ) -> None:
        """Connect. `server_name`: whose certificate TLS must be shown, `host` by default. Raises OSError of the kernel, TlsError
        of TLS (SocketError.get_status says which), or HostError NO_SLOT when no slot is free for the bound channel (CCT-020).
        Whatever it raises, nothing is open afterwards and the system knows that."""
        self._server_name = (server_name or host) if protection is SocketProtectionLevel.TLS else None
        self._connect(host, port, timeout_s)

    def upgrade_to_tls(self, server_name: str, *, timeout_s: float = 10.0) -> None:
        """TLS from now on, on a connection on which both sides have agreed to it. No read may be posted, and nobody else may
        write meanwhile: HostError ILLEGAL_METHOD_CALL. Raises as `connect`; the socket is closed then."""
        with self._lock:
            stream = self._open_stream("upgrade_to_tls")
            if self._pending is not None or stream.layer is not None:
                raise HostError(HResult.ILLEGAL_METHOD_CALL, f"socket {self.socket_id} has a posted read, or TLS already")
            self._stream = None
        try:
            protect(stream, server_name, Deadline(timeout_s), self.client_certificate)
        except BaseException:
            self._stream = stream
            self.close()
            raise
        self._stream = stream

    def read_async(self, count: int, completed: Callable[[ReadOperation], None]) -> ReadOperation:
        """Post a read of up to `count` bytes (partial reads); `completed` runs on a thread of the app's crew, one at a time."""
        stream = self._open_stream("read_async")
        operation = ReadOperation(stream, count, completed, self._release, socket_id=self.socket_id, channel_id=self.channel_id)
        self._post(operation)
        return operation

    def write(self, data: bytes) -> None:
        """Hand all of `data` to the kernel. An app that a wake continues may write before its socket is the host's again: it
        waits until then. Raises OSError."""
        self._open_stream("write").write(data)

    def read(self, count: int) -> bytes:
        """Wait for up to `count` bytes; b"" at the end of the stream. Raises OSError; HostError CANCELLED when `cancel_io` or
        `close` ends it. A channel's transport has posted reads alone: ILLEGAL_METHOD_CALL."""
        if self.channel_id is not None:
            text = f"read on socket {self.socket_id}, the transport of channel {self.channel_id!r}: post a read"
            raise HostError(HResult.ILLEGAL_METHOD_CALL, text)
        return waited_for(lambda over: self.read_async(count, over)).get_results()

    def _shake_hands(self, stream: ByteStream, deadline: Deadline) -> None:
        if self._server_name is not None:
            protect(stream, self._server_name, deadline, self.client_certificate)

    # -- the broker ----------------------------------------------------------------------------------------------------

    def transfer_ownership(
        self, socket_id: str, context: SocketActivityContext | None = None, keep_alive_time: timedelta | None = None
    ) -> None:
        """Give it to the broker under that id (SAT-010); this object is not used any more. Raises HostError ILLEGAL_METHOD_CALL
        while a read is posted or somebody writes (SAT-008), and for a channel's transport; NOT_SUPPORTED_FOR_SOCKET for TLS,
        whose keys are this process's; else as `Ownership.transfer`."""
        self._transfer(socket_id, context, keep_alive_time)

    def cancel_io(self) -> None:
        super().cancel_io()
        stream = self._stream
        if stream is not None:
            stream.cancel_writes()

    @property
    def _in_use(self) -> bool:
        """One that a listener has accepted may be enabled afterwards: its app never connects it."""
        return self._given if self._accepted else super()._in_use

    def _take_over(self, sock: socket.socket) -> None:
        super()._take_over(sock)
        self._stream = ByteStream(sock)

    @contextmanager
    def _quiet(self) -> Iterator[None]:
        stream = self._stream
        assert stream is not None, "it is open"
        with super()._quiet(), stream.not_writing():
            yield

    def _to_give(self) -> socket.socket:
        sock, stream = super()._to_give(), self._open_stream("transfer_ownership")
        if stream.layer is not None:
            raise HostError(
                HResult.NOT_SUPPORTED_FOR_SOCKET, f"socket {self.socket_id} is protected: the broker has no keys of it"
            )
        return sock
