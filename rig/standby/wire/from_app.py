"""What an app says to the system."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta

from rig.device.payload import PayloadKeepAlive, PayloadState
from rig.standby.wire.message import Call, Fetch, Notice, Prelude
from rig.standby.wire.socket_enums import SocketActivityConnectedStandbyAction, SocketActivityKind
from rig.standby.wire.task_enums import (
    ApplicationTriggerResult,
    BackgroundAccessRequestKind,
    BackgroundWorkCostValue,
    DeviceTriggerResult,
    SystemConditionType,
)
from rig.standby.wire.triggers import AnyTrigger, ChannelId, Minutes, TriggerId

WORDS_LENGTH = 2000
"""Most characters of an error or a fault in words: what is longer is cut by who says it, or it would not be heard at all."""

SocketId: TypeAlias = Annotated[int, Meta(ge=1, le=2**31 - 1)]
Instance: TypeAlias = Annotated[int, Meta(ge=1, le=2**63 - 1)]
Name: TypeAlias = Annotated[str, Meta(max_length=256)]
Host: TypeAlias = Annotated[str, Meta(max_length=1024)]
Port: TypeAlias = Annotated[int, Meta(ge=0, le=65_535)]
Words: TypeAlias = Annotated[str, Meta(max_length=WORDS_LENGTH)]
TaskId: TypeAlias = Annotated[str, Meta(min_length=36, max_length=36)]
"""A GUID, fresh for each registration (BGT-022)."""
Arguments: TypeAlias = dict[Annotated[str, Meta(max_length=256)], Annotated[str, Meta(max_length=8192)]]
CONDITIONS = 16
"""Most of one registration."""


BrokeredId: TypeAlias = Annotated[str, Meta(min_length=1, max_length=256)]
"""Of a brokered socket: the app chooses it (SAT-012)."""
CONTEXT_BYTES = 16 * 1024
"""Most that an app may leave with a brokered socket: what to connect to anew and as whom, with room."""
Context: TypeAlias = Annotated[bytes, Meta(max_length=CONTEXT_BYTES)]
KeepAliveMs: TypeAlias = Annotated[int, Meta(ge=0, le=2**42)]
"""In specification milliseconds; 0: none."""


class AppReady(Call[None], frozen=True):
    """It serves the test's calls."""


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


class GetChannelsSupported(Call[bool], frozen=True):
    """Whether there are control channels here at all (CCT-007)."""


class ConstructChannel(Call[None], frozen=True):
    channel: ChannelId
    minutes: Minutes
    hardware: bool


class SetServerKeepAlive(Call[None], frozen=True):
    channel: ChannelId
    minutes: Minutes


class GetNetworkKeepAlive(Call[int], frozen=True):
    """Answer: minutes."""

    channel: ChannelId


class GetWakeSupported(Call[bool], frozen=True):
    channel: ChannelId


class DecreaseNetworkKeepAlive(Call[None], frozen=True):
    channel: ChannelId


class SetPayload(Call[None], frozen=True):
    channel: ChannelId
    payload: PayloadKeepAlive | None


class SetKeptAliveByDevice(Call[None], frozen=True):
    """In connected standby the payload keep-alive is all: the keep-alive task does not run while the device has one to send.
    Until the channel gets another transport."""

    channel: ChannelId
    by_device: bool


class GetPayloadState(Call[PayloadState], frozen=True):
    channel: ChannelId


class StopPayload(Call[PayloadState], frozen=True):
    """The device sends none of the payload keep-alive from now on, until another one is set. The answer is how far it came, for
    good; the same again when asked again. INVALID_STATE: not known yet, ask again; ELEMENT_NOT_FOUND: nobody will ever know."""

    channel: ChannelId


class UsingTransport(Call[None], frozen=True):
    """`held`: transports of one use that the channel had before, and the app has not let go (CXR-003)."""

    channel: ChannelId
    socket: SocketId
    held: Annotated[int, Meta(ge=0, le=2**31 - 1)] = 0


class ConnectBegin(Call[None], frozen=True):
    """A channel's transport is about to connect. Sockets of no channel are the app's own affair."""

    channel: ChannelId
    socket: SocketId
    host: Host
    port: Port


class ConnectEnd(Call[None], frozen=True):
    """With the connected socket's descriptor where `error` is None."""

    channel: ChannelId
    socket: SocketId
    error: Words | None = None


class WaitForPushEnabled(Call[int], frozen=True):
    """Answer: a ControlChannelTriggerStatus."""

    channel: ChannelId


class CloseChannel(Call[None], frozen=True):
    channel: ChannelId


class EnableTransfer(Call[None], frozen=True):
    """A socket may be given to the broker later, for that task (SAT-002). Refused: ELEMENT_NOT_FOUND for a task that is none of
    sockets, or for Wake where there is no connected standby (SAT-004)."""

    kind: SocketActivityKind
    task_id: TaskId
    action: SocketActivityConnectedStandbyAction


class BindEnabled(Call[None], frozen=True):
    """A listener or datagram socket that is enabled is about to be bound. Refused: NOT_SUPPORTED_FOR_SOCKET (SAT-005)."""

    kind: SocketActivityKind
    action: SocketActivityConnectedStandbyAction


class TransferSocket(Call[None], frozen=True):
    """With its descriptor: from the answer on it is the broker's. Refused, it stays the app's."""

    id: BrokeredId
    kind: SocketActivityKind
    task_id: TaskId
    action: SocketActivityConnectedStandbyAction
    context: Context | None = None
    keep_alive_ms: KeepAliveMs = 0


class TakenSocket(msgspec.Struct, frozen=True):
    """What an app needs to know of a socket that it has from the broker, to give it back."""

    kind: SocketActivityKind
    task_id: str
    action: SocketActivityConnectedStandbyAction
    context: bytes | None
    keep_alive_ms: int
    transfer: int
    """Counts those of the whole host."""


class TakeSocket(Fetch[TakenSocket], frozen=True):
    """With its descriptor. The broker keeps its own until `SocketTaken`; ELEMENT_NOT_FOUND for one that it does not have."""

    id: BrokeredId


class BrokeredSocketInfo(msgspec.Struct, frozen=True):
    """SAT-021."""

    id: str
    kind: SocketActivityKind
    task_id: str
    context: bytes | None
    transfer: int


class ListSockets(Call[list[BrokeredSocketInfo]], frozen=True):
    """Of the package: those behind that transfer, in the order of their transfers, as many as an answer can hold; [] when there
    are no more."""

    behind: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 0


class ReadBegin(Prelude, frozen=True):
    """A posted read has its data; its completion is under way."""

    channel: ChannelId | None


class ReadCompleted(Notice, frozen=True):
    """The completion has returned. `over`: the transport has ended. `push`: the push task has waited for it."""

    channel: ChannelId | None
    socket: SocketId
    over: bool
    push: bool = True


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


class SocketTaken(Notice, frozen=True):
    """The descriptor of that transfer is here: nothing of it is the broker's any more."""

    id: BrokeredId
    transfer: Annotated[int, Meta(ge=0, le=2**63 - 1)]


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


class FollowSuspension(Notice, frozen=True):
    """What it has handlers of from now on. `suspending`: it is asked before it is stopped; `resuming`: it is told when it goes
    on for the user. Who has none is stopped at once, and told nothing."""

    suspending: bool
    resuming: bool


class Suspended(Notice, frozen=True):
    """Its handlers have done what they had to before it is stopped. `number`: of the Suspending that this is the end of."""

    number: Annotated[int, Meta(ge=1, le=2**63 - 1)]


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


FromApp: TypeAlias = (
    AppReady
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
