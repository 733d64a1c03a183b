"""A file of JSON lines, read while another process appends to it."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

from rig import torn


class Tail:
    """The whole lines that came to a file since it was last looked at; before it is there, there are none."""

    def __init__(self, path: Path, *, from_end: bool = False) -> None:
        """`from_end`: without what the file has already."""
        self.path = path
        self._offset = path.stat().st_size if from_end and path.exists() else 0

    def lines(self) -> list[dict[str, Any]]:
        """Those that are objects; a damaged one is passed over, but for what stands behind a piece of one (torn.py)."""
        try:
            with self.path.open("rb") as file:
                file.seek(self._offset)
                whole, newline, _ = file.read().rpartition(b"\n")
        except OSError:  # not there yet, or a passed test's, which was put away
            return []
        self._offset += len(whole) + len(newline)
        return [record for line in whole.split(b"\n") if isinstance(record := _parsed(line), dict)]


def _parsed(line: bytes) -> object:
    for whole in (line, *torn.behind_a_piece(line)):
        with contextlib.suppress(ValueError, RecursionError):
            return json.loads(whole)
    return None
