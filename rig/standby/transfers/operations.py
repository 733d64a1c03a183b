"""All operations, and which of them run: each change of one is a chance for others."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import msgspec

from rig.standby.transfers.attempts import Attempts, is_timeout
from rig.standby.transfers.changes import Changes
from rig.standby.transfers.errors import fault_of
from rig.standby.transfers.operation import Operation, Status
from rig.standby.transfers.partial_file import PartialFile
from rig.standby.transfers.store import SavedOperation
from rig.standby.transfers.turns import next_ones
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.transfer_enums import WebErrorStatus
from rig.standby.wire.transfer_types import TransferFault
from rig.timeline import TimelineWriter

RETRIES = 3
"""After a request that was not answered in time (BTR-017)."""


class Operations:
    def __init__(self, changes: Changes, attempts: Attempts, timeline: TimelineWriter) -> None:
        self._changes = changes
        self._attempts = attempts
        self._timeline = timeline
        self._all: dict[str, Operation] = {}
        """In the order in which they were started."""

    def __iter__(self) -> Iterator[Operation]:
        return iter(self._all.values())

    def get(self, id_: str) -> Operation | None:
        return self._all.get(id_)

    def __getitem__(self, id_: str) -> Operation:
        """Raises HostError."""
        if id_ not in self._all:
            raise HostError(HResult.ELEMENT_NOT_FOUND, f"no background transfer {id_}")
        return self._all[id_]

    def add(self, saved: SavedOperation) -> Operation:
        operation = self._all[saved.spec.id] = Operation(saved)
        return operation

    def remove(self, operation: Operation) -> None:
        self._all.pop(operation.id, None)

    def start(self, operation: Operation) -> None:
        """Twice is once."""
        if not operation.saved.started:
            operation.saved.started = True
            self._all[operation.id] = self._all.pop(operation.id)
            self.look(operation)

    def look(self, operation: Operation) -> None:
        """It is otherwise than before, and so may others be."""
        self._changes.changed(operation)
        self.go_on()

    def go_on(self) -> None:
        """With those whose turn it is."""
        for chosen in next_ones(self._all.values()):
            self._begin(chosen)

    async def stop(self, operation: Operation) -> None:
        """Its connection is closed then. One that is about to be complete is."""
        if operation.work is None:
            return
        if not operation.finishing:
            operation.work.cancel()
        await asyncio.wait([operation.work])
        if not operation.saved.status.ended and not operation.is_repeatable:
            words = f"a {operation.method} that was interrupted is not sent again"
            self.end(operation, Status.ERROR, TransferFault(WebErrorStatus.CONNECTION_ABORTED, words))

    def end(self, operation: Operation, status: Status, fault: TransferFault | None = None) -> None:
        """What had come of it is of no use to anybody."""
        if status is not Status.COMPLETED and operation.part is not None:
            operation.part.unlink(missing_ok=True)
        operation.saved.status = status
        operation.saved.fault = fault
        self.look(operation)

    # -- one at work ---------------------------------------------------------------------------------------------------

    def _begin(self, operation: Operation) -> None:
        operation.saved.attempts += 1
        saved = operation.saved
        self._timeline.add(
            "TRANSFER_ATTEMPT",
            app=saved.package,
            id=operation.id,
            attempt=saved.attempts,
            from_byte=saved.progress.bytes_received,
        )
        operation.work = asyncio.get_running_loop().create_task(self._work(operation))
        operation.work.add_done_callback(lambda _: self._done(operation))
        self._changes.changed(operation)

    def _done(self, operation: Operation) -> None:
        operation.work, operation.finishing = None, False
        self.look(operation)

    async def _work(self, operation: Operation) -> None:
        try:
            await self._attempt(operation)
        except Exception as error:
            saved = operation.saved
            if is_timeout(error) and saved.timeouts < RETRIES:
                saved.timeouts += 1
                return
            self.end(operation, Status.ERROR, fault_of(error))

    async def _attempt(self, operation: Operation) -> None:
        if operation.is_download:
            await self._download(operation)
        else:
            await self._attempts.upload(operation)
        self.end(operation, Status.COMPLETED)

    async def _download(self, operation: Operation) -> None:
        file = PartialFile(operation.target)
        try:
            await self._attempts.download(operation, file)
            operation.finishing = True
            await asyncio.to_thread(file.flush)
            operation.saved.whole = True
            self._changes.changed(operation)
            self._changes.write()
            file.give_name()
        finally:
            file.close()

    def take_up(self, saved: SavedOperation) -> None:
        """What a process before has left."""
        operation = self.add(saved)
        part = operation.part
        if saved.status.ended:
            if saved.status is not Status.COMPLETED and part is not None:
                part.unlink(missing_ok=True)
            return
        if saved.whole and part is not None:
            if part.exists():
                part.rename(operation.target)
            self.end(operation, Status.COMPLETED)
        elif part is not None and part.exists():
            bytes_there = part.stat().st_size if saved.validator else 0
            saved.progress = msgspec.structs.replace(saved.progress, bytes_received=bytes_there)
        elif saved.status is Status.RUNNING and not operation.is_repeatable:
            words = f"a {operation.method} that was interrupted is not sent again"
            self.end(operation, Status.ERROR, TransferFault(WebErrorStatus.CONNECTION_ABORTED, words))
        self._changes.changed(operation)
