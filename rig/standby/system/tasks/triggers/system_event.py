"""System triggers: what happens to the host fires the tasks that are registered for it (BGT-017)."""

from __future__ import annotations

from collections.abc import Callable

from rig.standby.system.situation import Situation
from rig.standby.system.tasks.triggers.system_changes import Happened, events_of


class SystemEvents:
    """`fire` hears of each system event once."""

    def __init__(self, fire: Callable[[Happened], None]) -> None:
        self._fire = fire

    def situation_changed(self, before: Situation, after: Situation) -> None:
        for happened in events_of(before, after):
            self._fire(happened)

    def happens(self, happened: Happened) -> None:
        """One that no situation shows."""
        self._fire(happened)
