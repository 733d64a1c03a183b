"""What an upload sends: a file, or anything else that has a length and is read from its beginning."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol


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
    """Raises OSError where it cannot be read. As long as it was when it was opened, whatever is appended meanwhile."""

    def __init__(self, path: Path, media_type: str = "application/octet-stream") -> None:
        self.media_type = media_type
        self._path = path
        self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self.length = os.fstat(self._fd).st_size
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
