"""DataWriter: bytes, texts and numbers into a buffer, and from there into a stream or a datagram."""

from __future__ import annotations

from typing import Protocol

from rig.standby.wire.hresult import HostError, HResult


class Writable(Protocol):
    """A StreamSocket, a StreamWebSocket, an output of a DatagramSocket."""

    def write(self, data: bytes) -> None:
        """All of it. Raises OSError."""


class DataWriter:
    """For one thread at a time. Numbers are big-endian, as WinRT's are."""

    def __init__(self, stream: Writable | None = None) -> None:
        self._stream = stream
        self._buffer = bytearray()

    def write_bytes(self, data: bytes) -> None:
        self._buffer += data

    def write_string(self, text: str) -> int:
        """UTF-8; returns how many bytes that is: readers have to be told."""
        data = text.encode()
        self._buffer += data
        return len(data)

    def write_byte(self, value: int) -> None:
        self._number(value, 1)

    def write_uint16(self, value: int) -> None:
        """Raises HostError INVALID_ARG for what does not fit, as all of these."""
        self._number(value, 2)

    def write_uint32(self, value: int) -> None:
        self._number(value, 4)

    def write_uint64(self, value: int) -> None:
        self._number(value, 8)

    @property
    def unstored_buffer_length(self) -> int:
        """Bytes that were written here and not stored."""
        return len(self._buffer)

    def store(self) -> int:
        """Hand all to the stream, in one piece: of a datagram socket's output, one datagram. Returns how many bytes. What raises
        stays in the buffer: OSError of the stream; HostError ILLEGAL_METHOD_CALL when there is none."""
        if self._stream is None:
            raise HostError(HResult.ILLEGAL_METHOD_CALL, "store of a writer that has no stream")
        count = len(self._buffer)
        self._stream.write(bytes(self._buffer))
        del self._buffer[:count]
        return count

    def detach_buffer(self) -> bytes:
        """What was written; the buffer is empty then."""
        data = bytes(self._buffer)
        self._buffer.clear()
        return data

    def _number(self, value: int, count: int) -> None:
        try:
            self._buffer += value.to_bytes(count, "big")
        except OverflowError:
            raise HostError(HResult.INVALID_ARG, f"{value} does not fit into {count} bytes") from None
