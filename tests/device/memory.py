"""The memory of a device's process, as a core file would hold it: the board's RAM is a part of QEMU's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Mapping:
    """A writable part of a process."""

    start: int
    end: int
    dumped: bool
    """Whether the kernel would write it into a core file: VmFlags without `dd` (proc(5))."""
    private: bool


def mappings(pid: int) -> Iterator[Mapping]:
    """Those that can be written: what a device was told is nowhere else."""
    start = end = 0
    writable = private = False
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        name, _, rest = line.partition(" ")
        if name == "VmFlags:":
            if writable and end > start:
                yield Mapping(start, end, "dd" not in rest.split(), private)
        elif not name.endswith(":"):
            start, end = (int(number, 16) for number in name.split("-"))
            writable, private = rest[1] == "w", rest[3] == "p"


def holding(pid: int, secret: bytes) -> list[Mapping]:
    """Where the bytes stand. Raises PermissionError for a process that hides its memory from this user."""
    found = []
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for part in mappings(pid):
            memory.seek(part.start)
            if secret in (memory.read(part.end - part.start) or b""):
                found.append(part)
    return found
