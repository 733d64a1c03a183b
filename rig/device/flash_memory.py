"""The flash of an emulated device: anonymous memory, held by a descriptor, so nothing stays behind after a SIGKILL.

A prepared flash is written once in a process, over the serial line like any other, and copied for each bench after that:
1 MiB takes under a millisecond.
"""

from __future__ import annotations

import fcntl
import os
import stat
from pathlib import Path

from rig.device.images import firmware
from rig.errors import UsageError

ERASED = b"\xff"


class FlashMemory:
    """The flash of the device `name` in a memfd; it may have none. `fd` may be handed to a device process; close it when no
    device uses it. QEMU wants a file of the whole memory's size that the flash is in; what is above the flash stays a hole."""

    def __init__(self, name: str, contents: bytes = b"", fd: int | None = None) -> None:
        """`fd`: an open file to use instead of memory; taken over, `contents` is written into it."""
        self.name = name
        self._bytes, file_bytes = _sizes(name)
        self.fd = os.memfd_create(f"flash-{name}", os.MFD_CLOEXEC) if fd is None else fd
        os.ftruncate(self.fd, file_bytes)
        os.pwrite(self.fd, contents.ljust(self._bytes, ERASED), 0)

    @classmethod
    def load(cls, name: str, path: Path) -> FlashMemory:
        """A copy of what a file begins with."""
        return cls(name, path.read_bytes()[: _sizes(name)[0]])

    @classmethod
    def in_file(cls, name: str, path: Path) -> FlashMemory:
        """A flash that lasts: the device works on this file. Made, erased, when absent or empty.

        Raises RIG-C09, the file as it was, for one that has not the size of a flash: it is something else, such as an image.
        Also for one that another device runs on.
        """
        try:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise _unusable(path, error.strerror) from error
        try:
            _claim(fd, path, _sizes(name))
            return cls(name, os.pread(fd, _sizes(name)[0], 0), fd)
        except OSError as error:  # such as a full disk
            os.close(fd)
            raise _unusable(path, error.strerror) from error
        except UsageError:
            os.close(fd)
            raise

    def contents(self) -> bytes:
        return os.pread(self.fd, self._bytes, 0)

    def copy(self) -> FlashMemory:
        return FlashMemory(self.name, self.contents())

    def save(self, path: Path) -> None:
        path.write_bytes(self.contents())

    def close(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


def _sizes(name: str) -> tuple[int, int]:
    """Bytes of the flash, and of the file that holds it."""
    row = firmware(name)
    return row.flash_bytes, max(row.flash_bytes, row.flash_memory_bytes)


def _claim(fd: int, path: Path, sizes: tuple[int, int]) -> None:
    """The lock goes with the last process that has the file open: this one, or its device."""
    status = os.fstat(fd)
    if not stat.S_ISREG(status.st_mode):
        raise _unusable(path, "it is no regular file")
    if status.st_size not in (0, *sizes):
        raise _unusable(path, f"it holds {status.st_size} bytes of something else, a flash has {sizes[0]}")
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise _unusable(path, "another device runs on it") from error


def _unusable(path: Path, why: str | None) -> UsageError:
    fix = "name a new file that can be written, or one that --flash made"
    return UsageError("RIG-C09", f"cannot use {path} as a flash: {why}", fix)
