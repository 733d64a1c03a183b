"""What the system asks for, one method a call.

What a call has changed is written down when it is answered, with its number: asked again, as a process before this one died
before it could answer, it is answered as one that is done.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import msgspec

from rig.standby.transfers.changes import Changes
from rig.standby.transfers.claims import claim
from rig.standby.transfers.newer import OnlyNewer
from rig.standby.transfers.operation import Operation, Status
from rig.standby.transfers.operations import Operations
from rig.standby.transfers.request import without_password
from rig.standby.transfers.store import SavedOperation
from rig.standby.wire import transfers
from rig.standby.wire.descriptors import Descriptors
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.line import MESSAGE_BYTES
from rig.standby.wire.transfer_types import SPEC_BYTES, TransferSpec
from rig.timeline import TimelineWriter

KEPT_NUMBERS = 16
"""Whose numbers are kept of one operation: far fewer of it are without an answer at a time."""
LIST_BYTES = MESSAGE_BYTES - 4096


class Calls:
    def __init__(self, operations: Operations, changes: Changes, numbers: OnlyNewer, timeline: TimelineWriter) -> None:
        self._operations = operations
        self._numbers = numbers
        self._changes = changes
        self._timeline = timeline
        self._handlers: Mapping[type[Any], Callable[[Any], Any]] = {
            transfers.Begin: lambda _begin: None,
            transfers.Create: self._create,
            transfers.Start: self._start,
            transfers.Pause: self._pause,
            transfers.Resume: self._resume,
            transfers.Cancel: self._cancel,
            transfers.SetPriority: self._set_priority,
            transfers.SetUri: self._set_uri,
            transfers.Forget: self._forget,
            transfers.Discard: self._discard,
            transfers.Permit: self._permit,
            transfers.ListTransfers: self._list,
        }

    def serve(self, call: Any, descriptors: Descriptors) -> Any:
        answer = self._handlers[type(call)](call)
        if inspect.iscoroutine(answer):
            return self._written_down(answer)
        self._changes.write()
        return answer

    async def _written_down(self, work: Coroutine[Any, Any, Any]) -> Any:
        try:
            return await work
        finally:
            self._changes.write()

    def _is_done(self, operation: Operation) -> bool:
        """Whether this call has changed it. To be asked before anything is awaited: another one may begin then."""
        return self._numbers.current in operation.saved.calls

    def _does(self, operation: Operation) -> None:
        """It changes it now."""
        operation.saved.calls = (*operation.saved.calls, self._numbers.current)[-KEPT_NUMBERS:]
        self._changes.changed(operation)

    # -- one operation -------------------------------------------------------------------------------------------------

    def _create(self, call: transfers.Create) -> None:
        spec = call.spec
        if self._operations.get(spec.id) is not None:
            return
        operation = Operation(SavedOperation(call.package, _checked(spec)))
        claim(operation, self._operations)
        try:
            self._does(self._operations.add(operation.saved))
            self._changes.write()
        except BaseException:
            self._operations.remove(operation)
            raise
        self._timeline.add(
            "TRANSFER_CREATED",
            app=call.package,
            id=spec.id,
            direction=spec.direction,
            uri=without_password(spec.uri),
            path=spec.path,
            group=spec.group,
            priority=spec.priority.name,
            cost_policy=spec.cost_policy.name,
        )

    def _start(self, call: transfers.Start) -> None:
        self._operations.start(self._operations[call.id])

    def _pause(self, call: transfers.Pause) -> Coroutine[Any, Any, None] | None:
        operation = self._operations[call.id]
        saved = operation.saved
        if self._is_done(operation):
            return None
        if saved.paused or not saved.started or saved.status.ended or not operation.is_repeatable:
            raise HostError(HResult.ILLEGAL_METHOD_CALL, f"no pause of a {operation.method} that is {operation.shown.name}")
        before = saved.calls
        self._does(operation)
        saved.paused = True
        try:
            self._changes.write()
        except BaseException:  # it runs on, and is not called paused
            saved.paused, saved.calls = False, before
            raise
        return self._operations.stop(operation)

    def _resume(self, call: transfers.Resume) -> None:
        operation = self._operations[call.id]
        if self._is_done(operation):
            return
        if not operation.saved.paused:
            raise HostError(HResult.ILLEGAL_METHOD_CALL, f"it is {operation.shown.name}, not paused")
        self._does(operation)
        operation.saved.paused = False
        operation.saved.timeouts = 0
        self._operations.look(operation)

    async def _cancel(self, call: transfers.Cancel) -> None:
        operation = self._operations.get(call.id)
        if operation is not None:
            await self._end(operation)

    async def _end(self, operation: Operation) -> None:
        operation.is_unwanted = True
        await self._operations.stop(operation)
        if not operation.saved.status.ended:
            self._operations.end(operation, Status.CANCELED)

    def _set_priority(self, call: transfers.SetPriority) -> None:
        operation = self._operations[call.id]
        operation.saved.spec = msgspec.structs.replace(operation.saved.spec, priority=call.priority)
        self._operations.look(operation)

    def _set_uri(self, call: transfers.SetUri) -> None:
        operation = self._operations[call.id]
        if self._is_done(operation):
            return
        if not operation.saved.paused:
            raise HostError(HResult.ILLEGAL_METHOD_CALL, f"another URI for one that is {operation.shown.name}")
        operation.saved.spec = _checked(msgspec.structs.replace(operation.saved.spec, uri=call.uri))
        operation.saved.validator = ""  # which said something of what is elsewhere
        self._does(operation)

    async def _forget(self, call: transfers.Forget) -> None:
        operation = self._operations.get(call.id)
        if operation is not None:
            await self._leave(operation)

    async def _leave(self, operation: Operation) -> None:
        """In that order: what could not be forgotten is there to be forgotten again. Raises sqlite3.Error."""
        await self._end(operation)
        self._operations.discard(operation)
        self._changes.forgotten(operation)
        self._operations.remove(operation)

    # -- many ----------------------------------------------------------------------------------------------------------

    async def _discard(self, call: transfers.Discard) -> None:
        await asyncio.gather(*[self._leave(one) for one in self._operations if one.saved.package == call.package])

    async def _permit(self, call: transfers.Permit) -> None:
        stopped: list[Operation] = []
        for id_, status in call.statuses.items():
            operation = self._operations.get(id_)
            if operation is None:
                continue
            if operation.permit is not status:
                operation.permit = status
                self._changes.changed(operation)
            if status is not Status.RUNNING:  # also one that a call before this is still stopping
                stopped.append(operation)
        self._operations.go_on()  # nor does what may run wait for what may not to close
        await asyncio.gather(*map(self._operations.stop, stopped))
        self._operations.go_on()

    def _list(self, call: transfers.ListTransfers) -> list[transfers.Owned]:
        self._changes.write()  # so that each has the number of how it is now
        listed: list[transfers.Owned] = []
        size = 0
        for operation in sorted(self._operations, key=lambda one: one.saved.number):
            if operation.saved.number <= call.above:
                continue
            size += len(msgspec.msgpack.encode(operation.owned))
            if size > LIST_BYTES:
                break
            listed.append(operation.owned)
        return listed


def _checked(spec: TransferSpec) -> TransferSpec:
    """Raises HostError."""
    length = len(msgspec.msgpack.encode(spec))
    if length > SPEC_BYTES:
        raise HostError(HResult.INVALID_ARG, f"a background transfer of {length} bytes, at most {SPEC_BYTES} can be kept")
    return spec
