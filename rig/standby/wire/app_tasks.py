"""What an app says to the system of its background tasks: access, registrations, triggers that it fires, and runs."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta

from rig.standby.wire.app_types import Instance, Name, TaskId, Words
from rig.standby.wire.message import Call, Notice
from rig.standby.wire.task_enums import (
    ApplicationTriggerResult,
    BackgroundAccessRequestKind,
    BackgroundWorkCostValue,
    DeviceTriggerResult,
    SystemConditionType,
)
from rig.standby.wire.triggers import AnyTrigger, Minutes, TriggerId

Arguments: TypeAlias = dict[Annotated[str, Meta(max_length=256)], Annotated[str, Meta(max_length=8192)]]
CONDITIONS = 16
"""Most of one registration."""


class RequestAccess(Call[int], frozen=True):
    """Answer: a BackgroundAccessStatus."""

    kind: BackgroundAccessRequestKind = BackgroundAccessRequestKind.ALWAYS_ALLOWED


class RemoveAccess(Call[None], frozen=True):
    """The app gives its access back, as it does first after an update (BGT-002)."""


class GetAccess(Call[int], frozen=True):
    """Answer: a BackgroundAccessStatus, UNSPECIFIED before any request."""


class RegisterTask(Call[str], frozen=True):
    """Answer: the TaskId."""

    name: Name
    entry_point: Name | None
    """None: an in-process task, which the app's own activation handler runs (BGT-006)."""
    trigger: AnyTrigger
    conditions: Annotated[tuple[SystemConditionType, ...], Meta(max_length=CONDITIONS)] = ()
    cancel_on_condition_loss: bool = False
    is_network_requested: bool = False
    group: Name | None = None
    in_app: bool = False
    """The process that registers it has the entry point among its own: there it runs, whatever that is called."""


class UnregisterTask(Call[None], frozen=True):
    """`cancel`: running instances are cancelled; else they finish (BGT-010)."""

    task_id: TaskId
    cancel: bool


class TaskInfo(msgspec.Struct, frozen=True):
    """A live registration, as the app's package has it."""

    task_id: str
    name: str
    trigger: AnyTrigger
    group: str | None = None


class ListTasks(Call[list[TaskInfo]], frozen=True):
    """Of the package: those of the group, or those of none (BGT-009)."""

    group: Name | None = None


class ListTaskGroups(Call[list[str]], frozen=True):
    """Ids of the package's groups that have a live registration (BGT-009)."""


class RequestApplicationTrigger(Call[ApplicationTriggerResult], frozen=True):
    """APT-002."""

    trigger: TriggerId
    arguments: Arguments | None = None
    from_task: bool = False
    """It is a task of the app that asks (APT-006)."""
    kind: Literal["application", "media_processing"] = "application"


class RequestDeviceTrigger(Call[DeviceTriggerResult], frozen=True):
    """BGT-020, BGT-021."""

    trigger: TriggerId
    device: Name
    expected_minutes: Minutes = 0
    from_task: bool = False


class TaskUsage(msgspec.Struct, frozen=True):
    """What a running task has used, and may (BGT-026, 027, 029)."""

    memory_bytes: int
    """Allocated by the task where there is a limit; else all that its process has in memory."""
    memory_limit_bytes: int
    """0: none."""
    suspended_count: int
    throttled_cpu: int
    throttled_network: int


class GetTaskUsage(Call[TaskUsage], frozen=True):
    instance: Instance


class GetWorkCost(Call[BackgroundWorkCostValue], frozen=True):
    """Of background work now."""


class TaskProgress(Notice, frozen=True):
    """A running task tells how far it is; the app's own unit."""

    instance: Instance
    value: Annotated[int, Meta(ge=0, le=2**32 - 1)]


class CancelHandled(Notice, frozen=True):
    """The task's handlers of its cancellation have returned; it may still run (BGT-032). Again for a handler that was added
    after the cancellation had come."""

    instance: Instance


class FollowTasks(Notice, frozen=True):
    """It has handlers of progress and completion from now on: until then it is told of neither. No wake begins with news that
    nobody wants."""


class TaskReturned(Notice, frozen=True):
    """Run has returned, and deferrals are open: they alone keep the run alive now (BGT-031)."""

    instance: Instance


class OutOfMemory(Notice, frozen=True):
    """Run has met its limit of memory and does not handle that: it is to be ended at once (BGT-029). No TaskDone follows."""

    instance: Instance


class TaskDone(Notice, frozen=True):
    """Run has returned, and every deferral is complete."""

    instance: Instance
    fault: Words | None
