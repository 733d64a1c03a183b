"""StreamSocket: a TCP socket with posted reads.

A read is posted with a handler; when data, end of stream or an error is there, the runtime receives it, sets the status
and calls the handler once. Zero bytes with status COMPLETED mean that the server closed (CCT-040).
"""

from __future__ import annotations

import itertools
import socket
import threading
from collections.abc import Callable
from typing import Any

from rig.net.tcp_info import TCP_ESTABLISHED, queued_bytes, tcp_info
from rig.standby.api import runtime
from rig.standby.api.enums import AsyncStatus
from rig.standby.wire.from_app import ConnectBegin, ConnectEnd
from rig.standby.wire.hresult import HostError, HResult

_ids = itertools.count(1)


class ReadOperation:
    """One posted read; `get_results` after completion, in both COMPLETED and ERROR (CWS-006)."""

    def __init__(self, owner: StreamSocket, sock: socket.socket, count: int, handler: Callable[[ReadOperation], None]) -> None:
        self.owner = owner
        self.sock = sock
        self.count = count
        self.status = AsyncStatus.STARTED
        self.data = b""
        self.error: OSError | None = None
        self.withdrawn = threading.Event()
        self._handler = handler

    @property
    def socket_id(self) -> int:
        return self.owner.socket_id

    @property
    def channel_id(self) -> str | None:
        return self.owner.channel_id

    @property
    def cancelled(self) -> bool:
        return self.status is AsyncStatus.CANCELED

    def get_results(self) -> bytes:
        """The bytes read; b"" is the server's close. Raises OSError on ERROR, HostError when cancelled or pending."""
        if self.error is not None:
            raise self.error
        if self.status is not AsyncStatus.COMPLETED:
            raise HostError(HResult.CANCELLED if self.cancelled else HResult.ILLEGAL_METHOD_CALL, f"read is {self.status.name}")
        return self.data

    def receive(self) -> None:
        """Input thread: take what the kernel has."""
        try:
            self.data = self.sock.recv(self.count)
            self.status = AsyncStatus.COMPLETED
        except OSError as error:
            self.error = error
            self.status = AsyncStatus.ERROR

    def cancel_now(self) -> None:
        self.status = AsyncStatus.CANCELED

    def call_handler(self) -> None:
        """Completion thread. The operation is no longer the pending one when the handler runs: it may post the next."""
        self.owner.pending = None
        self._handler(self)


class StreamSocket:
    """A TCP client socket. Bind it to a channel before `connect` (ControlChannelTrigger.using_transport)."""

    def __init__(self) -> None:
        self.socket_id = next(_ids)
        self.channel_id: str | None = None
        self.pending: ReadOperation | None = None
        self._socket: socket.socket | None = None

    @property
    def connected(self) -> bool:
        return self._socket is not None

    @property
    def established(self) -> bool:
        """Whether the kernel's connection is still open both ways."""
        return self._socket is not None and tcp_info(self._socket).state == TCP_ESTABLISHED

    def connect(self, host: str, port: int, *, timeout_s: float = 10.0) -> None:
        """Connect. Raises OSError of the kernel, or HostError NO_SLOT when no slot is free for the bound channel (CCT-020)."""
        if self._socket is not None:
            raise HostError(HResult.ILLEGAL_METHOD_CALL, f"socket {self.socket_id} is already connected")
        app = runtime.current()
        app.service.call(ConnectBegin(self.channel_id, self.socket_id, host, port))
        try:
            sock = socket.create_connection((host, port), timeout_s)
        except OSError as error:
            app.service.call(ConnectEnd(self.channel_id, self.socket_id, str(error)))
            raise
        sock.settimeout(None)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = sock
        app.service.call(ConnectEnd(self.channel_id, self.socket_id), [sock.fileno()] if self.channel_id is not None else [])

    def read_async(self, count: int, completed: Callable[[ReadOperation], None]) -> ReadOperation:
        """Post a read of up to `count` bytes (partial reads); `completed` runs on the completion thread."""
        sock = self._connected("read_async")
        if self.pending is not None:
            raise HostError(HResult.ILLEGAL_METHOD_CALL, f"socket {self.socket_id} already has a posted read")
        self.pending = operation = ReadOperation(self, sock, count, completed)
        app = runtime.current()
        app.timeline.add("READ_POST", app=app.name, socket=self.socket_id, channel=self.channel_id)
        app.post(operation)
        return operation

    def write(self, data: bytes) -> None:
        """Hand all of `data` to the kernel. Raises OSError."""
        self._connected("write").sendall(data)

    def set_option(self, level: int, option: int, value: int) -> None:
        """As setsockopt(2), e.g. the traffic class. Raises OSError."""
        self._connected("set_option").setsockopt(level, option, value)

    def unsent_bytes(self) -> int:
        """Bytes that the peer has not acknowledged."""
        return queued_bytes(self._connected("unsent_bytes"))[1]

    def abort(self) -> None:
        """The device found the peer gone (keep-alives lost): a posted read ends, as with a dead transport of any kind."""
        if self._socket is not None:
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close; a posted read ends as cancelled."""
        if self._socket is None:
            return
        if self.pending is not None:
            runtime.current().withdraw(self.pending)
        sock, self._socket = self._socket, None
        try:
            sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # the peer may have gone first
        sock.close()

    def _connected(self, call: str) -> Any:
        if self._socket is None:
            raise HostError(HResult.ILLEGAL_METHOD_CALL, f"{call} on socket {self.socket_id}, which is not connected")
        return self._socket
