"""A background task that runs: what its Run gets, and the deferrals that keep it alive after Run has returned."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from typing import Any

from rig.standby.api import session
from rig.standby.api.cancellation import Canceled, Cancellation
from rig.standby.api.details import details_of
from rig.standby.api.registration import BackgroundTaskRegistration, instance_id_of
from rig.standby.wire.app_tasks import CancelHandled, GetTaskUsage, TaskProgress, TaskUsage
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.task_enums import BackgroundTaskThrottleCounter
from rig.standby.wire.to_app import RunTask

PROGRESS_MOST = 2**32 - 1
"""WinRT's UInt32."""


class BackgroundTaskDeferral:
    """Keeps a task alive after Run has returned, until `complete` (BGT-031). Time limits hold all the same."""

    def __init__(self, done: Callable[[BackgroundTaskDeferral], None]) -> None:
        self._done = done

    def complete(self) -> None:
        """Any thread may. Complete already: nothing."""
        self._done(self)


class BackgroundTaskInstance:
    """What Run gets, and the handlers of its cancellation. Any thread may call.

    A task that may be cancelled adds its handler first of all: one that is added later is called at once when the cancellation
    has come before it.
    """

    def __init__(self, order: RunTask) -> None:
        self.number = order.instance
        """Counts runs of the whole host; the timeline calls it `instance`."""
        self.task_id = order.task_id
        self.task_name = order.name
        self.entry_point = order.entry_point
        self.channel_id = order.channel
        self.cancellation = Cancellation()
        self._order = order
        self._progress = 0
        self._deferrals: set[BackgroundTaskDeferral] = set()
        self._changed = threading.Condition()

    @property
    def instance_id(self) -> uuid.UUID:
        """As the arguments of progress and completion handlers have it."""
        return instance_id_of(self.number)

    @property
    def task(self) -> BackgroundTaskRegistration:
        """The registration that fired. It may be gone already (BGT-010)."""
        return BackgroundTaskRegistration.of_run(self._order)

    @property
    def trigger_details(self) -> Any:
        """What fired; a task knows what it was registered for, and so which of these it is. Of a control channel's tasks the
        ControlChannelTrigger, None when it has been closed meanwhile (CCT-043); a ControlChannelTriggerResetEventDetails
        (CCT-046), ApplicationTriggerDetails (APT-003) or DeviceTriggerDetails; None for triggers that have nothing to tell."""
        return details_of(self._order)

    # -- progress and use ----------------------------------------------------------------------------------------------

    @property
    def progress(self) -> int:
        """What it was set to last. The unit is the app's own; handlers in a foreground process get it (BGT-033)."""
        return self._progress

    @progress.setter
    def progress(self, value: int) -> None:
        """0 to 2**32 - 1, else HostError INVALID_ARG. What it is already is not told again."""
        if not 0 <= value <= PROGRESS_MOST:
            raise HostError(HResult.INVALID_ARG, f"progress {value}, 0 to {PROGRESS_MOST} allowed")
        if value == self._progress:
            return
        self._progress = value
        session.current().notify(TaskProgress(self.number, value))

    @property
    def usage(self) -> TaskUsage:
        """Memory in bytes, used and allowed, and how often quotas have held the task up (BGT-026, 027, 029). Raises HostError
        when the task is over."""
        return session.current().call(GetTaskUsage(self.number))

    @property
    def suspended_count(self) -> int:
        """How often it was paused as its app's quota was used up (BGT-026)."""
        return self.usage.suspended_count

    def get_throttle_count(self, counter: BackgroundTaskThrottleCounter) -> int:
        """How often a quota has held it up: of CPU, of network, or both together (BGT-027)."""
        usage = self.usage
        match counter:
            case BackgroundTaskThrottleCounter.CPU:
                return usage.throttled_cpu
            case BackgroundTaskThrottleCounter.NETWORK:
                return usage.throttled_network
            case BackgroundTaskThrottleCounter.ALL:
                return usage.throttled_cpu + usage.throttled_network

    # -- cancellation --------------------------------------------------------------------------------------------------

    def add_canceled(self, handler: Canceled) -> None:
        """`handler(instance, reason)` is called once, on a thread of its own, when the task is cancelled: it tells Run to come to
        an end. Who still runs when the grace is over is killed (BGT-032). Cancelled already: it is called here and now."""
        reason = self.cancellation.add(handler)
        if reason is not None:
            handler(self, reason)
            session.current().notify(CancelHandled(self.number))

    def remove_canceled(self, handler: Canceled) -> None:
        """It is not called any more. One that was never added: nothing."""
        self.cancellation.remove(handler)

    # -- deferrals -----------------------------------------------------------------------------------------------------

    def get_deferral(self) -> BackgroundTaskDeferral:
        """To be asked for before Run returns."""
        deferral = BackgroundTaskDeferral(self._complete)
        with self._changed:
            self._deferrals.add(deferral)
        self._record("DEFERRAL_GET")
        return deferral

    @property
    def deferred(self) -> bool:
        """Whether a deferral is open."""
        return bool(self._deferrals)

    def wait_for_deferrals(self) -> None:
        """Until none is open. The runtime's, after Run."""
        with self._changed:
            self._changed.wait_for(lambda: not self._deferrals)

    def _complete(self, deferral: BackgroundTaskDeferral) -> None:
        with self._changed:
            if deferral not in self._deferrals:
                return
        self._record("DEFERRAL_DONE")
        with self._changed:
            self._deferrals.discard(deferral)
            self._changed.notify_all()

    def _record(self, event: str) -> None:
        app = session.current()
        app.timeline.add(event, app=app.name, task=self.task_name, instance=self.number, app_instance=app.instance)
