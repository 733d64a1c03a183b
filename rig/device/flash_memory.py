"""The flash of an emulated device: anonymous memory, held by a descriptor, so nothing stays behind after a SIGKILL.

A prepared flash is written once in a process, over the serial line like any other, and copied for each bench after that:
1 MiB takes under a millisecond.
"""

from __future__ import annotations

import fcntl
import os
import stat
from pathlib import Path

from rig.errors import UsageError

FLASH_BYTES = 0x100000
"""firmware/port/native/flash_layout.h, and the same of mps2."""
QEMU_BYTES = 16 * 1024 * 1024
"""QEMU wants a file of the whole PSRAM's size; what is above the flash stays a hole."""
ERASED = b"\xff"


class FlashMemory:
    """1 MiB of flash in a memfd. `fd` may be handed to a device process; close it when no device uses it."""

    def __init__(self, kind: str, contents: bytes = b"", fd: int | None = None) -> None:
        """`fd`: an open file to use instead of memory; taken over, `contents` is written into it."""
        self.kind = kind
        self.fd = os.memfd_create(f"flash-{kind}", os.MFD_CLOEXEC) if fd is None else fd
        os.ftruncate(self.fd, QEMU_BYTES if kind == "qemu" else FLASH_BYTES)
        os.pwrite(self.fd, contents.ljust(FLASH_BYTES, ERASED), 0)

    @classmethod
    def load(cls, kind: str, path: Path) -> FlashMemory:
        """A copy of a file's first MiB."""
        return cls(kind, path.read_bytes()[:FLASH_BYTES])

    @classmethod
    def in_file(cls, kind: str, path: Path) -> FlashMemory:
        """A flash that lasts: the device works on this file. Made, erased, when absent or empty.

        Raises RIG-C09, the file as it was, for one that has not the size of a flash: it is something else, such as an image.
        Also for one that another device runs on.
        """
        try:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise _unusable(path, error.strerror) from error
        try:
            _claim(fd, path)
            return cls(kind, os.pread(fd, FLASH_BYTES, 0), fd)
        except OSError as error:  # such as a full disk
            os.close(fd)
            raise _unusable(path, error.strerror) from error
        except UsageError:
            os.close(fd)
            raise

    def contents(self) -> bytes:
        return os.pread(self.fd, FLASH_BYTES, 0)

    def copy(self) -> FlashMemory:
        return FlashMemory(self.kind, self.contents())

    def save(self, path: Path) -> None:
        path.write_bytes(self.contents())

    def close(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


def _claim(fd: int, path: Path) -> None:
    """The lock goes with the last process that has the file open: this one, or its device."""
    status = os.fstat(fd)
    if not stat.S_ISREG(status.st_mode):
        raise _unusable(path, "it is no regular file")
    if status.st_size not in (0, FLASH_BYTES, QEMU_BYTES):
        raise _unusable(path, f"it holds {status.st_size} bytes of something else, a flash has {FLASH_BYTES}")
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise _unusable(path, "another device runs on it") from error


def _unusable(path: Path, why: str | None) -> UsageError:
    fix = "name a new file that can be written, or one that --flash made"
    return UsageError("RIG-C09", f"cannot use {path} as a flash: {why}", fix)
