"""Background tasks: access, registration, the running instance and its deferral."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rig.standby.api import runtime
from rig.standby.api.enums import BackgroundAccessStatus
from rig.standby.wire.from_app import RegisterTask, RequestAccess, TriggerKind
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.to_app import RunTask

if TYPE_CHECKING:
    from rig.standby.api.control_channel import ControlChannelTrigger


@dataclass(frozen=True)
class ChannelTaskTrigger:
    """One of the two triggers of a control channel (CCT-009): kind "push" or "keepalive"."""

    kind: TriggerKind
    channel_id: str


class BackgroundExecutionManager:
    """Access to background execution (BGT-001)."""

    @staticmethod
    def request_access() -> BackgroundAccessStatus:
        """Ask once before registering tasks or making channels."""
        return BackgroundAccessStatus(runtime.current().service.call(RequestAccess()))


@dataclass(frozen=True)
class BackgroundTaskRegistration:
    """A live registration."""

    task_id: int
    name: str


class BackgroundTaskBuilder:
    """`entry_point` names a function in the app's `entry_points`."""

    def __init__(self, name: str, entry_point: str, trigger: ChannelTaskTrigger | None = None) -> None:
        self.name = name
        self.entry_point = entry_point
        self.trigger = trigger

    def register(self) -> BackgroundTaskRegistration:
        """Validated here and now (BGT-004). Raises HostError INVALID_ARG, CLASS_NOT_REGISTERED or UNAUTHORIZED_ACCESS."""
        app = runtime.current()
        if self.trigger is None:
            raise HostError(HResult.INVALID_ARG, f"task {self.name} has no trigger")
        if self.entry_point not in app.entry_points:
            raise HostError(HResult.CLASS_NOT_REGISTERED, f"no entry point {self.entry_point!r} in app {app.name}")
        task_id = app.service.call(RegisterTask(self.name, self.entry_point, self.trigger.kind, self.trigger.channel_id))
        return BackgroundTaskRegistration(task_id, self.name)


class BackgroundTaskDeferral:
    """Keeps a task alive after Run has returned, until `complete`."""

    def __init__(self, done: Callable[[BackgroundTaskDeferral], None]) -> None:
        self._done = done

    def complete(self) -> None:
        self._done(self)


class BackgroundTaskInstance:
    """What Run gets."""

    def __init__(self, number: int, task_name: str, entry_point: str, kind: str, channel_id: str | None) -> None:
        self.number = number
        self.task_name = task_name
        self.entry_point = entry_point
        self.kind = kind
        self.channel_id = channel_id
        self._deferrals: set[BackgroundTaskDeferral] = set()
        self._changed = threading.Condition()

    @classmethod
    def ordered(cls, order: RunTask) -> BackgroundTaskInstance:
        return cls(order.instance, order.name, order.entry_point, order.kind, order.channel)

    @property
    def trigger_details(self) -> ControlChannelTrigger | None:
        """The channel that fired; None when it has been closed meanwhile (CCT-043)."""
        from rig.standby.api.control_channel import ControlChannelTrigger

        return ControlChannelTrigger.by_id(self.channel_id)

    def get_deferral(self) -> BackgroundTaskDeferral:
        deferral = BackgroundTaskDeferral(self._complete)
        with self._changed:
            self._deferrals.add(deferral)
        self._record("DEFERRAL_GET")
        return deferral

    def run(self, entry_point: Callable[[BackgroundTaskInstance], None]) -> str | None:
        """Task thread: run to the end of the last deferral. Returns the traceback's last line if Run raised."""
        try:
            entry_point(self)
        except Exception as error:
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
        app = runtime.current()
        app.timeline.add(event, app=app.name, task=self.task_name, instance=self.number)
