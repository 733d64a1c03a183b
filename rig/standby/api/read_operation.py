"""One posted read of a stream of bytes, and that of a StreamSocket."""

from __future__ import annotations

import operator
import socket
from collections.abc import Callable
from typing import Any

from rig.standby.api.byte_stream import ByteStream
from rig.standby.api.posted_read import PostedRead
from rig.standby.wire.hresult import HostError, HResult

MOST_BYTES = 1 << 20
"""Of one read: as much memory is taken before anything has come."""


class BytesRead(PostedRead):
    """Of up to `count` bytes. `get_results` after completion, in both COMPLETED and ERROR (CWS-006).

    A kind of it says in `_received` where they come from.
    """

    def __init__(
        self,
        sock: socket.socket,
        count: int,
        handler: Callable[[Any], None],
        release: Callable[[PostedRead], None],
        *,
        socket_id: int,
        channel_id: str | None,
    ) -> None:
        """Raises HostError INVALID_ARG for a count below 1, TypeError for what is none."""
        super().__init__(sock, handler, release, socket_id=socket_id, channel_id=channel_id)
        self.count = _count_of(count)
        self.data = b""

    def _received(self) -> bytes | None:
        """Without waiting: b"" for the server's close, None for nothing yet. Raises OSError."""
        raise NotImplementedError

    @property
    def size_bytes(self) -> int:
        return len(self.data)

    @property
    def over(self) -> bool:
        return self.error is not None or not self.data

    def take(self) -> bool:
        data = self._received()
        self.data = data or b""
        return data is not None

    def get_results(self) -> bytes:
        """The bytes read; b"" is the server's close. Raises OSError on ERROR, HostError when cancelled or pending."""
        self.check_completed()
        return self.data


class ReadOperation(BytesRead):
    """Of a StreamSocket."""

    def __init__(
        self,
        stream: ByteStream,
        count: int,
        handler: Callable[[ReadOperation], None],
        release: Callable[[PostedRead], None],
        *,
        socket_id: int,
        channel_id: str | None,
    ) -> None:
        """Raises as BytesRead."""
        super().__init__(stream.sock, count, handler, release, socket_id=socket_id, channel_id=channel_id)
        self._stream = stream

    @property
    def ready(self) -> bool:
        return self._stream.buffered

    def _received(self) -> bytes | None:
        return self._stream.receive(self.count)


def _count_of(count: int) -> int:
    """That a read is posted for. Raises HostError INVALID_ARG for one below 1, TypeError for what is none."""
    if operator.index(count) < 1:
        raise HostError(HResult.INVALID_ARG, f"a read of {count} bytes, 1 at least")
    return min(operator.index(count), MOST_BYTES)
