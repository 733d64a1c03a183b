"""A process with a small disk of its own: a tmpfs that nobody else sees, and that is gone with the process."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from pathlib import Path

CLONE_NEWNS = 0x20000
MS_REC, MS_PRIVATE = 0x4000, 0x40000

PREAMBLE = """
import sys
from pathlib import Path
from tests.small_disk import fill, mount
disk = Path(sys.argv[1])
mount(disk, int(sys.argv[2]))
"""


def mount(where: Path, size_kib: int) -> None:
    """Raises OSError for who may not."""
    libc = ctypes.CDLL(None, use_errno=True)

    def must(result: int) -> None:
        if result != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

    must(libc.unshare(CLONE_NEWNS))
    must(libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None))
    must(libc.mount(b"tmpfs", bytes(where), b"tmpfs", 0, b"size=%dk" % size_kib))


def fill(disk: Path) -> Path:
    """To its last byte; delete the file that is returned to make room again."""
    path = disk / "filler"
    with path.open("wb", buffering=0) as filler:
        for size in (65536, 4096, 1):
            try:
                while filler.write(bytes(size)):
                    pass
            except OSError:
                continue
    return path


def run(script: str, where: Path, size_kib: int, timeout_s: float = 60) -> subprocess.CompletedProcess[str]:
    """`script` finds `disk`, and what it imports itself."""
    where.mkdir(exist_ok=True)
    argv = [sys.executable, "-c", PREAMBLE + script, str(where), str(size_kib)]
    return subprocess.run(argv, capture_output=True, text=True, timeout=timeout_s, check=False, cwd=Path(__file__).parents[1])
