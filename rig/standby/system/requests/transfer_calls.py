"""What apps ask of background transfers."""

from __future__ import annotations

from rig.standby.system.app_process import AppProcess
from rig.standby.system.requests.dispatch import Handlers
from rig.standby.system.transfers.parts import TransferParts
from rig.standby.wire import app_transfers
from rig.standby.wire.descriptors import Descriptors
from rig.standby.wire.transfer_types import TransferState


class TransferCalls:
    def __init__(self, transfers: TransferParts) -> None:
        self._operations = transfers.operations
        self._agreement = transfers.agreement
        self._watches = transfers.watches

    def handlers(self) -> Handlers:
        return {
            app_transfers.CreateTransfer: self._create,
            app_transfers.StartTransfer: self._start,
            app_transfers.AttachTransfers: self._attach,
            app_transfers.PauseTransfer: self._pause,
            app_transfers.ResumeTransfer: self._resume,
            app_transfers.CancelTransfer: self._cancel,
            app_transfers.SetTransferPriority: self._set_priority,
            app_transfers.SetTransferCostPolicy: self._set_cost_policy,
            app_transfers.SetTransferUri: self._set_uri,
            app_transfers.ListTransfers: self._list,
            app_transfers.WatchTransfers: self._watch,
            app_transfers.ForgetTransfers: self._forget,
            app_transfers.EnableCompletionGroup: self._enable_group,
        }

    async def _create(self, app: AppProcess, message: app_transfers.CreateTransfer, descriptors: Descriptors) -> None:
        await self._operations.create(app, message.spec)

    async def _start(self, app: AppProcess, message: app_transfers.StartTransfer, descriptors: Descriptors) -> None:
        await self._operations.start(app, message.id)

    async def _attach(self, app: AppProcess, message: app_transfers.AttachTransfers, descriptors: Descriptors) -> None:
        await self._operations.attach(app, message.ids)

    async def _pause(self, app: AppProcess, message: app_transfers.PauseTransfer, descriptors: Descriptors) -> None:
        await self._operations.pause(app, message.id)

    async def _resume(self, app: AppProcess, message: app_transfers.ResumeTransfer, descriptors: Descriptors) -> None:
        await self._operations.resume(app, message.id)

    async def _cancel(self, app: AppProcess, message: app_transfers.CancelTransfer, descriptors: Descriptors) -> None:
        await self._operations.cancel(app, message.id)

    async def _set_priority(self, app: AppProcess, message: app_transfers.SetTransferPriority, descriptors: Descriptors) -> None:
        await self._operations.set_priority(app, message.id, message.priority)

    async def _set_cost_policy(
        self, app: AppProcess, message: app_transfers.SetTransferCostPolicy, descriptors: Descriptors
    ) -> None:
        await self._operations.set_cost_policy(app, message.id, message.cost_policy)

    async def _set_uri(self, app: AppProcess, message: app_transfers.SetTransferUri, descriptors: Descriptors) -> None:
        await self._operations.set_uri(app, message.id, message.uri)

    async def _list(self, app: AppProcess, message: app_transfers.ListTransfers, descriptors: Descriptors) -> list[TransferState]:
        return await self._operations.listed(app, message.behind)

    async def _watch(
        self, app: AppProcess, message: app_transfers.WatchTransfers, descriptors: Descriptors
    ) -> app_transfers.TransfersChanged:
        await self._agreement.known()
        return await self._watches.watch(app, message.ids, message.epoch, message.number)

    async def _forget(self, app: AppProcess, message: app_transfers.ForgetTransfers, descriptors: Descriptors) -> None:
        await self._operations.forget(app, message.ids)

    async def _enable_group(
        self, app: AppProcess, message: app_transfers.EnableCompletionGroup, descriptors: Descriptors
    ) -> None:
        await self._operations.enable(app, message.group)
