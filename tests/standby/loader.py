"""What an app does with background transfers, for apps that have no process."""

from __future__ import annotations

import uuid
from typing import Any

import msgspec

from rig.standby.wire import bench
from rig.standby.wire.app_transfers import (
    AttachTransfers,
    CreateTransfer,
    ForgetTransfers,
    ListTransfers,
    StartTransfer,
    TransfersChanged,
    WatchTransfers,
)
from rig.standby.wire.transfer_enums import BackgroundTransferStatus as Status
from rig.standby.wire.transfer_types import TransferSpec, TransferState
from tests.standby.fake_app import FakeApp
from tests.standby.fake_host import FakeHost


def download(**fields: Any) -> TransferSpec:
    id_ = str(uuid.uuid4())
    return TransferSpec(id=id_, direction="download", uri=f"http://192.0.2.1/{id_}", path=f"/nowhere/{id_}", **fields)


def upload(**fields: Any) -> TransferSpec:
    return msgspec.structs.replace(download(**fields), direction="upload")


async def create(app: FakeApp, spec: TransferSpec) -> str:
    await app.call(CreateTransfer(spec))
    return spec.id


async def start(app: FakeApp, spec: TransferSpec | None = None, **fields: Any) -> str:
    """A download, created and started; its id."""
    id_ = await create(app, spec or download(**fields))
    await app.call(StartTransfer(id_))
    return id_


async def listed(app: FakeApp) -> list[TransferState]:
    found: list[TransferState] = []
    while page := await app.call(ListTransfers(found[-1].spec.id if found else "")):
        found += page
    return found


async def status(app: FakeApp, transfer_id: str) -> Status:
    """As its app is told, also when it is listed no more."""
    told = await app.call(WatchTransfers((transfer_id,)))
    return told.states[0].status


class Watcher:
    """As the app's own: asks again with what it was told."""

    def __init__(self, app: FakeApp, *ids: str) -> None:
        self._app = app
        self._ids = ids
        self._epoch = self._number = 0

    async def next(self) -> list[TransferState]:
        told: TransfersChanged = await self._app.call(WatchTransfers(self._ids, self._epoch, self._number))
        self._epoch, self._number = told.epoch, told.number
        return told.states


async def attach_all(app: FakeApp) -> list[TransferState]:
    states = await listed(app)
    await app.call(AttachTransfers(tuple(state.spec.id for state in states)))
    return states


async def forget(app: FakeApp, *ids: str) -> None:
    await app.call(ForgetTransfers(ids))


async def turn(host: Any, **levers: Any) -> None:
    around = await host.bench(bench.GetSurroundings())
    await host.bench(bench.SetSurroundings(msgspec.structs.replace(around, **levers)))


async def to_background(host: FakeHost, app: FakeApp) -> None:
    await host.bench(bench.Suspend(host.instance_of(app)))
    await host.settle()
