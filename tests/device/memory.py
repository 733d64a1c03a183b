"""The memory of a device's process, as a core file would hold it: the board's RAM is a part of QEMU's."""

from __future__ import annotations

import resource
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

PAGE_BYTES = resource.getpagesize()
PRESENT, SWAPPED = 1 << 63, 1 << 62
"""Bits of a page's entry in pagemap (Documentation/admin-guide/mm/pagemap.rst)."""


@dataclass(frozen=True)
class Mapping:
    """A writable part of a process."""

    start: int
    end: int
    dumped: bool
    """Whether the kernel would write it into a core file: VmFlags without `dd` (proc(5))."""


def mappings(pid: int) -> Iterator[Mapping]:
    """Those that can be written: what a device was told is nowhere else."""
    start = end = 0
    writable = False
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        name, _, rest = line.partition(" ")
        if name == "VmFlags:":
            if writable and end > start:
                yield Mapping(start, end, "dd" not in rest.split())
        elif not name.endswith(":"):
            start, end = (int(number, 16) for number in name.split("-"))
            writable = rest[1] == "w"


def touched(pid: int, part: Mapping) -> Iterator[tuple[int, int]]:
    """The runs of pages (start, end) of a mapping that are there: QEMU reserves a gigabyte that it never uses."""
    with Path(f"/proc/{pid}/pagemap").open("rb") as pagemap:
        pagemap.seek(part.start // PAGE_BYTES * 8)
        entries = pagemap.read((part.end - part.start) // PAGE_BYTES * 8)
    there = [entry[0] & (PRESENT | SWAPPED) != 0 for entry in struct.iter_unpack("<Q", entries)]
    at = part.start
    for present, run in groupby(there):
        end = at + len(list(run)) * PAGE_BYTES
        if present:
            yield at, end
        at = end


def holding(pid: int, secret: bytes) -> list[Mapping]:
    """Where the bytes stand. Raises PermissionError for a process that hides its memory from this user."""
    found = []
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for part in mappings(pid):
            for start, end in touched(pid, part):
                memory.seek(start)
                if secret in (memory.read(end - start) or b""):
                    found.append(part)
    return found
