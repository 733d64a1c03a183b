"""Requests that were not answered in time, again and again (BTR-017): in a process whose network is the test's."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import cast

import pycurl
import pytest
from msgspec.structs import replace

from rig.standby.transfers import operations
from rig.standby.transfers.attempts import Attempts
from rig.standby.transfers.changes import Changes
from rig.standby.transfers.curl_loop import CurlError
from rig.standby.transfers.operation import Operation, Status
from rig.standby.transfers.operations import Operations
from rig.standby.transfers.store import SavedOperation, Store
from rig.standby.wire.message import Notice
from rig.standby.wire.transfer_types import TransferSpec
from rig.timeline import Timeline

SPEC = TransferSpec(id="0" * 36, direction="download", uri="http://192.0.2.1/", path="/nowhere/episode")


class Nobody:
    """Who is told."""

    is_behind = False

    def notify(self, notice: Notice) -> None:
        pass


class Standing:
    """Attempts of which each comes so far, and then nothing more does, until one is whole."""

    def __init__(self, lengths: Iterable[int], validator: str) -> None:
        self._lengths = iter(lengths)
        self._validator = validator

    async def make(self, operation: Operation) -> None:
        length = next(self._lengths, None)
        if length is not None:
            operation.saved.validator = self._validator
            operation.saved.progress = replace(operation.saved.progress, bytes_received=length)
            raise CurlError(pycurl.E_OPERATION_TIMEDOUT, "nothing more of the answer")

    def discard(self, operation: Operation) -> None:
        pass


async def life(timeline: Timeline, folder: Path, attempts: Standing) -> tuple[Status, int]:
    """How it ends, after how many."""
    met: list[BaseException] = []
    writer = timeline.writer("host")
    store = Store(folder / "transfers.db")
    changes = Changes(store, Nobody(), writer, lambda _where, error: met.append(error))
    all_ = Operations(changes, cast(Attempts, attempts), writer)
    operation = all_.add(SavedOperation("podcast", SPEC))
    operation.permit = Status.RUNNING
    all_.start(operation)
    async with asyncio.timeout(30):
        while not operation.saved.status.ended:
            assert operation.work is not None
            await asyncio.wait([operation.work])
            await asyncio.sleep(0)
    await asyncio.sleep(0)
    store.close()
    assert met == []
    return operation.saved.status, operation.saved.attempts


@pytest.mark.parametrize(
    ("lengths", "validator", "ends"),
    [
        pytest.param([], '"v"', (Status.COMPLETED, 1), id="none"),
        pytest.param([0] * 9, "", (Status.ERROR, 4), id="no answer at all"),
        pytest.param(range(1000, 10_000, 1000), '"v"', (Status.COMPLETED, 10), id="each goes on, and comes further"),
        pytest.param([0, 0, 0, 1000, 1000, 1000, 1000, 2000], '"v"', (Status.ERROR, 7), id="three in a row come no further"),
        pytest.param(range(1000, 10_000, 1000), "", (Status.ERROR, 4), id="what begins anew each time"),
    ],
)
def test_those_in_a_row_count(
    tmp_path: Path,
    timeline: Timeline,
    monkeypatch: pytest.MonkeyPatch,
    lengths: Iterable[int],
    validator: str,
    ends: tuple[Status, int],
) -> None:
    """A large file on a line that stands still now and then is not given up while it grows."""
    monkeypatch.setattr(operations, "GRACE_S", 0.0)
    assert asyncio.run(life(timeline, tmp_path, Standing(lengths, validator))) == ends
