"""Requests that were not answered in time, again and again (BTR-017): in a process whose network is the test's."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable
from pathlib import Path
from typing import cast

import pycurl
import pytest
from msgspec.structs import replace

from rig.standby.transfers import operations
from rig.standby.transfers.attempts import Attempts
from rig.standby.transfers.calls import Calls
from rig.standby.transfers.changes import Changes
from rig.standby.transfers.curl_loop import CurlError
from rig.standby.transfers.newer import OnlyNewer
from rig.standby.transfers.operation import Operation, Status
from rig.standby.transfers.operations import Operations
from rig.standby.transfers.store import SavedOperation, Store
from rig.standby.wire.descriptors import Descriptors
from rig.standby.wire.message import Notice
from rig.standby.wire.transfer_types import TransferSpec
from rig.standby.wire.transfers import Permit
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


class Closing(Standing):
    """An attempt whose connection closes when the test says so."""

    def __init__(self) -> None:
        super().__init__((), "")
        self.closed = asyncio.Event()

    async def make(self, operation: Operation) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            while not self.closed.is_set():
                with contextlib.suppress(asyncio.CancelledError):
                    await self.closed.wait()


def test_said_twice_that_it_may_not_run_is_answered_twice_when_its_connection_is_closed(
    tmp_path: Path, timeline: Timeline
) -> None:
    """As by a system that is new, of what the one before had said: a host may sleep with the first answer that it gets."""

    async def scene() -> None:
        writer, attempts, store = timeline.writer("host"), Closing(), Store(tmp_path / "transfers.db")
        changes = Changes(store, Nobody(), writer, lambda _where, error: None)
        all_ = Operations(changes, cast(Attempts, attempts), writer)
        calls = Calls(all_, changes, OnlyNewer(), writer)
        operation = all_.add(SavedOperation("podcast", SPEC, started=True))
        await calls.serve(Permit({SPEC.id: Status.RUNNING}), cast(Descriptors, None))
        assert operation.work is not None
        await asyncio.sleep(0)
        paused = Permit({SPEC.id: Status.PAUSED_SYSTEM_POLICY})
        answers = [asyncio.ensure_future(calls.serve(paused, cast(Descriptors, None))) for _ in range(2)]
        for _ in range(10):
            await asyncio.sleep(0)
        early = [answer.done() for answer in answers]
        attempts.closed.set()
        assert early == [False, False]
        async with asyncio.timeout(30):
            await asyncio.gather(*answers)
        assert operation.work is None
        store.close()

    asyncio.run(scene())
