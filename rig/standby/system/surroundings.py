"""The surroundings as the system has them: they last as long as its store, and each change is a LEVER record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from rig.standby.system.rows import Rows, SavedTable
from rig.standby.system.store import Name, saved_of
from rig.standby.wire.surroundings import Surroundings, differences
from rig.timeline import TimelineWriter

KIND = "surroundings"
Heard: TypeAlias = Callable[[Surroundings, Surroundings], None]
"""(before, after)"""


class HostSurroundings:
    """One setter; turning to what is so already changes nothing and writes nothing."""

    def __init__(self, rows: Rows, things: Mapping[Name, bytes], timeline: TimelineWriter) -> None:
        saved = saved_of(things, KIND, Surroundings)
        self._row: SavedTable[Surroundings] = SavedTable(rows, KIND)
        self._row[""] = saved[0] if saved else Surroundings()
        self._timeline = timeline
        self._listeners: list[Heard] = []

    @property
    def now(self) -> Surroundings:
        return self._row[""]

    def subscribe(self, heard: Heard) -> None:
        """It is called after each change, in the order of subscription."""
        self._listeners.append(heard)

    def turn(self, after: Surroundings) -> None:
        before, self._row[""] = self.now, after
        changes = differences(before, after)
        if changes:
            self._timeline.add("LEVER", **changes)
            for heard in self._listeners:
                heard(before, after)
