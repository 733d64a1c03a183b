"""Who waits for changes of transfers: one call of a process at a time, which is answered with all that has changed."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable

import msgspec

from rig.standby.system.app_process import AppProcess
from rig.standby.system.transfers.table import TransferTable
from rig.standby.system.transfers.transfer import Transfer
from rig.standby.wire.app_transfers import WATCH_S, TransfersChanged
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.transfer_types import TransferState

PAGE_BYTES = 48 * 1024
"""Of states, in one answer of more than one; a message has room for any one."""
BYTES_S = 0.1
"""Real time between two answers to an app of which the second has nothing but bytes to tell: as often as its operations are told
of here, each by itself."""
_encode = msgspec.msgpack.Encoder().encode


def page(transfers: Iterable[Transfer]) -> list[Transfer]:
    """As many of them as an answer can hold, one at least."""
    taken: list[Transfer] = []
    room = PAGE_BYTES
    for transfer in transfers:
        room -= len(_encode(transfer.state))
        if taken and room < 0:
            break
        taken.append(transfer)
    return taken


class Waiting:
    """One call that waits."""

    def __init__(self, ids: Collection[str]) -> None:
        self.ids = ids
        self._loop = asyncio.get_running_loop()
        self._future: asyncio.Future[None] = self._loop.create_future()
        self._timer: asyncio.TimerHandle | None = None

    def end(self) -> None:
        if not self._future.done():
            self._future.set_result(None)

    def end_by(self, when_s: float) -> None:
        """Of the loop's time, if not before."""
        if self._timer is None or when_s < self._timer.when():
            self._stop()
            self._timer = self._loop.call_at(when_s, self.end)

    async def ended(self) -> None:
        try:
            await self._future
        finally:
            self._stop()

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


class Watches:
    def __init__(self, table: TransferTable, epoch: int) -> None:
        self._table = table
        self._epoch = epoch
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[AppProcess, Waiting] = {}
        self._bytes_s: dict[AppProcess, float] = {}
        """Of the loop's time: when an app may have the next answer that has nothing but bytes to tell."""
        table.subscribe(self._changed)

    async def watch(self, app: AppProcess, ids: Collection[str], epoch: int, number: int) -> TransfersChanged:
        """Ids that are not there, or of another package, are passed over: they never change. Raises HostError where all are."""
        self._end(app)
        wanted = frozenset(ids)
        self._check(app, wanted)
        since = number if epoch == self._epoch else 0
        if epoch == self._epoch and not self._is_urgent(app, wanted, since):
            await self._change(app, wanted, since)
            self._check(app, wanted)
        states, until = self._since(app, wanted, since)
        self._bytes_s[app] = self._loop.time() + BYTES_S
        return TransfersChanged(self._epoch, until, states)

    async def _change(self, app: AppProcess, ids: Collection[str], since: int) -> None:
        """Of one of these; at the latest in WATCH_S, or when the app makes another call."""
        self._waiting[app] = waiting = Waiting(ids)
        waiting.end_by(self._loop.time() + WATCH_S)
        if self._since(app, ids, since)[0]:
            waiting.end_by(self._bytes_s.get(app, 0.0))
        try:
            await waiting.ended()
        finally:
            if self._waiting.get(app) is waiting:
                del self._waiting[app]

    def _is_urgent(self, app: AppProcess, ids: Collection[str], since: int) -> bool:
        return any(self._table.turned_at(transfer) > since for transfer in self._own(app, ids))

    def gone(self, app: AppProcess) -> None:
        self._bytes_s.pop(app, None)

    def _since(self, app: AppProcess, ids: Collection[str], number: int) -> tuple[list[TransferState], int]:
        """In the order of their changes, and the number up to which these are all. One that is forgotten is still seen by who
        knows it: its completion task."""
        news = [transfer for transfer in self._own(app, ids) if self._table.changed_at(transfer) > number]
        news.sort(key=self._table.changed_at)
        told = page(news)
        until = self._table.changed_at(told[-1]) if len(told) < len(news) else self._table.number
        return [transfer.state for transfer in told], until

    def _check(self, app: AppProcess, ids: Collection[str]) -> None:
        if not self._own(app, ids):
            raise HostError(HResult.ELEMENT_NOT_FOUND, f"app {app.name} has none of these transfers")

    def _own(self, app: AppProcess, ids: Collection[str]) -> list[Transfer]:
        found = [transfer for transfer in map(self._table.find, ids) if transfer is not None]
        return [transfer for transfer in found if transfer.package == app.name and transfer.known]

    def _changed(self, transfer: Transfer, only_bytes: bool) -> None:
        for app, waiting in self._waiting.items():
            if transfer.id in waiting.ids and app.name == transfer.package:
                waiting.end_by(self._bytes_s.get(app, 0.0)) if only_bytes else waiting.end()

    def _end(self, app: AppProcess) -> None:
        waiting = self._waiting.pop(app, None)
        if waiting is not None:
            waiting.end()
