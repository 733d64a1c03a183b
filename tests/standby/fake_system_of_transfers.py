"""The system as the API of background transfers knows it: it keeps what it is told, and a test says what became of it."""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import msgspec

from rig.standby.api.transfers import BackgroundDownloader, DownloadOperation
from rig.standby.wire import app_transfers as wire
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.transfer_enums import BackgroundTransferStatus as Status
from rig.standby.wire.transfer_types import TransferSpec, TransferState

URI = "http://192.0.2.1/episode.mp3"


class FakeSystem:
    """Fulfils what the API needs of `rig.standby.api.App`: threads are the test's, which calls `work`."""

    name, instance = "app", 1

    def __init__(self) -> None:
        self.calls: list[Any] = []
        self.states: dict[str, TransferState] = {}
        self.forgotten: list[str] = []
        self.refuses: dict[type, HResult] = {}
        """Kinds of calls, and what they end with."""
        self.faults: list[BaseException] = []
        self.page = 200
        """States that an answer can hold."""
        self._epoch, self._number = 7, 0
        self._numbers: dict[str, int] = {}
        self._waiting: tuple[wire.WatchTransfers, Future[wire.TransfersChanged]] | None = None
        self._works: deque[tuple[Hashable, Callable[[], None]]] = deque()

    # -- App -----------------------------------------------------------------------------------------------------------

    def call(self, call: Any, fds: Sequence[int] = ()) -> Any:
        future = self.submit(call)
        assert future.done(), f"{call} would wait for the app's own work"
        return future.result()

    def submit(self, call: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.calls.append(call)
        refused = self.refuses.get(type(call))
        if refused is None and isinstance(call, wire.WatchTransfers) and not set(call.ids) & set(self.states):
            refused = HResult.ELEMENT_NOT_FOUND
        if refused is not None:
            future.set_exception(HostError(refused, "the test says so"))
        elif isinstance(call, wire.WatchTransfers):
            self._watch(call, future)
        else:
            future.set_result(self._served(call))
        return future

    def add_work(self, lane: Hashable, work: Callable[[], None]) -> None:
        self._works.append((lane, work))

    # -- what a test does ----------------------------------------------------------------------------------------------

    def work(self) -> None:
        """Until nothing is left to do."""
        while self._works:
            _, work = self._works.popleft()
            try:
                work()
            except Exception as error:
                self.faults.append(error)

    def becomes(self, guid: str, status: Status, **how: Any) -> None:
        """And who waits for it hears that."""
        self.states[guid] = msgspec.structs.replace(self.states[guid], status=status, **how)
        self._number += 1
        self._numbers[guid] = self._number
        self._look()

    def restarts(self) -> None:
        """A new system: what waits is asked of it again."""
        self._epoch += 1
        self._number = 0
        self._numbers = dict.fromkeys(self.states, 0)
        self._look()

    def finds(self, spec: TransferSpec, status: Status = Status.IDLE, **how: Any) -> None:
        """Of a process before."""
        self.states[spec.id] = TransferState(spec)
        self.becomes(spec.id, status, **how)

    def called(self, kind: type) -> list[Any]:
        return [call for call in self.calls if isinstance(call, kind)]

    # -- the system ----------------------------------------------------------------------------------------------------

    def _served(self, call: Any) -> Any:
        match call:
            case wire.CreateTransfer(spec):
                self.states[spec.id] = TransferState(spec)
                self._numbers[spec.id] = 0
            case wire.CancelTransfer(guid):
                self.becomes(guid, Status.CANCELED)
            case wire.ForgetTransfers(ids):
                self.forgotten += ids
                for guid in ids:
                    self.states.pop(guid, None)
            case wire.ListTransfers(behind):
                return [self.states[guid] for guid in sorted(self.states) if guid > behind][:2]
        return None

    def _watch(self, call: wire.WatchTransfers, future: Future[wire.TransfersChanged]) -> None:
        before, self._waiting = self._waiting, (call, future)
        if before is not None:
            before[1].set_result(wire.TransfersChanged(self._epoch, before[0].number, []))
        self._look()

    def _look(self) -> None:
        if self._waiting is None:
            return
        call, future = self._waiting
        known = [self.states[guid] for guid in call.ids if guid in self.states][: self.page]
        if call.epoch == self._epoch:
            known = [state for state in known if self._numbers[state.spec.id] > call.number]
            if not known:
                return
        self._waiting = None
        future.set_result(wire.TransfersChanged(self._epoch, self._number, known))


def download(path: Path | str = "/tmp/episode.mp3") -> DownloadOperation:
    return BackgroundDownloader().create_download(URI, path)


def spec_of(system: FakeSystem) -> TransferSpec:
    """Of the newest."""
    spec: TransferSpec = system.called(wire.CreateTransfer)[-1].spec
    return spec


def left(system: FakeSystem, status: Status, direction: Any = "download", **how: Any) -> str:
    """By a process before this one; its id."""
    spec = TransferSpec(id=str(uuid.uuid4()), direction=direction, uri=URI, path="/tmp/x", **how)
    system.finds(spec, status)
    return spec.id
