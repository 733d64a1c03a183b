"""The thinnest owner of patterns: every app of the host can be woken by a datagram to a port of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from rig.device.pattern import Pattern
from rig.standby.system.app_process import AppProcess
from rig.standby.system.driver import PatternToOffload
from rig.standby.system.owner import Owner
from rig.standby.system.rows import SavedTable
from rig.standby.system.store import Name, saved_of
from rig.standby.system.system import System
from rig.standby.wire.nic import Held

FIRST_PORT = 7000


class SavedBell(msgspec.Struct, frozen=True):
    instance: int
    key: str


class Doorbells(Owner):
    """An app gets its bell before the host sleeps for the first time with it."""

    def __init__(self, system: System, driver: Any) -> None:
        self._processes = system.processes
        self._numbers = system.numbers
        self._soon = system._ledger.soon
        self._driver = driver
        self._bells: SavedTable[SavedBell] = SavedTable(system.rows, "bell")
        """By instance."""
        self._resumed: dict[int, tuple[int, ...]] = {}
        """Whom the driver would continue, as it was told last."""
        self.rung: list[tuple[str, str]] = []
        """Keys and reasons."""

    def key_of(self, app: AppProcess) -> str:
        return self._bells[str(app.instance)].key

    def has(self, key: str) -> bool:
        return key in self._keys()

    async def prepare(self) -> None:
        for app in self._processes:
            if str(app.instance) not in self._bells:
                self._bells[str(app.instance)] = SavedBell(app.instance, self._numbers.next_key("pattern"))
                self._soon()
            if self._resumed.get(app.instance) != app.child.pids:
                await self._add(app)

    async def _add(self, app: AppProcess) -> None:
        pids, pattern = app.child.pids, Pattern.udp(0, FIRST_PORT + app.instance)
        names = {"app": app.name, "instance": app.instance}
        await self._driver.add_pattern(PatternToOffload(key=self.key_of(app), names=names, pattern=pattern, resume=pids))
        self._resumed[app.instance] = pids

    def label_of(self, key: str) -> str:
        return f"the bell of {self._app_of(key).label}"

    def woke(self, key: str, reason: str) -> None:
        self.rung.append((key, reason))
        self._processes.resume(self._app_of(key), "wake")

    def lost(self, key: str) -> None:
        """It is tried again before the next sleep."""
        self._resumed.pop(self._app_of(key).instance, None)

    async def end_app(self, app: AppProcess) -> None:
        bell = self._bells.get(str(app.instance))
        if bell is not None:
            await self._driver.remove_pattern(bell.key)
            del self._bells[str(app.instance)]

    def take_up(self, things: Mapping[Name, bytes], descriptors: dict[str, int]) -> None:
        for saved in saved_of(things, "bell", SavedBell):
            self._bells[str(saved.instance)] = saved

    async def agree(self, held: Held) -> None:
        for app in self._processes:
            if str(app.instance) in self._bells and self.key_of(app) not in held.patterns:
                await self._add(app)

    def _app_of(self, key: str) -> AppProcess:
        return next(app for app in self._processes if str(app.instance) in self._bells and self.key_of(app) == key)

    def _keys(self) -> set[str]:
        return {bell.key for bell in self._bells.values()}
