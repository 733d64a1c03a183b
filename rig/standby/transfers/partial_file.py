"""The file that a download becomes: it has its name when it is whole, and never before.

Until then the bytes lie beside it. What was told to be there has been handed to the kernel before, so that a process that is
killed loses none of it; before the file gets its name it is on the disk.
"""

from __future__ import annotations

import os
from pathlib import Path

from rig.standby.wire.transfer_types import PART_SUFFIX

WRITTEN_EARLY_BYTES = 8 << 20
"""Sent on to the disk as they come: at the end, when all must be there, little is left to wait for."""
WRITES = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
"""A link would lead to the bytes of somebody else."""


class PartialFile:
    """Raises OSError (the disk is full, the folder is gone); then as many bytes are there as `length` says."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd = os.open(self.part, WRITES, 0o666)
        self.length = os.lseek(self._fd, 0, os.SEEK_END)
        """Bytes that are there."""
        self._sent_on = self.length

    @property
    def part(self) -> Path:
        return self.path.with_name(self.path.name + PART_SUFFIX)

    def append(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            written = os.write(self._fd, rest)
            self.length += written
            rest = rest[written:]
        if self.length - self._sent_on >= WRITTEN_EARLY_BYTES:
            os.posix_fadvise(self._fd, self._sent_on, self.length - self._sent_on, os.POSIX_FADV_DONTNEED)
            self._sent_on = self.length

    def restart(self) -> None:
        """Nothing of it is of use."""
        os.ftruncate(self._fd, 0)
        os.lseek(self._fd, 0, os.SEEK_SET)
        self.length = self._sent_on = 0

    def complete(self) -> None:
        """It is whole."""
        self.flush()
        self.give_name()

    def flush(self) -> None:
        """All of it is on the disk then: that may take a while."""
        os.fsync(self._fd)

    def give_name(self) -> None:
        """In place of whatever had it."""
        self.part.rename(self.path)
        folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def discard(self) -> None:
        """Nobody wants it any more."""
        self.part.unlink(missing_ok=True)

    def close(self) -> None:
        os.close(self._fd)
