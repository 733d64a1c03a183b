"""On external power a transfer that runs keeps the host awake, by its app's name; on battery none ever does."""

from __future__ import annotations

from rig.standby.system.governor import Governor, Hold
from rig.standby.system.situation import HostSituation
from rig.standby.system.transfers.permits import Permits


class TransferHolds:
    def __init__(self, governor: Governor, situation: HostSituation, permits: Permits, *, may_hold: bool) -> None:
        self._governor = governor
        self._situation = situation
        self._permits = permits
        self._may_hold = may_hold
        self._holds: dict[str, Hold] = {}

    def look(self) -> None:
        may = self._may_hold and self._situation.now.surroundings.ac
        running = self._permits.running if may else set[str]()
        for package in running - self._holds.keys():
            self._holds[package] = self._governor.hold(f"transfer of {package}", "it runs, and the host has external power")
        for package in self._holds.keys() - running:
            self._holds.pop(package).release()
