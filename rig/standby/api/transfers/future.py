"""The future of an operation that was started, or attached to: its progress, and how it ended."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

from rig.standby.api import session
from rig.standby.api.http.futures import fault, fulfil
from rig.standby.api.transfers.errors import TransferError
from rig.standby.api.transfers.listing import states_of
from rig.standby.wire.app_transfers import CancelTransfer, ForgetTransfers
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.transfer_enums import BackgroundTransferStatus
from rig.standby.wire.transfer_types import TransferState


class Followed(Protocol):
    """A TransferOperation."""

    state: TransferState

    @property
    def guid(self) -> str: ...

    def keep(self) -> None:
        """What is to be had of it when the system has forgotten it."""


Op = TypeVar("Op", bound=Followed)


class TransferFuture(Future[Op], Generic[Op]):
    """Its result is the operation; a TransferError when it failed, cancelled when it was cancelled, whoever did it."""

    def __init__(self, operation: Op) -> None:
        super().__init__()
        self.operation = operation
        self._app = session.current()
        self._handlers: list[Callable[[Op], None]] = []
        self._turn = threading.Lock()
        self._told = True
        """The handlers have been called for what was heard last, or are about to be."""
        self._over = False

    def add_progress(self, handler: Callable[[Op], None]) -> None:
        """`handler(operation)` for each change of its status or progress, one call after another, on a thread that is none of the
        app's; one that is slower than the transfer hears how far that is now. Handlers are called before the result is there."""
        with self._turn:
            self._handlers.append(handler)

    def remove_progress(self, handler: Callable[[Op], None]) -> None:
        """It is not called any more. One that was not added: nothing."""
        with self._turn:
            if handler in self._handlers:
                self._handlers.remove(handler)

    def cancel(self) -> bool:
        """The operation, in whatever process it was started: when this returns its connection is closed and its unfinished file
        is gone. False when it had ended before."""
        if self.done():
            return super().cancel()
        states = self._cancelled()
        for state in states:
            self.operation.state = state
            self._settle(state)
        return super().cancel() if not states else self.cancelled()

    def _cancelled(self) -> list[TransferState]:
        """How it is then; nothing of one that is not there any more."""
        try:
            self._app.call(CancelTransfer(self.operation.guid))
            return states_of([self.operation.guid])
        except HostError as error:
            if error.hresult is not HResult.ELEMENT_NOT_FOUND:
                raise
            return []

    # -- the feed's ----------------------------------------------------------------------------------------------------

    def heard(self, state: TransferState) -> None:
        """How the operation is now."""
        self.operation.state = state
        with self._turn:
            told, self._told = self._told, False
        if told:
            self._app.add_work(self._lane, self._tell)

    def failed(self, error: BaseException) -> None:
        """Nobody hears of the operation any more."""
        self._app.add_work(self._lane, lambda: fault(self, error))

    @property
    def _lane(self) -> Any:
        return "transfer", id(self)

    def _tell(self) -> None:
        with self._turn:
            self._told = True
            handlers = list(self._handlers)
        state = self.operation.state
        for handler in handlers:  # each is work of its own, so that one that raises is written down and the next is called
            self._app.add_work(self._lane, partial(handler, self.operation))
        if state.status.ended:
            self._app.add_work(self._lane, lambda: self._settle(state))

    def _settle(self, state: TransferState) -> None:
        """Once it is known how it ended the system need not keep it (BTR-003)."""
        with self._turn:
            if self._over or not state.status.ended:
                return
            self._over = True
        self.operation.keep()
        match state.status:
            case BackgroundTransferStatus.COMPLETED:
                fulfil(self, self.operation)
            case BackgroundTransferStatus.CANCELED:
                super().cancel()
            case _:
                assert state.fault is not None, "an operation that ended as ERROR says why"
                fault(self, TransferError(state.fault.web_error, state.fault.words))
        self._app.submit(ForgetTransfers((self.operation.guid,)))
