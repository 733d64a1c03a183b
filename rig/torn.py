"""What is left of a record of a timeline whose writer was killed: the kernel breaks a write(2) to a file off between two pages
when the process gets SIGKILL; a full disk does the same. The piece has no end, so the next writer's record stands behind it, as a
part of the same line."""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Iterator

START = re.compile(rb'\{"t":')
"""Of a record: its first key. Within a text the marks of quotation would be escaped."""

LAST_STARTS = 16
"""Looked at in one line: a line of nothing else would have millions. The whole record is the last one, and may have such keys."""


def behind_a_piece(line: bytes) -> Iterator[bytes]:
    """Of a line that makes no sense as a whole: what may have been written behind a piece, longest first."""
    return (line[found.start() :] for found in deque(START.finditer(line, 1), LAST_STARTS))


def whole_bytes(fd: int) -> int:
    """Of a file of lines: up to the end of the last one that has an end."""
    size = os.fstat(fd).st_size
    if size == 0 or os.pread(fd, 1, size - 1) == b"\n":
        return size
    return os.pread(fd, size, 0).rfind(b"\n") + 1
