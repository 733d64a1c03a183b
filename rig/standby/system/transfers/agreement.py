"""What the process of transfers has and what the system has are one: after either was started anew, and with each change."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from rig.standby.system.background import Background
from rig.standby.system.transfers.permits import Permits
from rig.standby.system.transfers.process import Transferring
from rig.standby.system.transfers.table import TransferTable
from rig.standby.system.transfers.transfer import NOBODY, SavedTransfer, Transfer
from rig.standby.wire.faults import is_foreseen
from rig.standby.wire.hresult import HostError, ProcessGone
from rig.standby.wire.message import Call
from rig.standby.wire.transfer_enums import BackgroundTransferStatus as Status
from rig.standby.wire.transfers import Changed, Forget, FromTransfers, Owned, Started

R = TypeVar("R")


class Agreement:
    """`turned` hears of a transfer whose status has changed, or that is gone; `agreed` after each agreement, `refused`
    that none comes about: nothing runs."""

    def __init__(
        self,
        process: Transferring,
        table: TransferTable,
        permits: Permits,
        background: Background,
        *,
        turned: Callable[[Transfer], None],
        agreed: Callable[[], None],
        refused: Callable[[], None],
    ) -> None:
        self._process = process
        self._table = table
        self._permits = permits
        self._background = background
        self._turned = turned
        self._agreed = agreed
        self._refused = refused
        self._processes = 0
        """How many have started under this system."""
        self._last = 0
        """Number of a change that is known."""
        self._fault: Exception | None = None
        self._settled = asyncio.Event()

    def begin(self) -> None:
        self._process.subscribe(self._hear)
        self._agree_soon()

    async def call(self, call: Call[R]) -> R:
        """Of a process whose transfers are known. Raises the fault's error."""
        await self.known()
        return await self._process.call(call)

    async def settle(self, call: Call[R]) -> R:
        """The same; what it has changed is known then."""
        try:
            answer = await self.call(call)
        except HostError:
            await self._catch_up()
            raise
        await self._catch_up()
        return answer

    async def _catch_up(self) -> None:
        for owned in await self._process.list_all(self._last):
            self._changed(owned)

    async def settled(self) -> None:
        """All that there is, is known; or there is no process that would say so, or run any."""
        await self._settled.wait()

    async def known(self) -> None:
        """All that there is, is. Raises what stands against it."""
        await self.settled()
        if self._fault is not None:
            raise self._fault

    # -- what it says --------------------------------------------------------------------------------------------------

    def _hear(self, notice: FromTransfers) -> None:
        match notice:
            case Started():
                self._processes += 1
                self._permits.forget_all()
                self._agree_soon()
            case Changed(owned):
                self._changed(owned)

    def _changed(self, owned: Owned) -> None:
        """Of one that is not there the app ended while it was created."""
        transfer = self._table.find(owned.state.spec.id)
        if transfer is not None and transfer.package == owned.package:
            self._update(transfer, owned)
        elif transfer is None and owned.state.status is Status.IDLE:
            self._forget_soon(owned)

    def _update(self, transfer: Transfer, owned: Owned) -> None:
        """Unless it was said before what is known already."""
        before = transfer.status if transfer.known else None
        if owned.number < transfer.number:
            return
        transfer.number = owned.number
        self._last = max(self._last, owned.number)
        self._table.update(transfer, owned.state)
        if owned.state.status is not before:
            self._turned(transfer)

    # -- all there is --------------------------------------------------------------------------------------------------

    def _agree_soon(self) -> None:
        self._settled.clear()
        self._background.start("what transfers there are", self._agree(self._processes))

    async def _agree(self, of_process: int) -> None:
        before = [transfer for transfer in self._table if transfer.known or transfer.asked is None]
        try:
            found = {owned.state.spec.id: owned for owned in await self._process.list_all()}
        except Exception as error:
            if of_process == self._processes:
                self._fault = error if is_foreseen(error) else ProcessGone("the process of background transfers")
                self._settled.set()
                self._permits.forget_all(nobody_there=True)
                self._refused()
            if not is_foreseen(error):
                raise
            return
        if of_process != self._processes:  # the next one is being asked
            return
        self._fault = None
        self._last = 0
        for transfer in before:
            if transfer.id not in found and transfer in self._table:
                self._table.remove(transfer)
                self._turned(transfer)
        for owned in found.values():
            self._found(owned)
        self._settled.set()
        self._agreed()

    def _found(self, owned: Owned) -> None:
        """One that nobody here knows was created, and its app has not heard of it: if it lives, it says so again. Or what was
        known of it could not be written down: then it waits for its app."""
        spec = owned.state.spec
        transfer = self._table.find(spec.id)
        if transfer is None and owned.state.status is Status.IDLE:
            self._forget_soon(owned)
            return
        if transfer is None:
            transfer = Transfer(SavedTransfer(spec.id, owned.package, NOBODY, spec.cost_policy, started=True))
            self._table.add(transfer)
        self._update(transfer, owned)

    def _forget_soon(self, owned: Owned) -> None:
        self._background.start("a transfer that nobody has", self._forget(owned.state.spec.id))

    async def _forget(self, transfer_id: str) -> None:
        """Of a process that is no more, nothing is left to be forgotten."""
        try:
            await self._process.call(Forget(transfer_id))
        except Exception as error:
            if not is_foreseen(error):
                raise
