"""What an upload sends: a file, or anything else that has a length and is read from its beginning."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Protocol

READS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
"""What has become a pipe meanwhile would keep everybody waiting for its other end."""


class Body(Protocol):
    length: int
    """Bytes, known before the first is read."""
    media_type: str

    def read(self, limit_bytes: int) -> bytes:
        """The next ones; b"" at the end. Raises OSError, BodyChanged."""

    def rewind(self) -> None: ...

    def close(self) -> None: ...


class BodyChanged(Exception):
    """It is not what was promised any more."""


class FileBody:
    """As long as it was when it was opened, whatever is appended meanwhile. Raises OSError, BodyChanged: it cannot be read."""

    def __init__(self, path: Path, media_type: str = "application/octet-stream") -> None:
        self.media_type = media_type
        self._path = path
        self._fd = os.open(path, READS)
        state = os.fstat(self._fd)
        if not stat.S_ISREG(state.st_mode):
            os.close(self._fd)
            raise BodyChanged(f"{path} is no file")
        self.length = state.st_size
        self._at = 0

    def read(self, limit_bytes: int) -> bytes:
        data = os.pread(self._fd, min(limit_bytes, self.length - self._at), self._at)
        self._at += len(data)
        if not data and self._at < self.length:
            raise BodyChanged(f"{self._path} ends after {self._at} of {self.length} bytes")
        return data

    def rewind(self) -> None:
        self._at = 0

    def close(self) -> None:
        os.close(self._fd)
