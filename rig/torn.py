"""What is left of a line whose writer was killed: the kernel breaks a write(2) to a file off between two pages of it when the
process gets SIGKILL. The piece has no end, so the next writer's line stands behind it as a part of the same line."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

START = re.compile(rb'\{"t":')
"""Of a line of a timeline: its first key. Within a text the marks of quotation would be escaped."""

PIECES = 16
"""Looked at in one line: a line of nothing else would have millions."""


def behind_a_piece(line: bytes) -> Iterator[bytes]:
    """Of a line that makes no sense as a whole: what may have been written behind a piece, longest first."""
    return (line[found.start() :] for found in itertools.islice(START.finditer(line, 1), PIECES))
