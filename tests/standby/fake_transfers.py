"""The process of background transfers as the system knows it, without a network: the test says what comes of its operations."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.transfer_enums import BackgroundTransferStatus as Status
from rig.standby.wire.transfer_types import TransferProgress, TransferSpec, TransferState
from rig.standby.wire.transfers import (
    Cancel,
    Changed,
    Create,
    Discard,
    Forget,
    FromTransfers,
    ListTransfers,
    Owned,
    Pause,
    Permit,
    Resume,
    SetPriority,
    SetUri,
    Start,
    Started,
)

PAGE = 3
"""Few, so that there are pages."""
TELLS_S = 0.001
"""Until a change is told."""


@dataclass
class Operation:
    package: str
    spec: TransferSpec
    started: bool = False
    paused: bool = False
    permitted: Status | None = None
    ended: Status | None = None
    progress: TransferProgress = field(default_factory=TransferProgress)
    begun: bool = False
    """A request of it is under way."""
    number: int = 0
    restarts: int = 0

    @property
    def status(self) -> Status:
        if self.ended is not None:
            return self.ended
        if not self.started:
            return Status.IDLE
        if self.paused:
            return Status.PAUSED_BY_APPLICATION
        return self.permitted if self.permitted is not None else Status.PAUSED_SYSTEM_POLICY

    @property
    def runs(self) -> bool:
        return self.status is Status.RUNNING


class FakeTransfers:
    """Calls come one after another; each takes `takes_s`, and what it has changed is told after its answer. It outlives systems,
    and dies when the test says so; what it has not answered then the next one does."""

    def __init__(self) -> None:
        self.takes_s = 0.001
        self.operations: dict[str, Operation] = {}
        self.permits: list[dict[str, Status]] = []
        """What each of its calls said."""
        self.calls: list[Any] = []
        self.refuses: dict[type[Any], Exception] = {}
        self.closes_s = 0.0
        """How long connections take to close."""
        self._hear: Callable[[FromTransfers], None] | None = None
        self._unheard: list[FromTransfers] = []
        self._number = 0
        self._alive = asyncio.Event()
        self._alive.set()
        self._incarnation = 0
        self._turn = asyncio.Lock()

    def subscribe(self, hear: Callable[[FromTransfers], None]) -> None:
        self._hear = hear
        while self._unheard:
            self._tell()

    def nobody_listens(self) -> None:
        self._hear = None

    # -- for the test --------------------------------------------------------------------------------------------------

    @property
    def running(self) -> set[str]:
        return {id_ for id_, operation in self.operations.items() if operation.runs}

    def end(self, transfer_id: str, status: Status = Status.COMPLETED) -> None:
        self._turn_to(self.operations[transfer_id], ended=status)

    def progress(self, transfer_id: str, received: int) -> None:
        self._turn_to(self.operations[transfer_id], progress=TransferProgress(bytes_received=received))

    def die(self) -> None:
        self._alive.clear()
        self._incarnation += 1

    def start_anew(self) -> None:
        self._alive.set()
        for operation in self.operations.values():
            operation.permitted = None
            self._interrupted(operation)
        self._say(Started())

    # -- TransferProcess -----------------------------------------------------------------------------------------------

    async def call(self, call: Any) -> Any:
        self.calls.append(call)
        async with self._turn:
            while True:
                await self._alive.wait()
                incarnation = self._incarnation
                await asyncio.sleep(self.takes_s)
                if incarnation != self._incarnation:
                    continue
                answer = await self._served(call)
                if incarnation == self._incarnation:  # else it is done, and nobody hears of it
                    return answer

    async def list_all(self, above: int = 0) -> list[Owned]:
        found: list[Owned] = []
        while self.operations or found:
            page = await self.call(ListTransfers(found[-1].number if found else above))
            if not page:
                break
            found += page
        return found

    async def _served(self, call: Any) -> Any:
        refused = self.refuses.get(type(call)) or self.refuses.get(Any)
        if refused is not None:
            raise refused
        answer = self._serve(call)
        if isinstance(call, Permit) and Status.RUNNING not in call.statuses.values():
            await asyncio.sleep(self.closes_s)
        return answer

    def _serve(self, call: Any) -> Any:
        match call:
            case Create(package, spec):
                if spec.id not in self.operations:
                    self.operations[spec.id] = created = Operation(package, spec)
                    self._turn_to(created)
            case Start(id_):
                self._turn_to(self._of(id_), started=True)
            case Pause(id_):
                self._allowed(not self._of(id_).paused and self._of(id_).ended is None)
                self._turn_to(self._of(id_), paused=True)
            case Resume(id_):
                self._allowed(self._of(id_).paused)
                self._turn_to(self._of(id_), paused=False)
            case Cancel(id_):
                if self._of(id_).ended is None:
                    self._turn_to(self._of(id_), ended=Status.CANCELED)
            case SetPriority(id_, priority):
                self._turn_to(self._of(id_), spec=msgspec.structs.replace(self._of(id_).spec, priority=priority))
            case SetUri(id_, uri):
                self._turn_to(self._of(id_), spec=msgspec.structs.replace(self._of(id_).spec, uri=uri))
            case Forget(id_):
                self.operations.pop(id_, None)
            case Discard(package):
                self.operations = {id_: op for id_, op in self.operations.items() if op.package != package}
            case Permit(statuses):
                self.permits.append(statuses)
                for id_, status in statuses.items():
                    if id_ in self.operations:
                        self._turn_to(self.operations[id_], permitted=status)
            case ListTransfers(above):
                owned = sorted((op for op in self.operations.values() if op.number > above), key=lambda op: op.number)
                return [self._owned(op) for op in owned[:PAGE]]
        return None

    def _allowed(self, allowed: bool) -> None:
        if not allowed:
            raise HostError(HResult.ILLEGAL_METHOD_CALL, "once is enough")

    def _of(self, transfer_id: str) -> Operation:
        if transfer_id not in self.operations:
            raise HostError(HResult.ELEMENT_NOT_FOUND, f"no transfer {transfer_id}")
        return self.operations[transfer_id]

    def _turn_to(self, operation: Operation, **changes: Any) -> None:
        for name, value in changes.items():
            setattr(operation, name, value)
        if not operation.runs:
            self._interrupted(operation)
        operation.begun = operation.runs
        self._number += 1
        operation.number = self._number
        self._say(Changed(self._owned(operation)))

    def _interrupted(self, operation: Operation) -> None:
        """A POST never goes on (BTR-020)."""
        if operation.begun and operation.ended is None:
            operation.restarts += 1
            if operation.spec.direction == "upload" and operation.spec.method in ("", "POST"):
                operation.ended = Status.ERROR
        operation.begun = False

    def _owned(self, operation: Operation) -> Owned:
        state = TransferState(operation.spec, operation.status, operation.progress)
        return Owned(operation.package, state, operation.number)

    def _say(self, notice: FromTransfers) -> None:
        self._unheard.append(notice)
        asyncio.get_running_loop().call_later(TELLS_S, self._tell)

    def _tell(self) -> None:
        if self._hear is not None and self._unheard:
            self._hear(self._unheard.pop(0))
