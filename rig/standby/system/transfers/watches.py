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
"""Of states, in one answer, but for the last; a message has more than twice the room."""
_encode = msgspec.msgpack.Encoder().encode


def page(transfers: Iterable[Transfer]) -> list[Transfer]:
    """As many of them as an answer can hold, one at least."""
    taken: list[Transfer] = []
    room = PAGE_BYTES
    for transfer in transfers:
        if room < 0:
            break
        taken.append(transfer)
        room -= len(_encode(transfer.state))
    return taken


class Watches:
    def __init__(self, table: TransferTable, epoch: int) -> None:
        self._table = table
        self._epoch = epoch
        self._waiting: dict[AppProcess, tuple[Collection[str], asyncio.Future[bool]]] = {}
        table.subscribe(self._changed)

    async def watch(self, app: AppProcess, ids: Collection[str], epoch: int, number: int) -> TransfersChanged:
        """Ids that are not there, or of another package, are passed over: they never change. Raises HostError where all are."""
        self._end(app)
        wanted = frozenset(ids)
        self._check(app, wanted)
        since = number if epoch == self._epoch else 0
        states, until = self._since(app, wanted, since)
        if states or epoch != self._epoch:
            return TransfersChanged(self._epoch, until, states)
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting[app] = wanted, future
        timer = asyncio.get_running_loop().call_later(WATCH_S, _resolve, future)
        try:
            await future
        finally:
            timer.cancel()
            if self._waiting.get(app) == (wanted, future):
                del self._waiting[app]
        self._check(app, wanted)
        states, until = self._since(app, wanted, since)
        return TransfersChanged(self._epoch, until, states)

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

    def _changed(self, transfer: Transfer) -> None:
        for app, (ids, future) in self._waiting.items():
            if transfer.id in ids and app.name == transfer.package:
                _resolve(future)

    def _end(self, app: AppProcess) -> None:
        _, future = self._waiting.pop(app, (None, None))
        if future is not None:
            _resolve(future)


def _resolve(future: asyncio.Future[bool]) -> None:
    if not future.done():
        future.set_result(True)
