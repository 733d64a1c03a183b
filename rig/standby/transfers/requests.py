"""What the system asks for, one method a call."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from rig.standby.transfers.changes import Changes
from rig.standby.transfers.operation import Operation, Status
from rig.standby.transfers.operations import Operations
from rig.standby.transfers.store import SavedOperation
from rig.standby.wire import transfers
from rig.standby.wire.descriptors import Descriptors
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.line import MESSAGE_BYTES
from rig.timeline import TimelineWriter

SPEC_BYTES = MESSAGE_BYTES // 2
"""Most of one: with all that is known of the operation it has to go into a message."""
LIST_BYTES = MESSAGE_BYTES - 4096


class Requests:
    def __init__(self, operations: Operations, changes: Changes, timeline: TimelineWriter) -> None:
        self._operations = operations
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
            transfers.SetSpec: self._set_spec,
            transfers.Forget: self._forget,
            transfers.Discard: self._discard,
            transfers.Permit: self._permit,
            transfers.ListTransfers: self._list,
        }

    def serve(self, call: Any, descriptors: Descriptors) -> Any:
        return self._handlers[type(call)](call)

    # -- one operation -------------------------------------------------------------------------------------------------

    def _create(self, call: transfers.Create) -> None:
        spec = call.spec
        if self._operations.get(spec.id) is not None:
            return
        if len(msgspec.msgpack.encode(spec)) > SPEC_BYTES:
            raise HostError(HResult.INVALID_ARG, f"a background transfer of more than {SPEC_BYTES} bytes to be kept")
        operation = Operation(SavedOperation(call.package, spec))
        self._claim(operation)
        self._operations.add(operation.saved)
        self._written(operation)
        self._timeline.add(
            "TRANSFER_CREATED",
            app=call.package,
            id=spec.id,
            direction=spec.direction,
            uri=spec.uri,
            path=spec.path,
            group=spec.group,
            priority=spec.priority.name,
            cost_policy=spec.cost_policy.name,
        )

    def _claim(self, operation: Operation) -> None:
        """Its file is its own from now on. Raises HostError."""
        spec, part = operation.saved.spec, operation.part
        if part is None:
            return
        for other in self._operations:
            if other.part == part and not other.saved.status.ended:
                raise HostError(HResult.INVALID_ARG, f"{spec.path} is the target of another background transfer")
        try:
            os.close(os.open(part, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666))
        except OSError as error:
            raise HostError(HResult.INVALID_ARG, f"{part}: {error.strerror}") from error

    def _start(self, call: transfers.Start) -> None:
        self._operations.start(self._operations[call.id])

    async def _pause(self, call: transfers.Pause) -> None:
        operation = self._operations[call.id]
        saved = operation.saved
        if saved.paused or not saved.started or saved.status.ended or not operation.is_repeatable:
            raise HostError(HResult.ILLEGAL_METHOD_CALL, f"no pause of a {operation.method} that is {operation.shown.name}")
        saved.paused = True
        self._changes.changed(operation)
        await self._operations.stop(operation)

    def _resume(self, call: transfers.Resume) -> None:
        operation = self._operations[call.id]
        if not operation.saved.paused:
            raise HostError(HResult.ILLEGAL_METHOD_CALL, f"it is {operation.shown.name}, not paused")
        operation.saved.paused = False
        self._operations.look(operation)

    async def _cancel(self, call: transfers.Cancel) -> None:
        await self._end(self._operations[call.id])

    async def _end(self, operation: Operation) -> None:
        await self._operations.stop(operation)
        if not operation.saved.status.ended:
            self._operations.end(operation, Status.CANCELED)

    def _set_priority(self, call: transfers.SetPriority) -> None:
        operation = self._operations[call.id]
        operation.saved.spec = msgspec.structs.replace(operation.saved.spec, priority=call.priority)
        self._operations.look(operation)

    def _set_uri(self, call: transfers.SetUri) -> None:
        operation = self._operations[call.id]
        if not operation.saved.paused:
            raise HostError(HResult.ILLEGAL_METHOD_CALL, f"another URI for one that is {operation.shown.name}")
        operation.saved.spec = msgspec.structs.replace(operation.saved.spec, uri=call.uri)
        operation.saved.validator = ""
        self._written(operation)

    def _set_spec(self, call: transfers.SetSpec) -> None:
        operation = self._operations[call.spec.id]
        if operation.saved.started or operation.saved.status.ended:
            raise HostError(HResult.ILLEGAL_METHOD_CALL, "it has been started")
        operation.saved.spec = call.spec
        self._written(operation)

    async def _forget(self, call: transfers.Forget) -> None:
        operation = self._operations.get(call.id)
        if operation is not None:
            await self._leave(operation)

    async def _leave(self, operation: Operation) -> None:
        await self._end(operation)
        self._changes.forgotten(operation)
        self._operations.remove(operation)

    def _written(self, operation: Operation) -> None:
        self._changes.changed(operation)
        self._changes.write()

    # -- many ----------------------------------------------------------------------------------------------------------

    async def _discard(self, call: transfers.Discard) -> None:
        for operation in [one for one in self._operations if one.saved.package == call.package]:
            await self._leave(operation)

    async def _permit(self, call: transfers.Permit) -> None:
        stopped: list[Operation] = []
        for id_, status in call.statuses.items():
            operation = self._operations.get(id_)
            if operation is not None and operation.permit is not status:
                operation.permit = status
                self._changes.changed(operation)
                if status is not Status.RUNNING:
                    stopped.append(operation)
        for operation in stopped:
            await self._operations.stop(operation)
        self._operations.go_on()

    def _list(self, call: transfers.ListTransfers) -> list[transfers.Owned]:
        self._changes.write()
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
