"""What the host is in right now, as conditions, triggers and policy look at it: surroundings, network and screen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import msgspec

from rig.standby.system.network import NetworkState
from rig.standby.system.rows import Rows, SavedTable
from rig.standby.system.store import Name, saved_of
from rig.standby.wire.surroundings import NetworkCostType, Surroundings
from rig.standby.wire.task_enums import BackgroundWorkCostValue

KIND = "situation"


class Situation(msgspec.Struct, frozen=True):
    surroundings: Surroundings = Surroundings()
    network: NetworkState = NetworkState()
    screen_on: bool = True

    @property
    def internet_available(self) -> bool:
        return self.network.connected and self.surroundings.internet

    @property
    def free_network(self) -> bool:
        """One that leads to the internet and costs nothing."""
        around = self.surroundings
        return self.internet_available and around.cost is NetworkCostType.UNRESTRICTED and not around.roaming

    @property
    def work_cost(self) -> BackgroundWorkCostValue:
        """Of background work: low on AC, high on battery with the screen off."""
        if self.surroundings.ac:
            return BackgroundWorkCostValue.LOW
        return BackgroundWorkCostValue.MEDIUM if self.screen_on else BackgroundWorkCostValue.HIGH


Heard: TypeAlias = Callable[[Situation, Situation], None]
"""(before, after)"""


class HostSituation:
    """What was told last outlives the system: what changes while there is none is told by the next one."""

    def __init__(self, rows: Rows, things: Mapping[Name, bytes], read: Callable[[], Situation]) -> None:
        saved = saved_of(things, KIND, Situation)
        self._read = read
        self._row: SavedTable[Situation] = SavedTable(rows, KIND)
        self._row[""] = saved[0] if saved else read()
        self._listeners: list[Heard] = []

    @property
    def now(self) -> Situation:
        return self._row[""]

    def subscribe(self, heard: Heard) -> None:
        """It is called after each change, in the order of subscription."""
        self._listeners.append(heard)

    def look(self) -> None:
        """Something that it is made of may have changed."""
        before, after = self.now, self._read()
        if before != after:
            self._row[""] = after
            for heard in self._listeners:
                heard(before, after)
