"""What an app says to the system."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from msgspec import Meta

from rig.device.payload import PayloadKeepAlive, PayloadState
from rig.standby.wire.message import Call, Notice

WORDS_LENGTH = 2000
"""Most characters of an error or a fault in words: what is longer is cut by who says it, or it would not be heard at all."""

ChannelId: TypeAlias = Annotated[str, Meta(max_length=1024)]
"""The system allows fewer characters where one is made."""
SocketId: TypeAlias = Annotated[int, Meta(ge=1, le=2**31 - 1)]
Instance: TypeAlias = Annotated[int, Meta(ge=1, le=2**63 - 1)]
Minutes: TypeAlias = Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)]
Name: TypeAlias = Annotated[str, Meta(max_length=256)]
Host: TypeAlias = Annotated[str, Meta(max_length=1024)]
Port: TypeAlias = Annotated[int, Meta(ge=0, le=65_535)]
Words: TypeAlias = Annotated[str, Meta(max_length=WORDS_LENGTH)]

TriggerKind: TypeAlias = Literal["push", "keepalive"]


class AppReady(Call[None], frozen=True):
    """It serves the test's calls."""


class RequestAccess(Call[int], frozen=True):
    """Answer: a BackgroundAccessStatus."""


class RegisterTask(Call[int], frozen=True):
    """Answer: the number of the registration."""

    name: Name
    entry_point: Name
    kind: TriggerKind
    channel: ChannelId


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


class GetPayloadState(Call[PayloadState], frozen=True):
    channel: ChannelId


class UsingTransport(Call[None], frozen=True):
    channel: ChannelId
    socket: SocketId


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


class ReadBegin(Notice, frozen=True):
    """A posted read has its data; its completion is under way."""

    channel: ChannelId | None


class ReadCompleted(Notice, frozen=True):
    """The completion has returned. `over`: the transport has ended."""

    channel: ChannelId | None
    socket: SocketId
    over: bool


class TaskDone(Notice, frozen=True):
    instance: Instance
    fault: Words | None


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
