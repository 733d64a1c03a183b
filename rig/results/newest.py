"""The newest bench below a folder, and what its records come to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from rig.errors import UsageError
from rig.results.artefacts import TIMELINE
from rig.results.records import State
from rig.results.tail import Tail

S = TypeVar("S", bound=State)

PATTERNS = (TIMELINE, f"tests/*/{TIMELINE}", f"latest/tests/*/{TIMELINE}")
"""Below a test's folder, a run's, and that of all runs."""


class Newest(Generic[S]):
    """`look` goes on with the newest timeline there is; `state` and `name` tell of it. `begin` makes a state without records."""

    def __init__(self, where: Path, begin: Callable[[], S]) -> None:
        self._where = where
        self._begin = begin
        self._tail: Tail | None = None
        self.state = begin()
        self.name = ""

    def look(self) -> None:
        newest = self._newest()
        if newest is not None and (self._tail is None or self._tail.path != newest):
            self._tail, self.state, self.name = Tail(newest), self._begin(), newest.parent.name
        if self._tail is not None:
            for record in self._tail.lines():
                self.state.take(record)

    def insist(self) -> None:
        """`look`. Raises UsageError where no bench has written anything."""
        self.look()
        if self._tail is None:
            raise UsageError(
                "RIG-C05",
                f"{self._where} has no {TIMELINE}, nor has a run or a test in it",
                "name the folder of a run (reports/latest) or of one of its tests; `rig run` makes them",
            )

    def _newest(self) -> Path | None:
        if self._where.is_file():
            return self._where
        found = [path for pattern in PATTERNS for path in self._where.glob(pattern)]
        return max(found, key=_written_ns, default=None)


def _written_ns(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:  # of a test that has passed meanwhile
        return 0
