"""What an app says to the system."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from msgspec import Meta

from rig.standby.wire.app_channels import (
    CloseChannel,
    ConnectBegin,
    ConnectEnd,
    ConstructChannel,
    DecreaseNetworkKeepAlive,
    GetChannelsSupported,
    GetNetworkKeepAlive,
    GetPayloadState,
    GetWakeSupported,
    SetKeptAliveByDevice,
    SetPayload,
    SetServerKeepAlive,
    StopPayload,
    UsingTransport,
    WaitForPushEnabled,
)
from rig.standby.wire.app_push import ClosePushChannel, CreatePushChannel, FollowPush, NotificationHandled
from rig.standby.wire.app_sockets import BindEnabled, EnableTransfer, ListSockets, SocketTaken, TakeSocket, TransferSocket
from rig.standby.wire.app_tasks import (
    CancelHandled,
    FollowTasks,
    GetAccess,
    GetTaskUsage,
    GetWorkCost,
    ListTaskGroups,
    ListTasks,
    OutOfMemory,
    RegisterTask,
    RemoveAccess,
    RequestAccess,
    RequestApplicationTrigger,
    RequestDeviceTrigger,
    TaskDone,
    TaskProgress,
    TaskReturned,
    UnregisterTask,
)
from rig.standby.wire.app_transfers import (
    AttachTransfers,
    CancelTransfer,
    CreateTransfer,
    EnableCompletionGroup,
    ForgetTransfers,
    ListTransfers,
    PauseTransfer,
    ResumeTransfer,
    SetTransferCostPolicy,
    SetTransferPriority,
    SetTransferUri,
    StartTransfer,
    WatchTransfers,
)
from rig.standby.wire.app_types import SocketId
from rig.standby.wire.message import Call, Notice, Prelude
from rig.standby.wire.triggers import ChannelId


class AppReady(Call[None], frozen=True):
    """It serves the test's calls."""


class TaskHostReady(Notice, frozen=True):
    """It does the run that it was started for. No answer: that would come into the way of the run."""


class ReadBegin(Prelude, frozen=True):
    """A posted read has its data; its completion is under way."""

    channel: ChannelId | None


class ReadCompleted(Notice, frozen=True):
    """The completion has returned. `over`: the transport has ended. `push`: the push task has waited for it. `run`: the instance
    of it that begins now, by a standing order; 0: none does."""

    channel: ChannelId | None
    socket: SocketId
    over: bool
    push: bool = True
    run: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 0


class TransportClosed(Notice, frozen=True):
    """The app has closed the transport of a channel that it keeps."""

    channel: ChannelId
    socket: SocketId


class DataDispatched(Notice, frozen=True):
    """A transport whose push task waits for no completion has something for the app: the task runs at once (CHC-006)."""

    channel: ChannelId
    socket: SocketId


class ReadWithoutEffect(Notice, frozen=True):
    """What came was nothing for the app (half a record, a ping), or nobody wants it any more; the read is still posted, or was
    withdrawn."""

    channel: ChannelId | None


class FollowSuspension(Notice, frozen=True):
    """What it has handlers of from now on. `suspending`: it is asked before it is stopped; `resuming`: it is told when it goes
    on for the user. Who has none is stopped at once, and told nothing."""

    suspending: bool
    resuming: bool


class Suspended(Notice, frozen=True):
    """Its handlers have done what they had to before it is stopped. `number`: of the Suspending that this is the end of."""

    number: Annotated[int, Meta(ge=1, le=2**63 - 1)]


FromApp: TypeAlias = (
    AppReady
    | TaskHostReady
    | RequestAccess
    | RemoveAccess
    | GetAccess
    | RegisterTask
    | UnregisterTask
    | ListTasks
    | ListTaskGroups
    | RequestApplicationTrigger
    | RequestDeviceTrigger
    | GetTaskUsage
    | GetWorkCost
    | GetChannelsSupported
    | ConstructChannel
    | SetServerKeepAlive
    | GetNetworkKeepAlive
    | GetWakeSupported
    | DecreaseNetworkKeepAlive
    | SetPayload
    | SetKeptAliveByDevice
    | GetPayloadState
    | StopPayload
    | UsingTransport
    | ConnectBegin
    | ConnectEnd
    | WaitForPushEnabled
    | CloseChannel
    | EnableTransfer
    | BindEnabled
    | TransferSocket
    | TakeSocket
    | SocketTaken
    | ListSockets
    | CreatePushChannel
    | ClosePushChannel
    | FollowPush
    | NotificationHandled
    | CreateTransfer
    | StartTransfer
    | AttachTransfers
    | PauseTransfer
    | ResumeTransfer
    | CancelTransfer
    | SetTransferPriority
    | SetTransferCostPolicy
    | SetTransferUri
    | ListTransfers
    | WatchTransfers
    | ForgetTransfers
    | EnableCompletionGroup
    | ReadBegin
    | ReadCompleted
    | TransportClosed
    | DataDispatched
    | ReadWithoutEffect
    | TaskProgress
    | FollowTasks
    | CancelHandled
    | FollowSuspension
    | Suspended
    | TaskReturned
    | OutOfMemory
    | TaskDone
)
