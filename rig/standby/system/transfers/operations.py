"""What apps do with their operations: all of a package's are its processes' alike, and whoever starts or attaches one answers
for it from then on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Literal

from rig.standby.system.app_process import AppProcess
from rig.standby.system.background import Background
from rig.standby.system.processes import Processes
from rig.standby.system.transfers.agreement import Agreement
from rig.standby.system.transfers.discards import Discards
from rig.standby.system.transfers.groups import CompletionGroups
from rig.standby.system.transfers.permits import Permits
from rig.standby.system.transfers.rules import (
    RESUMABLE,
    Limits,
    check_pause,
    check_resume,
    check_set_uri,
    check_spec,
    check_start,
)
from rig.standby.system.transfers.table import TransferTable
from rig.standby.system.transfers.transfer import FREE, NOBODY, SavedTransfer, Transfer
from rig.standby.system.transfers.watches import page
from rig.standby.wire import transfers
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.transfer_enums import BackgroundTransferCostPolicy, BackgroundTransferPriority
from rig.standby.wire.transfer_enums import BackgroundTransferStatus as Status
from rig.standby.wire.transfer_types import TransferSpec, TransferState


class Operations:
    """Coroutines raise HostError. `write`: what has changed, at once."""

    def __init__(
        self,
        table: TransferTable,
        agreement: Agreement,
        permits: Permits,
        groups: CompletionGroups,
        limits: Limits,
        discards: Discards,
        processes: Processes,
        background: Background,
        write: Callable[[], None],
    ) -> None:
        self._table = table
        self._agreement = agreement
        self._permits = permits
        self._groups = groups
        self._limits = limits
        self._discards = discards
        self._processes = processes
        self._background = background
        self._write = write

    # -- their life ----------------------------------------------------------------------------------------------------

    async def create(self, app: AppProcess, spec: TransferSpec) -> None:
        """The same one again, of an app that has not heard of it, changes nothing."""
        check_spec(spec)
        await self._agreement.known()
        await self._discards.over(app.name)
        transfer = self._table.find(spec.id)
        if transfer is not None and transfer.package != app.name:
            raise HostError(HResult.INVALID_ARG, f"the id {spec.id} is taken")
        if transfer is None:
            self._limits.check(app.name, spec)
            self._groups.join(app, spec)
            transfer = Transfer(SavedTransfer(spec.id, app.name, app.instance, spec.cost_policy), spec)
            self._table.add(transfer)
        try:
            await self._agreement.call(transfers.Create(app.name, spec))
        except BaseException:
            if not transfer.known:
                self._gone(transfer)
            raise
        if not transfer.known and transfer in self._table:
            self._table.update(transfer, TransferState(spec))

    async def start(self, app: AppProcess, transfer_id: str) -> None:
        transfer = await self._own(app, transfer_id)
        with self._doing(transfer, "start", check_start):
            transfer.started = True
            self._held_by(transfer, app)
            await self._permits.settled()  # before: else it would begin as one that may not run
            await self._agreement.call(transfers.Start(transfer.id))

    async def attach(self, app: AppProcess, ids: Iterable[str]) -> None:
        """What a process that died before it was told of it has not begun is begun now."""
        found = [await self._own(app, transfer_id) for transfer_id in ids]
        for transfer in found:
            self._held_by(transfer, app)
        await self._permits.settled()
        for transfer in found:
            if transfer.started and transfer.status is Status.IDLE:
                await self._agreement.call(transfers.Start(transfer.id))

    def _held_by(self, transfer: Transfer, app: AppProcess) -> None:
        """The process of a task ends with its run, and that is no reason to pause what it has begun."""
        if not app.is_task_host:
            transfer.holder = app.instance
        elif transfer.started and (transfer.holder in (NOBODY, app.instance)):
            transfer.holder = FREE

    async def pause(self, app: AppProcess, transfer_id: str) -> None:
        transfer = await self._own(app, transfer_id)
        await self._do(transfer, "pause", check_pause, transfers.Pause(transfer.id))

    async def resume(self, app: AppProcess, transfer_id: str) -> None:
        transfer = await self._own(app, transfer_id)
        await self._do(transfer, "resume", check_resume, transfers.Resume(transfer.id))

    async def _do(
        self,
        transfer: Transfer,
        what: Literal["pause", "resume"],
        check: Callable[[Transfer], None],
        call: transfers.Pause | transfers.Resume,
    ) -> None:
        """What has come about does not count as refused, where two systems have asked for it."""
        with self._doing(transfer, what, check):
            try:
                await self._agreement.settle(call)
            except HostError as refused:
                if refused.hresult is not HResult.ILLEGAL_METHOD_CALL or not _came_about(transfer, what):
                    raise

    @contextmanager
    def _doing(
        self, transfer: Transfer, what: Literal["start", "pause", "resume"], check: Callable[[Transfer], None]
    ) -> Iterator[None]:
        """Written down before it is done: a system that dies over it leaves one that does not refuse what it may have done."""
        if transfer.doing != what:
            check(transfer)
        transfer.doing = what
        self._write()
        try:
            yield
        finally:
            transfer.doing = ""

    async def cancel(self, app: AppProcess, transfer_id: str) -> None:
        """One that has ended stays as it is."""
        transfer = await self._own(app, transfer_id)
        if not transfer.ended:
            await self._agreement.settle(transfers.Cancel(transfer.id))

    # -- what they are -------------------------------------------------------------------------------------------------

    async def set_priority(self, app: AppProcess, transfer_id: str, priority: BackgroundTransferPriority) -> None:
        transfer = await self._own(app, transfer_id)
        await self._agreement.settle(transfers.SetPriority(transfer.id, priority))

    async def set_cost_policy(self, app: AppProcess, transfer_id: str, policy: BackgroundTransferCostPolicy) -> None:
        transfer = await self._own(app, transfer_id)
        transfer.cost_policy = policy
        self._table.touch(transfer)
        self._permits.look()

    async def set_uri(self, app: AppProcess, transfer_id: str, uri: str) -> None:
        transfer = await self._own(app, transfer_id)
        check_set_uri(transfer, uri)
        await self._agreement.settle(transfers.SetUri(transfer.id, uri))

    async def listed(self, app: AppProcess, behind: str) -> list[TransferState]:
        """By id, as many as an answer can hold."""
        await self._agreement.known()
        own = (t for t in self._table.of(app.name) if t.id > behind and t.known and not t.forgotten)
        return [transfer.state for transfer in page(own)]

    async def enable(self, app: AppProcess, group: str) -> None:
        await self._agreement.known()
        self._groups.enable(app, group)

    # -- their end -----------------------------------------------------------------------------------------------------

    async def forget(self, app: AppProcess, ids: Iterable[str]) -> None:
        """Those that are gone, or have not ended, are passed over."""
        await self._agreement.known()
        for transfer in [self._table.find(transfer_id) for transfer_id in ids]:
            if transfer is not None and transfer.package == app.name and transfer.ended:
                transfer.forgotten = True
                await self._purge(transfer)

    def purge(self) -> None:
        """What nobody needs any more."""
        for transfer in self._table:
            if self._is_over(transfer):
                self._background.start("a transfer that is over", self._purge(transfer))

    async def _purge(self, transfer: Transfer) -> None:
        """Unless its completion task is still to see it."""
        if self._is_over(transfer):
            transfer.leaving = True
            try:
                await self._agreement.call(transfers.Forget(transfer.id))
            except BaseException:
                transfer.leaving = False
                raise
            self._gone(transfer)

    def _is_over(self, transfer: Transfer) -> bool:
        return transfer.forgotten and transfer.known and not self._groups.has(transfer.id)

    def _gone(self, transfer: Transfer) -> None:
        self._table.remove(transfer)
        self._groups.leave(transfer.id)

    def app_gone(self, instance: int) -> None:
        """What it has never started ends with it; the rest waits for another process of the app (BTR-002), if there is none."""
        for transfer in [transfer for transfer in self._table if transfer.holder == instance]:
            transfer.holder = self._heir(transfer) if transfer.started else NOBODY
            if not transfer.started:
                transfer.forgotten = True
                self._groups.leave(transfer.id)
        self._permits.look()
        self.purge()

    def _heir(self, transfer: Transfer) -> int:
        """Another process of its app, that was there before."""
        own = (app for app in self._processes if app.name == transfer.package)
        return next((app.instance for app in own if not (app.is_task_host or app.ending or app.ended_unseen)), NOBODY)

    async def _own(self, app: AppProcess, transfer_id: str) -> Transfer:
        await self._agreement.known()
        transfer = self._table.find(transfer_id)
        if transfer is None or transfer.package != app.name or not transfer.known or transfer.leaving:
            raise HostError(HResult.ELEMENT_NOT_FOUND, f"app {app.name} has no transfer {transfer_id}")
        return transfer


def _came_about(transfer: Transfer, what: str) -> bool:
    if what == "pause":
        return transfer.status is Status.PAUSED_BY_APPLICATION
    return not transfer.ended and transfer.status not in RESUMABLE
