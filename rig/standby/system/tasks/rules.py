"""What holds for every registration, whatever its trigger: conditions, and where its task runs."""

from __future__ import annotations

from rig.standby.system.package import AppPackage
from rig.standby.system.tasks.declarations import declared_type
from rig.standby.wire.app_tasks import RegisterTask
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.task_enums import SystemConditionType
from rig.standby.wire.triggers import DeviceServicing, DeviceUse, channel_of, kind_of

NEVER_IN_APP = (DeviceUse, DeviceServicing)
"""BGT-006."""


def check_conditions(wanted: RegisterTask) -> None:
    """Raises HostError."""
    if SystemConditionType.INVALID in wanted.conditions:
        raise HostError(HResult.INVALID_ARG, f"task {wanted.name} has the condition INVALID")
    if wanted.conditions and isinstance(wanted.trigger, DeviceUse):
        raise HostError(HResult.INVALID_ARG, "a task of a device-use trigger has no conditions (BGT-020)")


def runs_in_app(package: AppPackage, wanted: RegisterTask) -> bool:
    """In a process of the app, else in one of its own. Raises HostError: no process could run it (BGT-004, 005, 006)."""
    kind, entry_point = kind_of(wanted.trigger), wanted.entry_point
    if entry_point == "":
        raise HostError(HResult.INVALID_ARG, f"the entry point of task {wanted.name} is empty")
    task_type = declared_type(package, wanted)
    in_app = entry_point is None or channel_of(wanted.trigger) is not None
    if entry_point is not None and not in_app:
        in_app = wanted.in_app if package.manifest is None else package.runs_in_app(entry_point, task_type)
    if in_app and isinstance(wanted.trigger, NEVER_IN_APP):
        raise HostError(HResult.INVALID_ARG, f"a task of a trigger of kind {kind} never runs in the app's process")
    if not in_app and not _is_class(entry_point):
        raise HostError(
            HResult.CLASS_NOT_REGISTERED, f"{entry_point!r} is no entry point of the app, nor a class, as module.Class is"
        )
    return in_app


def _is_class(entry_point: str | None) -> bool:
    """As `module.Class` is one."""
    return entry_point is not None and "." in entry_point and all(part.isidentifier() for part in entry_point.split("."))
