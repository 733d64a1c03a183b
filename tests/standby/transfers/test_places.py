"""Who has had its place for long lets others have it, and goes on later: with an engine that never comes to an end."""

from __future__ import annotations

import asyncio
import uuid
from pathlib import Path
from typing import cast

import pytest

from rig.standby.transfers import operations as module
from rig.standby.transfers.attempts import Attempts
from rig.standby.transfers.changes import Changes
from rig.standby.transfers.operation import Operation, Status
from rig.standby.transfers.operations import Operations
from rig.standby.transfers.store import SavedOperation, Store
from rig.standby.transfers.turns import AT_A_TIME
from rig.standby.wire.message import Notice
from rig.standby.wire.transfer_types import ResponseInformation, TransferSpec
from rig.timeline import Timeline


class Endless:
    def __init__(self) -> None:
        self.begun: dict[str, int] = {}
        self.at_once = 0

    async def make(self, operation: Operation) -> None:
        self.begun[operation.id] = self.begun.get(operation.id, 0) + 1
        self.at_once += 1
        try:
            await asyncio.Event().wait()
        finally:
            self.at_once -= 1


class Deaf:
    is_behind = False

    def notify(self, notice: Notice) -> None:
        pass


def test_more_without_an_end_than_there_are_places_all_have_their_turn(
    tmp_path: Path, timeline: Timeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TURN_S", 0.0)
    monkeypatch.setattr(module, "LOOK_S", 0.0)

    async def life() -> None:
        engine, faults = Endless(), list[BaseException]()
        changes = Changes(Store(tmp_path / "store"), Deaf(), timeline, lambda _where, error: faults.append(error))
        operations = Operations(changes, cast(Attempts, engine), timeline)
        ids = [str(uuid.uuid4()) for _ in range(2 * AT_A_TIME)]
        for id_ in ids:
            spec = TransferSpec(id=id_, direction="download", uri="http://server/", path=f"/{id_}")
            operation = operations.add(SavedOperation("podcast", spec, validator='"a"'))
            operation.saved.response = ResponseInformation("http://server/", 200, {}, True)
            operation.permit = Status.RUNNING
            operations.start(operation)
        async with asyncio.timeout(60):
            while min(engine.begun.get(id_, 0) for id_ in ids) < 2:
                assert engine.at_once <= AT_A_TIME
                await asyncio.sleep(0)
        assert faults == []
        await asyncio.gather(*map(operations.stop, operations))

    asyncio.run(life())
