"""A background task that runs: what its Run gets, and the deferrals that keep it alive after Run has returned."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable

from rig.standby.api import session
from rig.standby.api.control_channel import ControlChannelTrigger
from rig.standby.wire.to_app import RunTask


class BackgroundTaskDeferral:
    """Keeps a task alive after Run has returned, until `complete`."""

    def __init__(self, done: Callable[[BackgroundTaskDeferral], None]) -> None:
        self._done = done

    def complete(self) -> None:
        self._done(self)


class BackgroundTaskInstance:
    """What Run gets."""

    def __init__(self, order: RunTask) -> None:
        self.number = order.instance
        self.task_id = order.task_id
        self.task_name = order.name
        self.entry_point = order.entry_point
        self.channel_id = order.channel
        self._deferrals: set[BackgroundTaskDeferral] = set()
        self._changed = threading.Condition()

    @property
    def trigger_details(self) -> ControlChannelTrigger | None:
        """The channel that fired; None when it has been closed meanwhile (CCT-043)."""
        return ControlChannelTrigger.by_id(self.channel_id)

    def get_deferral(self) -> BackgroundTaskDeferral:
        deferral = BackgroundTaskDeferral(self._complete)
        with self._changed:
            self._deferrals.add(deferral)
        self._record("DEFERRAL_GET")
        return deferral

    def run(self, find: Callable[[str | None], session.EntryPoint]) -> str | None:
        """What `find` finds for its entry point, to the end of the last deferral. Returns what Run raised, in words, were it
        SystemExit: the thread is not the app's."""
        try:
            find(self.entry_point)(self)
        except BaseException as error:
            traceback.print_exc()
            return f"{type(error).__name__}: {error}"
        with self._changed:
            self._changed.wait_for(lambda: not self._deferrals)
        return None

    def _complete(self, deferral: BackgroundTaskDeferral) -> None:
        self._record("DEFERRAL_DONE")
        with self._changed:
            self._deferrals.discard(deferral)
            self._changed.notify_all()

    def _record(self, event: str) -> None:
        app = session.current()
        app.timeline.add(event, app=app.name, task=self.task_name, instance=self.number)
