"""What a server answers to an upload: on the disk, where the app reads it, and no more than it may be."""

from __future__ import annotations

import os
from pathlib import Path

LIMIT_BYTES = 16 * 1024 * 1024
"""What comes beyond is dropped: the upload itself was well."""


class AnswerFile:
    """Empty at first. Raises OSError."""

    def __init__(self, path: Path, limit_bytes: int = LIMIT_BYTES) -> None:
        self.path = path
        self.length = 0
        self._limit_bytes = limit_bytes
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)

    def append(self, data: bytes) -> None:
        rest = memoryview(data)[: self._limit_bytes - self.length]
        while rest:
            written = os.write(self._fd, rest)
            self.length += written
            rest = rest[written:]

    def restart(self) -> None:
        os.ftruncate(self._fd, 0)
        os.lseek(self._fd, 0, os.SEEK_SET)
        self.length = 0

    def close(self) -> None:
        os.close(self._fd)
