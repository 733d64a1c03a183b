"""DataReader: bytes, texts and numbers out of a buffer, or of a stream that it loads from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, Self

from rig.standby.api.posted_read import waited_for
from rig.standby.wire.hresult import HostError, HResult


class Readable(Protocol):
    """A StreamSocket, a StreamWebSocket."""

    channel_id: str | None

    def read_async(self, count: int, completed: Callable[[Any], None]) -> Any:
        """Post a read; `completed` gets it, and its `get_results` gives bytes."""


class DataReader:
    """For one thread at a time."""

    def __init__(self, stream: Readable | None = None) -> None:
        self._stream = stream
        self._buffer = bytearray()

    @classmethod
    def from_buffer(cls, buffer: bytes) -> Self:
        """Of what a completed read has returned."""
        reader = cls()
        reader._buffer += buffer
        return reader

    def load(self, count: int) -> int:
        """Wait until the stream gives up to `count` bytes more; how many came, 0 at its end. Raises what the read does; HostError
        ILLEGAL_METHOD_CALL on a channel's transport (CWS-005): nobody may wait in a reader for what a push task follows."""
        if self._stream is None:
            raise HostError(HResult.ILLEGAL_METHOD_CALL, "load of a reader of a buffer, which has no stream")
        if self._stream.channel_id is not None:
            text = f"load on the transport of channel {self._stream.channel_id!r}: post a read, and make a reader of its buffer"
            raise HostError(HResult.ILLEGAL_METHOD_CALL, text)
        stream = self._stream
        operation: Any = waited_for(lambda over: stream.read_async(count, over))
        data: bytes = operation.get_results()
        self._buffer += data
        return len(data)

    @property
    def unconsumed_buffer_length(self) -> int:
        """Bytes that were loaded and not read."""
        return len(self._buffer)

    def read_bytes(self, count: int) -> bytes:
        """Raises HostError INVALID_ARG for more than there are."""
        if not 0 <= count <= len(self._buffer):
            raise HostError(HResult.INVALID_ARG, f"{count} bytes of {len(self._buffer)} in the reader")
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken

    def read_string(self, count: int) -> str:
        """`count` bytes of UTF-8. Raises as `read_bytes`, and UnicodeDecodeError."""
        return self.read_bytes(count).decode()

    def read_byte(self) -> int:
        return self.read_bytes(1)[0]

    def read_uint16(self) -> int:
        """Big-endian, as WinRT's are."""
        return int.from_bytes(self.read_bytes(2), "big")

    def read_uint32(self) -> int:
        return int.from_bytes(self.read_bytes(4), "big")

    def read_uint64(self) -> int:
        return int.from_bytes(self.read_bytes(8), "big")
