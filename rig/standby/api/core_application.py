"""CoreApplication: an app's own life, as far as it may have a say in it (SAT-011).

    def hand_over(operation: SuspendingOperation) -> None:
        deferral = operation.get_deferral()      # only for work that goes on after this has returned
        ...
        deferral.complete()

    CoreApplication.add_suspending(hand_over)

Whoever has a handler is asked before it is stopped: in the background, and in connected standby whenever it has nothing to do.
It is stopped when all handlers have returned and all deferrals are complete, and after `suspend_deadline_s` (bench.toml) all the
same. When something comes for it meanwhile it is not stopped, and asked again when that is over; so it is after each wake and
each task that it goes on for, and before it ends because the user closes it. `resuming` tells that the user is back,
once, however often it went on before.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeAlias

from rig.clock import Deadline
from rig.standby.api import session
from rig.standby.wire.from_app import FollowSuspension
from rig.standby.wire.hresult import HostError, HResult


class SuspendingDeferral:
    """Keeps the app from being stopped until `complete`, or until its time is over."""

    def __init__(self, done: Callable[[SuspendingDeferral], None]) -> None:
        self._done = done

    def complete(self) -> None:
        """Any thread may. Complete already: nothing."""
        self._done(self)


class SuspendingOperation:
    """What a handler of `suspending` gets. Any thread may call."""

    def __init__(self, number: int, within_s: float, ready: Callable[[], None]) -> None:
        """`ready` is called once: when the handlers have returned and no deferral is open."""
        self.number = number
        self.deadline = Deadline(within_s)
        """When the app is stopped, complete or not."""
        self._ready = ready
        self._lock = threading.Lock()
        self._open: set[SuspendingDeferral] = set()
        self._returned = self._over = False

    def get_deferral(self) -> SuspendingDeferral:
        """To be asked for before the handler returns. Raises HostError ILLEGAL_METHOD_CALL when it is too late."""
        deferral = SuspendingDeferral(self._complete)
        with self._lock:
            if self._over:
                raise HostError(HResult.ILLEGAL_METHOD_CALL, "the handlers have returned, and no deferral was open")
            self._open.add(deferral)
        self._record("DEFERRAL_GET")
        return deferral

    def handlers_returned(self) -> None:
        """The runtime's."""
        with self._lock:
            self._returned = True
        self._look()

    def _complete(self, deferral: SuspendingDeferral) -> None:
        with self._lock:
            if deferral not in self._open:
                return
        self._record("DEFERRAL_DONE")
        with self._lock:
            self._open.discard(deferral)
        self._look()

    def _look(self) -> None:
        with self._lock:
            if self._over or self._open or not self._returned:
                return
            self._over = True
        self._ready()

    def _record(self, event: str) -> None:
        app = session.current()
        app.timeline.add(event, app=app.name, app_instance=app.instance, suspension=self.number)


OnSuspending: TypeAlias = Callable[[SuspendingOperation], None]
OnResuming: TypeAlias = Callable[[], None]


class Followers:
    """Handlers of this process, and what the system knows of them. Any thread may call."""

    def __init__(self) -> None:
        self.suspending: list[OnSuspending] = []
        self.resuming: list[OnResuming] = []
        self.at_the_end: list[Callable[[], None]] = []
        """The runtime's own: called each time when the app's handlers and deferrals are over, before the system may stop it."""
        self._told = False, False
        self._lock = threading.Lock()

    def add(self, handlers: list[Any], handler: Callable[..., None]) -> None:
        with self._lock:
            handlers.append(handler)
            self._tell()

    def remove(self, handlers: list[Any], handler: Callable[..., None]) -> None:
        """One that was not added: nothing."""
        with self._lock:
            if handler in handlers:
                handlers.remove(handler)
                self._tell()

    def _tell(self) -> None:
        wanted = bool(self.suspending or self.at_the_end), bool(self.resuming)
        if wanted != self._told:
            self._told = wanted
            session.current().notify(FollowSuspension(*wanted))


followers = Followers()


def before_suspension(hook: Callable[[], None]) -> None:
    """Call `hook` each time before the process is stopped, after the app's own handlers. It must not wait, and may be called
    although the process goes on at once. For parts of the runtime, not for apps."""
    followers.add(followers.at_the_end, hook)


def not_before_suspension(hook: Callable[[], None]) -> None:
    """It is not called any more; a process without any is stopped at once again."""
    followers.remove(followers.at_the_end, hook)


class CoreApplicationView:
    """What the user sees of the app."""

    def __init__(self) -> None:
        self.title = ""


_view = CoreApplicationView()


class CoreApplication:
    """Handlers are called one after another, on a thread that is none of the app's; one that raises is written down as APP_FAULT
    and counts as returned."""

    @staticmethod
    def get_current_view() -> CoreApplicationView:
        """Of this process. Raises HostError ELEMENT_NOT_FOUND in a background task, which has none (RAW-003)."""
        if session.current().in_task:
            raise HostError(HResult.ELEMENT_NOT_FOUND, "a background task has no view")
        return _view

    @staticmethod
    def add_suspending(handler: OnSuspending) -> None:
        """`handler(operation)` before the app is stopped, each time. It has `operation.deadline`; one that blocks longer finds
        itself stopped, and goes on with the app."""
        followers.add(followers.suspending, handler)

    @staticmethod
    def remove_suspending(handler: OnSuspending) -> None:
        followers.remove(followers.suspending, handler)

    @staticmethod
    def add_resuming(handler: OnResuming) -> None:
        """`handler()` when the user comes back to the app, or to the machine, and it was stopped or asked before. What it goes
        on for without the user, a push or a task, has its own way to tell."""
        followers.add(followers.resuming, handler)

    @staticmethod
    def remove_resuming(handler: OnResuming) -> None:
        followers.remove(followers.resuming, handler)
