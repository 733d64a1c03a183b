"""What an app says to the system of its control channels and their transports."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from msgspec import Meta

from rig.device.payload import PayloadKeepAlive, PayloadState
from rig.standby.wire.app_types import SocketId, Words
from rig.standby.wire.message import Call
from rig.standby.wire.triggers import ChannelId, Minutes

Host: TypeAlias = Annotated[str, Meta(max_length=1024)]
Port: TypeAlias = Annotated[int, Meta(ge=0, le=65_535)]


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
