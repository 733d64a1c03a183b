"""All operations, and which of them run: each change of one is a chance for others."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Iterator

from msgspec.structs import replace

from rig.standby.transfers.attempts import Attempts, is_of_the_network, is_timeout
from rig.standby.transfers.changes import Changes
from rig.standby.transfers.claims import is_of_another
from rig.standby.transfers.errors import fault_of
from rig.standby.transfers.operation import Operation, Status
from rig.standby.transfers.store import SavedOperation
from rig.standby.transfers.turns import next_ones, who_gives_way
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.transfer_enums import WebErrorStatus
from rig.standby.wire.transfer_types import TransferFault
from rig.timeline import TimelineWriter

RETRIES = 3
"""After a request that was not answered in time (BTR-017)."""
GRACE_S = 0.5
"""For the system to say that there is no network, which it hears of as this process does: then nothing has gone wrong."""
TURN_S = 30.0
"""That a download has its place for where others wait for one."""
LOOK_S = 1.0
"""Between two looks at who has had it for so long."""


class Operations:
    """To be made on the running loop."""

    def __init__(self, changes: Changes, attempts: Attempts, timeline: TimelineWriter) -> None:
        self._changes = changes
        self._attempts = attempts
        self._timeline = timeline
        self._loop = asyncio.get_running_loop()
        self._all: dict[str, Operation] = {}
        """In the order in which they were started."""
        self._looks: asyncio.TimerHandle | None = None

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
        if not operation.is_download:
            operation.answer = self._attempts.answer_of(operation)
        return operation

    def remove(self, operation: Operation) -> None:
        """Nobody knows it any more."""
        self.discard(operation)
        self._all.pop(operation.id, None)

    def discard(self, operation: Operation) -> None:
        """What was kept for it, but for a file that is whole. Safe to call twice."""
        is_file = operation.is_download and operation.saved.status is Status.COMPLETED
        if not operation.saved.cleared and not is_file:
            self._discard(operation)

    def take_up(self, saved: list[SavedOperation]) -> None:
        """What a process before has left."""
        for operation in [self.add(one) for one in sorted(saved, key=lambda one: one.turn)]:
            try:
                self._go_on_with(operation)
            except OSError as error:
                self.end(operation, Status.ERROR, fault_of(error))

    def _go_on_with(self, operation: Operation) -> None:
        """Raises OSError."""
        saved, part = operation.saved, operation.part
        was_out, saved.is_out = saved.is_out, False
        if saved.status.ended:
            if not saved.cleared and saved.status is not Status.COMPLETED:
                self._clear(operation)
        elif saved.whole and part is not None:
            if part.exists():  # else it has its name already
                part.rename(operation.target)
            self.end(operation, Status.COMPLETED)
        elif was_out and not operation.is_repeatable:
            self.end(operation, Status.ERROR, interrupted(operation))
        else:
            if part is not None:
                there = part.stat().st_size if saved.validator and part.exists() else 0
                saved.progress = replace(saved.progress, bytes_received=there)
            self._changes.changed(operation)

    def start(self, operation: Operation) -> None:
        """Twice is once. Raises sqlite3.Error."""
        if operation.saved.started:
            return
        self._turn_is_last(operation)
        operation.saved.started = True
        self.look(operation)

    def _turn_is_last(self, operation: Operation) -> None:
        operation.saved.turn = self._changes.next_number()
        self._all[operation.id] = self._all.pop(operation.id)

    def look(self, operation: Operation) -> None:
        """It is otherwise than before, and so may others be."""
        self._changes.changed(operation)
        self.go_on()

    def go_on(self) -> None:
        """With those whose turn it is."""
        for chosen in next_ones(self._all.values()):
            self._begin(chosen)
        if self._looks is None and any(one.waits for one in self):
            self._looks = self._loop.call_later(LOOK_S, self._let_others)

    def _let_others(self) -> None:
        self._looks = None
        one = who_gives_way(self, self._loop.time(), TURN_S)
        if one is not None and one.work is not None and not one.finishing:
            self._turn_is_last(one)
            one.work.cancel()
        self.go_on()

    async def stop(self, operation: Operation) -> None:
        """Its connection is closed then. One that is about to be complete is."""
        if operation.work is None:
            return
        was_out = operation.saved.is_out
        if not operation.finishing:
            operation.work.cancel()
        await asyncio.wait([operation.work])
        if was_out and not operation.saved.status.ended and not operation.is_repeatable:
            self.end(operation, Status.ERROR, interrupted(operation))

    def end(self, operation: Operation, status: Status, fault: TransferFault | None = None) -> None:
        """What had come of one that is not complete is of no use to anybody."""
        operation.saved.status = status
        operation.saved.fault = fault
        self._changes.changed(operation)
        with contextlib.suppress(sqlite3.Error):  # it is tried again, and said
            self._changes.write()
        if status is not Status.COMPLETED:
            self._clear(operation)
        self.go_on()

    def _clear(self, operation: Operation) -> None:
        """Once: whatever has that name later is of somebody else."""
        self._discard(operation)
        operation.saved.cleared = True
        self._changes.changed(operation)

    def _discard(self, operation: Operation) -> None:
        if is_of_another(operation, self):  # its own is gone since it has ended
            return
        with contextlib.suppress(OSError):  # its folder is no longer ours
            self._attempts.discard(operation)

    # -- one at work ---------------------------------------------------------------------------------------------------

    def _begin(self, operation: Operation) -> None:
        operation.began_s = self._loop.time()
        operation.work = self._loop.create_task(self._work(operation))
        operation.work.add_done_callback(lambda _: self._done(operation))
        self._changes.changed(operation)

    def _done(self, operation: Operation) -> None:
        operation.work, operation.finishing = None, False
        operation.saved.is_out = False
        self.look(operation)

    async def _work(self, operation: Operation) -> None:
        try:
            self._mark_attempt(operation)
            await self._attempts.make(operation)
        except Exception as error:
            await self._failed(operation, error)
        else:
            self.end(operation, Status.COMPLETED)

    def _mark_attempt(self, operation: Operation) -> None:
        """Before its first byte goes out: it may be one that must not be sent twice. Raises sqlite3.Error."""
        saved = operation.saved
        saved.attempts += 1
        saved.is_out = True
        saved.progress = replace(saved.progress, has_restarted=False)
        self._changes.changed(operation)
        self._changes.write()
        first = saved.progress.bytes_received if operation.is_download else 0
        operation.began_bytes = first
        self._timeline.add("TRANSFER_ATTEMPT", app=saved.package, id=operation.id, attempt=saved.attempts, from_byte=first)

    async def _failed(self, operation: Operation, error: Exception) -> None:
        saved = operation.saved
        if is_timeout(error) or is_of_the_network(error):
            await asyncio.sleep(GRACE_S)
        if operation.has_come_further:
            saved.timeouts = 0
        if is_timeout(error) and saved.timeouts < RETRIES and operation.may_begin_again:
            saved.timeouts += 1
        else:
            self.end(operation, Status.ERROR, fault_of(error))


def interrupted(operation: Operation) -> TransferFault:
    """BTR-020."""
    return TransferFault(WebErrorStatus.CONNECTION_ABORTED, f"a {operation.method} that was interrupted is not sent again")
