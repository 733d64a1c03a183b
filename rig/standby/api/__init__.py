"""All that an app under test imports: WinRT terms in PEP 8 spelling."""

from rig.device.payload import Counter, PayloadKeepAlive, PayloadState, Span, fresh_masks
from rig.standby.api.background import BackgroundExecutionManager, BackgroundTaskBuilder, BackgroundTaskRegistration
from rig.standby.api.control_channel import ControlChannelTrigger
from rig.standby.api.enums import AsyncStatus, ControlChannelTriggerResourceType
from rig.standby.api.read_operation import ReadOperation
from rig.standby.api.session import App
from rig.standby.api.stream_socket import StreamSocket
from rig.standby.api.task_instance import BackgroundTaskDeferral, BackgroundTaskInstance
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.statuses import BackgroundAccessStatus, ControlChannelTriggerStatus

__all__ = [
    "App",
    "AsyncStatus",
    "BackgroundAccessStatus",
    "BackgroundExecutionManager",
    "BackgroundTaskBuilder",
    "BackgroundTaskDeferral",
    "BackgroundTaskInstance",
    "BackgroundTaskRegistration",
    "ControlChannelTrigger",
    "ControlChannelTriggerResourceType",
    "ControlChannelTriggerStatus",
    "Counter",
    "HResult",
    "HostError",
    "PayloadKeepAlive",
    "PayloadState",
    "ReadOperation",
    "Span",
    "StreamSocket",
    "fresh_masks",
]
