"""The process of background transfers, seen from the system: calls over a line, which last until they are answered, whatever
becomes of the process meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from rig.standby.system.companion_process import CompanionProcess
from rig.standby.wire import transfers
from rig.standby.wire.descriptors import Descriptors
from rig.standby.wire.line import Line
from rig.standby.wire.message import Call

R = TypeVar("R")

UNDER_WAY = 64
"""Calls without an answer: far fewer than a line keeps for one that does not read, which may have been stopped."""


class TransferProcess(CompanionProcess[transfers.FromTransfers, transfers.FromTransfers]):
    """The first call starts it; a host that has none has no such process. One that has died too often answers every call with
    the fault that stands against it."""

    def __init__(
        self,
        line: Line[transfers.FromTransfers],
        incarnation: int,
        *,
        store: Path,
        on_fault: Callable[[str, BaseException], None],
    ) -> None:
        super().__init__(line, incarnation, on_gone=lambda _why: None, on_fault=on_fault)
        self._store = store
        self._begun = False
        self._room = asyncio.Semaphore(UNDER_WAY)

    async def call(self, call: Call[R]) -> R:
        """They are served in the order in which they were made. Raises the fault's error."""
        if not self._begun:
            self._begin()
        async with self._room:
            return await self._peer.call(call)

    async def list_all(self, above: int = 0) -> list[transfers.Owned]:
        """Those with a number above, in that order. Where no process has ever been there is nothing to ask for. One that changes
        meanwhile gets a new number, comes once more, and is listed as it was then."""
        found: dict[str, transfers.Owned] = {}
        while self._store.exists():
            more = await self.call(transfers.ListTransfers(above))
            if not more:
                break
            for owned in more:
                found.pop(owned.state.spec.id, None)
                found[owned.state.spec.id] = owned
            above = more[-1].number
        return list(found.values())

    def _begin(self) -> None:
        self._begun = True
        self._peer.notify(transfers.Begin())

    def _on_notice(self, notice: transfers.FromTransfers, descriptors: Descriptors) -> None:
        if isinstance(notice, transfers.Started):
            self._begin()
            self._peer.call_again()
        self._tell(notice)
