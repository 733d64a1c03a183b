"""All that an app under test imports: WinRT terms in PEP 8 spelling. WebSockets, HTTP and IXMLHTTPRequest2 are in packages of
their own below, as their libraries take a moment to import."""

from rig.device.payload import Counter, PayloadKeepAlive, PayloadState, Span, fresh_masks
from rig.standby.api.application_data import ApplicationData
from rig.standby.api.background import BackgroundExecutionManager, BackgroundTaskBuilder, BackgroundWorkCost, SystemCondition
from rig.standby.api.control_channel import ControlChannelTrigger
from rig.standby.api.core_application import CoreApplication, CoreApplicationView, SuspendingDeferral, SuspendingOperation
from rig.standby.api.data_reader import DataReader
from rig.standby.api.data_writer import DataWriter
from rig.standby.api.datagram_socket import DatagramSocket, DatagramSocketMessageReceivedEventArgs
from rig.standby.api.details import (
    ApplicationTriggerDetails,
    ControlChannelTriggerResetEventDetails,
    DeviceTriggerDetails,
)
from rig.standby.api.enums import AsyncStatus, ControlChannelTriggerResourceType, SocketProtectionLevel
from rig.standby.api.local_settings import LocalSettings
from rig.standby.api.ownership import SocketActivityContext
from rig.standby.api.raw_notification import RawNotification
from rig.standby.api.read_operation import ReadOperation
from rig.standby.api.registration import (
    BackgroundTaskCompletedEventArgs,
    BackgroundTaskProgressEventArgs,
    BackgroundTaskRegistration,
    BackgroundTaskRegistrationGroup,
)
from rig.standby.api.session import App
from rig.standby.api.socket_activity import SocketActivityInformation, SocketActivityTriggerDetails
from rig.standby.api.socket_error import SocketError, SocketErrorStatus, TlsError
from rig.standby.api.stream_socket import StreamSocket
from rig.standby.api.stream_socket_listener import StreamSocketListener, StreamSocketListenerConnectionReceivedEventArgs
from rig.standby.api.task_instance import BackgroundTaskDeferral, BackgroundTaskInstance
from rig.standby.api.triggers import (
    ApplicationTrigger,
    BackgroundTransferCompletionGroupTrigger,
    DeviceServicingTrigger,
    DeviceUseTrigger,
    MaintenanceTrigger,
    MediaProcessingTrigger,
    PushNotificationTrigger,
    SocketActivityTrigger,
    SystemTrigger,
    TimeTrigger,
)
from rig.standby.wire.app_tasks import TaskUsage
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.socket_enums import (
    SocketActivityConnectedStandbyAction,
    SocketActivityKind,
    SocketActivityTriggerReason,
)
from rig.standby.wire.statuses import BackgroundAccessStatus, ControlChannelTriggerStatus
from rig.standby.wire.task_enums import (
    ApplicationTriggerResult,
    BackgroundAccessRequestKind,
    BackgroundTaskCancellationReason,
    BackgroundTaskThrottleCounter,
    BackgroundWorkCostValue,
    ControlChannelTriggerResetReason,
    DeviceTriggerResult,
    SystemConditionType,
    SystemTriggerType,
)

__all__ = [
    "App",
    "ApplicationData",
    "ApplicationTrigger",
    "ApplicationTriggerDetails",
    "ApplicationTriggerResult",
    "AsyncStatus",
    "BackgroundAccessRequestKind",
    "BackgroundAccessStatus",
    "BackgroundExecutionManager",
    "BackgroundTaskBuilder",
    "BackgroundTaskCancellationReason",
    "BackgroundTaskCompletedEventArgs",
    "BackgroundTaskDeferral",
    "BackgroundTaskInstance",
    "BackgroundTaskProgressEventArgs",
    "BackgroundTaskRegistration",
    "BackgroundTaskRegistrationGroup",
    "BackgroundTaskThrottleCounter",
    "BackgroundTransferCompletionGroupTrigger",
    "BackgroundWorkCost",
    "BackgroundWorkCostValue",
    "ControlChannelTrigger",
    "ControlChannelTriggerResetEventDetails",
    "ControlChannelTriggerResetReason",
    "ControlChannelTriggerResourceType",
    "ControlChannelTriggerStatus",
    "CoreApplication",
    "CoreApplicationView",
    "Counter",
    "DataReader",
    "DataWriter",
    "DatagramSocket",
    "DatagramSocketMessageReceivedEventArgs",
    "DeviceServicingTrigger",
    "DeviceTriggerDetails",
    "DeviceTriggerResult",
    "DeviceUseTrigger",
    "HResult",
    "HostError",
    "LocalSettings",
    "MaintenanceTrigger",
    "MediaProcessingTrigger",
    "PayloadKeepAlive",
    "PayloadState",
    "PushNotificationTrigger",
    "RawNotification",
    "ReadOperation",
    "SocketActivityConnectedStandbyAction",
    "SocketActivityContext",
    "SocketActivityInformation",
    "SocketActivityKind",
    "SocketActivityTrigger",
    "SocketActivityTriggerDetails",
    "SocketActivityTriggerReason",
    "SocketError",
    "SocketErrorStatus",
    "SocketProtectionLevel",
    "Span",
    "StreamSocket",
    "StreamSocketListener",
    "StreamSocketListenerConnectionReceivedEventArgs",
    "SuspendingDeferral",
    "SuspendingOperation",
    "SystemCondition",
    "SystemConditionType",
    "SystemTrigger",
    "SystemTriggerType",
    "TaskUsage",
    "TimeTrigger",
    "TlsError",
    "fresh_masks",
]
