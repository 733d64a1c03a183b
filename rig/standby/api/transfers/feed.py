"""How the futures of a process hear of their operations: one call to the system waits for the next change of any of them.

While it waits nothing is sent; each answer says what is, and the next call asks for what has changed since. So an app that is
stopped, or slow, is owed one answer and no more. A system that is a new one gets the call that waits again, answers at once, as
it does not know the number, and is asked anew from there.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import Any

from rig.standby.api import session
from rig.standby.api.transfers.future import TransferFuture
from rig.standby.wire.app_transfers import TransfersChanged, WatchTransfers
from rig.standby.wire.transfer_types import TransferState


class Feed:
    """Any thread may call."""

    def __init__(self, app: session.App) -> None:
        self.app = app
        self._lock = threading.Lock()
        self._followed: dict[str, list[TransferFuture[Any]]] = {}
        """By operation: an app may attach to one twice."""
        self._epoch = self._number = 0
        """Of the newest answer."""
        self._call = 0
        """Of the newest call, counted: the answers to those before say nothing of what to ask with next."""
        self._new = self._asks_all = False
        """There is an operation whose state was not asked for yet; the call that is under way asks for the states of all."""

    def follow(self, future: TransferFuture[Any]) -> None:
        """From how it is now to its end. Raises OSError when the system is gone."""
        with self._lock:
            self._followed.setdefault(future.operation.guid, []).append(future)
            self._new = True
            if not self._asks_all:  # else that is answered at once, and the next one asks for this too
                self._watch()
        future.add_done_callback(lambda _: self._drop(future))

    def _watch(self) -> None:
        """A call that waits already ends with no states. Under the lock."""
        self._call += 1
        number = self._call
        self._asks_all, self._new = self._new, False
        since = (0, 0) if self._asks_all else (self._epoch, self._number)
        ids = tuple(self._followed)
        asked = self.app.submit(WatchTransfers(ids, *since))
        asked.add_done_callback(lambda answer: self.app.add_work("transfers", lambda: self._answered(number, ids, answer)))

    def _answered(self, number: int, ids: tuple[str, ...], answer: Future[TransfersChanged]) -> None:
        error = answer.exception()
        if error is None:
            changed = answer.result()
            self._tell(changed.states)
        else:
            changed = TransfersChanged(0, 0, [])
            self._fail(ids, error)
        with self._lock:
            if number == self._call:
                self._epoch, self._number = changed.epoch, changed.number
                self._asks_all = False
                if self._followed:
                    self._watch()

    def _tell(self, states: list[TransferState]) -> None:
        told = []
        with self._lock:
            for state in states:
                told += [(future, state) for future in self._followed.get(state.spec.id, ())]
                if state.status.ended:
                    self._followed.pop(state.spec.id, None)
        for future, state in told:
            future.heard(state)

    def _fail(self, ids: tuple[str, ...], error: BaseException) -> None:
        """The system has none of these any more: nobody would hear anything."""
        with self._lock:
            failed = [future for one in ids for future in self._followed.pop(one, ())]
        for future in failed:
            future.failed(error)

    def _drop(self, future: TransferFuture[Any]) -> None:
        """It is done, whoever did it."""
        with self._lock:
            futures = self._followed.get(future.operation.guid, [])
            if future in futures:
                futures.remove(future)
                if not futures:
                    del self._followed[future.operation.guid]


_feed: Feed | None = None
_turn = threading.Lock()


def feed() -> Feed:
    """Of this process."""
    global _feed
    app = session.current()
    with _turn:
        if _feed is None or _feed.app is not app:
            _feed = Feed(app)
        return _feed
