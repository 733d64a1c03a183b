"""Packages that are gone: all of their transfers go with them (BTR-030), also where nobody is there to do it right now."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import msgspec

from rig.standby.system.background import Background
from rig.standby.system.rows import Rows, SavedTable
from rig.standby.system.store import Name, saved_of
from rig.standby.system.transfers.process import Transferring
from rig.standby.wire.faults import is_foreseen
from rig.standby.wire.transfers import Discard

DISCARDS = "transfers_of_gone"
"""Kind of what is saved of them."""


class SavedDiscard(msgspec.Struct, frozen=True):
    package: str


class Discards:
    def __init__(self, rows: Rows, process: Transferring, background: Background) -> None:
        self._rows: SavedTable[SavedDiscard] = SavedTable(rows, DISCARDS)
        self._process = process
        self._background = background
        self._under_way = set[str]()
        self._done = asyncio.Event()
        """One more is over, whatever came of it."""

    def __contains__(self, package: str) -> bool:
        return package in self._rows

    def add(self, package: str) -> None:
        self._rows[package] = SavedDiscard(package)
        self._begin(package)

    def look(self) -> None:
        """For a process, or a system, that is a new one."""
        for package in self._rows:
            self._begin(package)

    def take_up(self, things: Mapping[Name, bytes]) -> None:
        for saved in saved_of(things, DISCARDS, SavedDiscard):
            self._rows[saved.package] = saved

    async def over(self, package: str) -> None:
        """Nothing of an app of that name that was there before is left. One that failed is tried again: raises what stands
        against it."""
        while package in self._rows:
            if package in self._under_way:
                self._done.clear()
                await self._done.wait()
            else:
                self._under_way.add(package)
                await self._discard(package)

    def _begin(self, package: str) -> None:
        """A process that dies over it leaves it to the next one."""
        if package not in self._under_way:
            self._under_way.add(package)
            self._background.start(f"the end of the transfers of {package}", self._discard_quietly(package))

    async def _discard_quietly(self, package: str) -> None:
        try:
            await self._discard(package)
        except Exception as error:
            if not is_foreseen(error):
                raise

    async def _discard(self, package: str) -> None:
        try:
            await self._process.call(Discard(package))
            self._rows.pop(package, None)
        finally:
            self._under_way.discard(package)
            self._done.set()
