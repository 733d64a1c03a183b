"""What an app says to the system."""

from __future__ import annotations

from typing import Literal, TypeAlias

from rig.device.payload import PayloadKeepAlive, PayloadState
from rig.standby.wire.message import Call, Notice

TriggerKind: TypeAlias = Literal["push", "keepalive"]


class AppReady(Call[None], frozen=True):
    """It serves the test's calls."""


class RequestAccess(Call[int], frozen=True):
    """Answer: a BackgroundAccessStatus."""


class RegisterTask(Call[int], frozen=True):
    """Answer: the number of the registration."""

    name: str
    entry_point: str
    kind: TriggerKind
    channel: str


class ConstructChannel(Call[None], frozen=True):
    channel: str
    minutes: int
    hardware: bool


class SetServerKeepAlive(Call[None], frozen=True):
    channel: str
    minutes: int


class GetNetworkKeepAlive(Call[int], frozen=True):
    """Answer: minutes."""

    channel: str


class GetWakeSupported(Call[bool], frozen=True):
    channel: str


class DecreaseNetworkKeepAlive(Call[None], frozen=True):
    channel: str


class SetPayload(Call[None], frozen=True):
    channel: str
    payload: PayloadKeepAlive | None


class GetPayloadState(Call[PayloadState], frozen=True):
    channel: str


class UsingTransport(Call[None], frozen=True):
    channel: str
    socket: int


class ConnectBegin(Call[None], frozen=True):
    """A channel's transport is about to connect. Sockets of no channel are the app's own affair."""

    channel: str
    socket: int
    host: str
    port: int


class ConnectEnd(Call[None], frozen=True):
    """With the connected socket's descriptor where `error` is None."""

    channel: str
    socket: int
    error: str | None = None


class WaitForPushEnabled(Call[int], frozen=True):
    """Answer: a ControlChannelTriggerStatus."""

    channel: str


class CloseChannel(Call[None], frozen=True):
    channel: str


class ReadBegin(Notice, frozen=True):
    """A posted read has its data; its completion is under way."""

    channel: str | None


class ReadCompleted(Notice, frozen=True):
    """The completion has returned. `over`: the transport has ended."""

    channel: str | None
    socket: int
    over: bool


class TaskDone(Notice, frozen=True):
    instance: int
    fault: str | None


FromApp: TypeAlias = (
    AppReady
    | RequestAccess
    | RegisterTask
    | ConstructChannel
    | SetServerKeepAlive
    | GetNetworkKeepAlive
    | GetWakeSupported
    | DecreaseNetworkKeepAlive
    | SetPayload
    | GetPayloadState
    | UsingTransport
    | ConnectBegin
    | ConnectEnd
    | WaitForPushEnabled
    | CloseChannel
    | ReadBegin
    | ReadCompleted
    | TaskDone
)
