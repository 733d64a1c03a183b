"""Background tasks: access to background execution, and registration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rig.standby.api import session
from rig.standby.api.registration import BackgroundTaskRegistration, BackgroundTaskRegistrationGroup
from rig.standby.api.task_class import task_class
from rig.standby.api.triggers import BackgroundTrigger, described
from rig.standby.wire.app_tasks import CONDITIONS, GetAccess, GetWorkCost, RegisterTask, RemoveAccess, RequestAccess
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.statuses import BackgroundAccessStatus
from rig.standby.wire.task_enums import BackgroundAccessRequestKind, BackgroundWorkCostValue, SystemConditionType
from rig.standby.wire.triggers import RawPush, channel_of


class BackgroundExecutionManager:
    """Access to background execution (BGT-001)."""

    @staticmethod
    def request_access(
        kind: BackgroundAccessRequestKind = BackgroundAccessRequestKind.ALWAYS_ALLOWED,
    ) -> BackgroundAccessStatus:
        """Ask once before registering tasks or making channels; the answer is the user's and the system's."""
        return BackgroundAccessStatus(session.current().call(RequestAccess(kind)))

    @staticmethod
    def remove_access() -> None:
        """Give it back: what an app does first after an update, and then asks again (BGT-002)."""
        session.current().call(RemoveAccess())

    @staticmethod
    def get_access_status() -> BackgroundAccessStatus:
        """UNSPECIFIED before any request."""
        return BackgroundAccessStatus(session.current().call(GetAccess()))


class BackgroundWorkCost:
    """What background work costs the user now, for a task that decides how much to do."""

    @staticmethod
    def current_background_work_cost() -> BackgroundWorkCostValue:
        """LOW on external power, HIGH on battery with the screen off."""
        return BackgroundWorkCostValue(session.current().call(GetWorkCost()))


@dataclass(frozen=True)
class SystemCondition:
    """What must hold for a task to start (BGT-012)."""

    condition_type: SystemConditionType


class BackgroundTaskBuilder:
    """A registration to be. `entry_point` names what runs:

    - None: the app's own method `on_background_activated(instance)`, in its process (BGT-006);
    - a name that the app has put into `app.entry_points`: that function, in its process;
    - "module.Class" otherwise: a class whose `run(instance)` a process of its own calls (BGT-004, BGT-007), or the app's, where
      the manifest names an `Executable` for it and for tasks of channels. That of a PushNotificationTrigger is a sealed one,
      `@typing.final` (RAW-003).
    """

    def __init__(self, name: str = "", entry_point: str | None = None, trigger: BackgroundTrigger | None = None) -> None:
        self.name = name
        self.entry_point = entry_point
        self.trigger = trigger
        self.cancel_on_condition_loss = False
        """A condition that ceases to hold while the task runs cancels it with CONDITION_LOSS (BGT-014)."""
        self.is_network_requested = False
        """In connected standby the network is there for the run (BGT-015); without this it has none (BGT-016)."""
        self.task_group: BackgroundTaskRegistrationGroup | None = None
        """Listed there alone (BGT-009)."""
        self._conditions: list[SystemCondition] = []

    def set_trigger(self, trigger: BackgroundTrigger) -> None:
        """The one that fires it; a second call replaces the first."""
        self.trigger = trigger

    def add_condition(self, condition: SystemCondition) -> None:
        """All that are added must hold for a run to start; until then it waits (BGT-012)."""
        self._conditions.append(condition)

    def register(self) -> BackgroundTaskRegistration:
        """Validated here and now (BGT-004): nothing is registered when it raises HostError. INVALID_ARG: no trigger, or one or a
        condition that may not be so; CLASS_NOT_REGISTERED: nobody has that entry point, or not for that kind of trigger
        (BGT-005); UNAUTHORIZED_ACCESS: no access was granted (BGT-001)."""
        app = session.current()
        if self.trigger is None:
            raise HostError(HResult.INVALID_ARG, f"task {self.name} has no trigger")
        if len(self._conditions) > CONDITIONS:
            raise HostError(HResult.INVALID_ARG, f"task {self.name} has {len(self._conditions)} conditions, {CONDITIONS} allowed")
        trigger = described(self.trigger)
        own = self.entry_point in app.entry_points
        if self.entry_point is not None and not own:
            sealed = isinstance(trigger, RawPush)
            self._check_class(self.entry_point, here=sealed or channel_of(trigger) is not None, sealed=sealed)
        group = self.task_group.id if self.task_group is not None else None
        wanted = RegisterTask(
            self.name,
            self.entry_point,
            trigger,
            conditions=tuple(condition.condition_type for condition in self._conditions),
            cancel_on_condition_loss=self.cancel_on_condition_loss,
            is_network_requested=self.is_network_requested,
            group=group,
            in_app=own,
        )
        return BackgroundTaskRegistration(app.call(wanted), self.name, self.trigger, group)

    def _check_class(self, entry_point: str, *, here: bool, sealed: bool) -> None:
        """`here`: it can be looked up in this process; `sealed`: it is to be a public class that nobody derives from. Raises
        HostError, and what its module does."""
        try:
            if here:
                _check_sealed(task_class(entry_point), sealed)
            elif "." not in entry_point:
                raise LookupError(f"{entry_point!r} is no module.Class")
        except (LookupError, ImportError, AttributeError, TypeError, ValueError) as error:
            text = f"no entry point {entry_point!r} in app {session.current().name}, nor a class: {error}"
            raise HostError(HResult.CLASS_NOT_REGISTERED, text) from error


def _check_sealed(found: Any, sealed: bool) -> None:
    """RAW-003. Raises TypeError."""
    if sealed and (not isinstance(found, type) or found.__name__.startswith("_") or not getattr(found, "__final__", False)):
        raise TypeError("the class of a raw push task is public and sealed (@typing.final)")
