"""What the body of a response is read from, while it comes or when it is complete (ISequentialStream)."""

from __future__ import annotations

import errno
import threading

from rig.standby.api.http.exchange import BODY_BYTES
from rig.standby.api.xhr.errors import TooMuchUnread


class ResponseStream:
    """Any thread may read; bytes that were read are gone. It outlives its request."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._lock = threading.Lock()

    @property
    def available(self) -> int:
        """Bytes that can be read now."""
        return len(self._data)

    def read(self, count: int = -1) -> bytes:
        """Up to `count` bytes, all that are there by default; b"": there are none now."""
        with self._lock:
            data = bytes(self._data) if count < 0 else bytes(self._data[:count])
            del self._data[: len(data)]
            return data

    def add(self, data: bytes) -> None:
        """For who receives. Raises TooMuchUnread: a server that never ends must not fill the app's memory."""
        with self._lock:
            if len(self._data) + len(data) > BODY_BYTES:
                text = f"{len(self._data)} bytes of the body wait to be read, and {BODY_BYTES} are kept at most"
                raise TooMuchUnread(errno.ENOMEM, text)
            self._data += data
