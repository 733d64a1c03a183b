"""On external power a transfer that runs keeps the host awake, by its app's name; on battery none ever does.

Nor does one that has come to a stand: of a server that has gone silent nothing is heard for longer than a connection may take to
be established (BTR-015).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from rig.clock import Clock
from rig.standby.system.governor import Governor, Hold
from rig.standby.system.situation import HostSituation
from rig.standby.system.transfers.permits import Permits

STANDS_MINUTES = 5
STANDS_LEAST_S = 1.0
"""Real time: bytes are told of every tenth of a second, however short a minute is."""


@dataclass
class Running:
    """Of one package. `hold`: None while it has come to a stand."""

    heard_s: float
    """Of the loop's time."""
    timer: asyncio.TimerHandle
    hold: Hold | None = None


class TransferHolds:
    def __init__(self, governor: Governor, situation: HostSituation, permits: Permits, clock: Clock, *, may_hold: bool) -> None:
        self._governor = governor
        self._situation = situation
        self._permits = permits
        self._stands_s = max(clock.minutes_s(STANDS_MINUTES), STANDS_LEAST_S)
        self._may_hold = may_hold
        self._loop = asyncio.get_running_loop()
        self._running: dict[str, Running] = {}

    def look(self) -> None:
        """What runs may be otherwise."""
        may = self._may_hold and self._situation.now.surroundings.ac
        packages = self._permits.running_or_about_to if may else set[str]()
        for package in self._running.keys() - packages:
            self._end(self._running.pop(package))
        for package in packages - self._running.keys():
            self._running[package] = Running(self._loop.time(), self._look_later(package))
            self.moved(package)

    def moved(self, package: str) -> None:
        """Something was heard of one of its transfers."""
        running = self._running.get(package)
        if running is not None:
            running.heard_s = self._loop.time()
            if running.hold is None:
                running.hold = self._governor.hold(f"transfer of {package}", "it runs, and the host has external power")
                running.timer.cancel()
                running.timer = self._look_later(package)

    def _look_later(self, package: str) -> asyncio.TimerHandle:
        return self._loop.call_later(self._stands_s, self._look_at, package)

    def _look_at(self, package: str) -> None:
        running = self._running[package]
        left_s = running.heard_s + self._stands_s - self._loop.time()
        if left_s > 0:
            running.timer = self._loop.call_later(left_s, self._look_at, package)
        else:
            self._end(running)

    def _end(self, running: Running) -> None:
        running.timer.cancel()
        if running.hold is not None:
            running.hold.release()
            running.hold = None
