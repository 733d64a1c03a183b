"""The newest bench below a folder, and what its host is at."""

from __future__ import annotations

from pathlib import Path

from rig.errors import UsageError
from rig.results.artefacts import TIMELINE
from rig.results.host_state import HostState
from rig.results.tail import Tail

PATTERNS = (TIMELINE, f"tests/*/{TIMELINE}", f"latest/tests/*/{TIMELINE}")
"""Below a test's folder, a run's, and that of all runs."""


class NewestHost:
    """`look` goes on with the newest timeline there is; `state` and `name` tell of it."""

    def __init__(self, where: Path) -> None:
        self._where = where
        self._tail: Tail | None = None
        self.state = HostState()
        self.name = ""

    def look(self) -> None:
        newest = self._newest()
        if newest is not None and (self._tail is None or self._tail.path != newest):
            self._tail, self.state, self.name = Tail(newest), HostState(), newest.parent.name
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
