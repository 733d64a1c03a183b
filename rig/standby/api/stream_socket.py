"""StreamSocket: a TCP socket with posted reads. Zero bytes with status COMPLETED mean that the server closed (CCT-040)."""

from __future__ import annotations

import socket
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from rig.clock import Deadline
from rig.standby.api.byte_stream import ByteStream
from rig.standby.api.enums import SocketProtectionLevel
from rig.standby.api.ownership import Ownership, SocketActivityContext
from rig.standby.api.read_operation import ReadOperation
from rig.standby.api.stream_transport import StreamTransport, protect
from rig.standby.wire.from_app import TakenSocket
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.socket_enums import SocketActivityConnectedStandbyAction, SocketActivityKind


class StreamSocket(StreamTransport):
    """A TCP client socket. Any thread may call."""

    def __init__(self) -> None:
        super().__init__()
        self.client_certificate: Path | None = None
        """A file with a key and a certificate, PEM, for servers that ask for one in TLS. Set it before `connect`."""
        self._server_name: str | None = None
        """Of `connect` with TLS, while it lasts."""
        self._ownership = Ownership(SocketActivityKind.STREAM_SOCKET)

    @classmethod
    def from_broker(cls, sock: socket.socket, taken: TakenSocket) -> StreamSocket:
        """One that the broker had; the caller was given its descriptor."""
        made = cls()
        made._socket, made._stream = sock, ByteStream(sock)
        made._ownership = Ownership(SocketActivityKind.STREAM_SOCKET, taken)
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

    def _shake_hands(self, stream: ByteStream, deadline: Deadline) -> None:
        if self._server_name is not None:
            protect(stream, self._server_name, deadline, self.client_certificate)

    # -- the broker ----------------------------------------------------------------------------------------------------

    def enable_transfer_ownership(
        self,
        task_id: str,
        action: SocketActivityConnectedStandbyAction = SocketActivityConnectedStandbyAction.DO_NOT_WAKE,
    ) -> None:
        """It may be given to the broker later, for the task of that id (SAT-002); before `connect`. See `Ownership.enable`."""
        with self._lock:
            in_use = self._socket is not None or self._connecting
        self._ownership.enable(task_id, action, in_use=in_use)

    def transfer_ownership(
        self, socket_id: str, context: SocketActivityContext | None = None, keep_alive_time: timedelta | None = None
    ) -> None:
        """Give it to the broker under that id (SAT-010); this object is not used any more. Raises HostError ILLEGAL_METHOD_CALL
        while a read is posted (SAT-008), and for a channel's transport; NOT_SUPPORTED_FOR_SOCKET for TLS, whose keys are this
        process's; else as `Ownership.transfer`."""
        with self._lock:
            sock = self._to_give()
            self._socket = None
        try:
            self._ownership.transfer(sock, socket_id, context, keep_alive_time)
        except BaseException:
            self._socket = sock
            raise
        self._stream = None

    def _to_give(self) -> socket.socket:
        stream = self._open_stream("transfer_ownership")
        if self.channel_id is not None:
            raise HostError(HResult.ILLEGAL_METHOD_CALL, f"socket {self.socket_id} is the transport of a channel")
        if self._pending is not None:
            raise HostError(HResult.ILLEGAL_METHOD_CALL, f"socket {self.socket_id} has a posted read: cancel it before")
        if stream.layer is not None:
            raise HostError(
                HResult.NOT_SUPPORTED_FOR_SOCKET, f"socket {self.socket_id} is protected: the broker has no keys of it"
            )
        return stream.sock
