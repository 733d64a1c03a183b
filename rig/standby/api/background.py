"""Background tasks: access and registration."""

from __future__ import annotations

from dataclasses import dataclass

from rig.standby.api import session
from rig.standby.api.triggers import ChannelTaskTrigger
from rig.standby.wire.from_app import RegisterTask, RequestAccess
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.statuses import BackgroundAccessStatus


class BackgroundExecutionManager:
    """Access to background execution (BGT-001)."""

    @staticmethod
    def request_access() -> BackgroundAccessStatus:
        """Ask once before registering tasks or making channels."""
        return BackgroundAccessStatus(session.current().call(RequestAccess()))


@dataclass(frozen=True)
class BackgroundTaskRegistration:
    """A live registration."""

    task_id: str
    """A GUID."""
    name: str


class BackgroundTaskBuilder:
    """`entry_point` names a function in the app's `entry_points`."""

    def __init__(self, name: str, entry_point: str, trigger: ChannelTaskTrigger | None = None) -> None:
        self.name = name
        self.entry_point = entry_point
        self.trigger = trigger

    def register(self) -> BackgroundTaskRegistration:
        """Validated here and now (BGT-004). Raises HostError INVALID_ARG, CLASS_NOT_REGISTERED or UNAUTHORIZED_ACCESS."""
        app = session.current()
        if self.trigger is None:
            raise HostError(HResult.INVALID_ARG, f"task {self.name} has no trigger")
        if self.entry_point not in app.entry_points:
            raise HostError(HResult.CLASS_NOT_REGISTERED, f"no entry point {self.entry_point!r} in app {app.name}")
        task_id = app.call(RegisterTask(self.name, self.entry_point, self.trigger))
        return BackgroundTaskRegistration(task_id, self.name)
