"""A file of JSON lines, read while another process appends to it."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
from pathlib import Path
from typing import Any

from rig import torn


class Tail:
    """The whole lines that came to a file since it was last looked at; before it is there, there are none."""

    def __init__(self, path: Path, *, from_end: bool = False) -> None:
        """`from_end`: without the lines that the file has already."""
        self.path = path
        self._offset = _end_of(path) if from_end else 0

    def lines(self) -> list[dict[str, Any]]:
        """Those that are objects; a damaged one is passed over, but for a timeline's record behind a piece of one
        (torn.py)."""
        try:
            with self.path.open("rb") as file:  # in one read(2): a writer may take a piece of a line back meanwhile
                size = os.fstat(file.fileno()).st_size
                whole, newline, _ = os.pread(file.fileno(), max(0, size - self._offset), self._offset).rpartition(b"\n")
        except OSError:  # not there yet, or a passed test's, which was put away
            return []
        self._offset += len(whole) + len(newline)
        return [record for line in whole.split(b"\n") if isinstance(record := _parsed(line), dict)]


def _end_of(path: Path) -> int:
    try:
        with path.open("rb") as file:
            return torn.whole_bytes(file.fileno())
    except OSError:
        return 0


def _parsed(line: bytes) -> object:
    for whole in itertools.chain([line], torn.behind_a_piece(line)):
        with contextlib.suppress(ValueError, RecursionError):
            return json.loads(whole)
    return None
