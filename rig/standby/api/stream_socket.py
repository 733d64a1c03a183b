"""StreamSocket: a TCP socket with posted reads. Zero bytes with status COMPLETED mean that the server closed (CCT-040)."""

from __future__ import annotations

from collections.abc import Callable

from rig.standby.api.read_operation import ReadOperation
from rig.standby.api.stream_transport import StreamTransport


class StreamSocket(StreamTransport):
    """A TCP client socket. Any thread may call."""

    def connect(self, host: str, port: int, *, timeout_s: float = 10.0) -> None:
        """Connect. Raises OSError of the kernel, or HostError NO_SLOT when no slot is free for the bound channel (CCT-020).
        Whatever it raises, nothing is open afterwards and the system knows that."""
        self._connect(host, port, timeout_s)

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
