"""What an installed app's manifest has to declare for a task with an entry point (BGT-005). One in the app's process, without an
entry point, needs no declaration (BGT-006, B-29); nor does a developer's package, which has no manifest.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rig.manifest.manifest import TaskType
from rig.standby.system.package import AppPackage
from rig.standby.wire.app_tasks import RegisterTask
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.triggers import (
    Application,
    ChannelKeepAlive,
    ChannelPush,
    CompletionGroup,
    DeviceServicing,
    DeviceUse,
    Maintenance,
    MediaProcessing,
    RawPush,
    SocketActivity,
    SystemEvent,
    Time,
    kind_of,
)

TYPES: Mapping[type[Any], tuple[TaskType, ...]] = {
    ChannelPush: (TaskType.CONTROL_CHANNEL,),
    ChannelKeepAlive: (TaskType.CONTROL_CHANNEL,),
    SystemEvent: (TaskType.SYSTEM_EVENT,),
    Time: (TaskType.TIMER,),
    Maintenance: (TaskType.TIMER,),
    DeviceUse: (TaskType.DEVICE_USE,),
    DeviceServicing: (TaskType.DEVICE_SERVICING,),
    Application: (TaskType.GENERAL,),
    MediaProcessing: (TaskType.MEDIA_PROCESSING, TaskType.GENERAL),
    RawPush: (TaskType.PUSH_NOTIFICATION,),
    SocketActivity: (TaskType.SYSTEM_EVENT, TaskType.PUSH_NOTIFICATION),
    CompletionGroup: (TaskType.GENERAL, TaskType.SYSTEM_EVENT),
}
"""Any of them; a socket broker's has none of its own (B-16)."""


def declared_type(package: AppPackage, wanted: RegisterTask) -> TaskType:
    """The first that the entry point is declared with. Raises HostError: with none."""
    types = TYPES[type(wanted.trigger)]
    for task_type in types:
        if wanted.entry_point is None or package.declares(wanted.entry_point, task_type):
            return task_type
    raise HostError(
        HResult.CLASS_NOT_REGISTERED,
        f"the manifest of app {package.name} declares no entry point {wanted.entry_point!r} of the type "
        f"{' or '.join(types)}, which a trigger of kind {kind_of(wanted.trigger)} needs",
    )
