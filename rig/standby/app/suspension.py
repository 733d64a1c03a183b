"""What an app does before it is stopped, and when it goes on: its handlers, one after another, in the order of what is said."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from rig.standby.api.core_application import SuspendingOperation, followers
from rig.standby.app.crew import Crew
from rig.standby.app.faults import AppFaults
from rig.standby.wire.from_app import Suspended
from rig.standby.wire.message import Notice
from rig.standby.wire.to_app import Resuming, Suspending

LANE = "suspension"


class Suspension:
    """`told` is for who hears the system. A handler that blocks holds up those after it, and nobody else: the system waits for a
    bounded time."""

    def __init__(self, faults: AppFaults, notify: Callable[[Notice], None], crew: Crew) -> None:
        self._faults = faults
        self._notify = notify
        self._crew = crew
        self._last = 0
        """Number of the last notice: a system that is a new one says again what the one before has said."""

    def told(self, notice: Suspending | Resuming) -> None:
        if notice.number <= self._last:
            return
        self._last = notice.number
        match notice:
            case Suspending():
                self._crew.add(LANE, lambda: self._suspend(notice))
            case Resuming():
                self._crew.add(LANE, lambda: self._call_all(followers.resuming, "resuming handler"))

    def _suspend(self, notice: Suspending) -> None:
        """An app that goes on in the middle of it stays so: what it did to be stopped it is done with all the same."""
        operation = SuspendingOperation(
            notice.number, notice.within_s, lambda: self._crew.add(LANE, lambda: self._ready(notice.number))
        )
        self._call_all([partial(handler, operation) for handler in followers.suspending], "suspending handler")
        operation.handlers_returned()

    def _ready(self, number: int) -> None:
        """Nothing when it went on meanwhile: the app works, and what its runtime would do is not wanted."""
        if number == self._last:
            self._call_all(followers.at_the_end, "end of a suspension")
            self._notify(Suspended(number))

    def _call_all(self, handlers: Sequence[Callable[[], None]], where: str) -> None:
        for handler in tuple(handlers):
            try:
                handler()
            except BaseException as error:  # SystemExit too: the thread is not the app's
                self._faults.met(where, error)
