"""What a background task may be registered for, and what its Run is told of what fired: a class a kind.

The tag of a trigger is its kind, as the timeline calls it.
"""

from __future__ import annotations

from typing import Annotated, TypeAlias

import msgspec
from msgspec import Meta

from rig.standby.wire.socket_enums import SocketActivityKind, SocketActivityTriggerReason
from rig.standby.wire.task_enums import ControlChannelTriggerResetReason, SystemTriggerType

ChannelId: TypeAlias = Annotated[str, Meta(max_length=1024)]
"""The system allows fewer characters where one is made."""
TriggerId: TypeAlias = Annotated[str, Meta(min_length=1, max_length=64)]
"""Of a trigger object that the app fires by itself: a GUID, so that one that was stored is the same one later."""
Minutes: TypeAlias = Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)]
Text: TypeAlias = Annotated[str, Meta(max_length=1024)]


class Trigger(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The kinds below; `kind_of` names them."""


class ChannelPush(Trigger, frozen=True, tag="push"):
    """Data on a control channel (CCT-009)."""

    channel: ChannelId


class ChannelKeepAlive(Trigger, frozen=True, tag="keepalive"):
    """The end of a control channel's server keep-alive interval (CCT-033)."""

    channel: ChannelId


class SystemEvent(Trigger, frozen=True, tag="system"):
    """BGT-017."""

    event: SystemTriggerType
    one_shot: bool = False


class Time(Trigger, frozen=True, tag="time"):
    """BGT-018."""

    minutes: Minutes
    one_shot: bool = False


class Maintenance(Trigger, frozen=True, tag="maintenance"):
    """BGT-019."""

    minutes: Minutes
    one_shot: bool = False


class DeviceUse(Trigger, frozen=True, tag="device_use"):
    """BGT-020."""

    trigger: TriggerId


class DeviceServicing(Trigger, frozen=True, tag="device_servicing"):
    """BGT-021."""

    trigger: TriggerId


class Application(Trigger, frozen=True, tag="application"):
    """APT-002."""

    trigger: TriggerId


class MediaProcessing(Trigger, frozen=True, tag="media_processing"):
    """BGT-011."""

    trigger: TriggerId


class RawPush(Trigger, frozen=True, tag="raw_push"):
    """A raw notification for the app (RAW-001)."""

    application: Text = ""


class SocketActivity(Trigger, frozen=True, tag="socket_activity"):
    """A brokered socket of the app (SAT-001)."""


class CompletionGroup(Trigger, frozen=True, tag="completion_group"):
    """All transfers of a completion group have ended (BTR-024)."""

    group: Text


AnyTrigger: TypeAlias = (
    ChannelPush
    | ChannelKeepAlive
    | SystemEvent
    | Time
    | Maintenance
    | DeviceUse
    | DeviceServicing
    | Application
    | MediaProcessing
    | RawPush
    | SocketActivity
    | CompletionGroup
)


def kind_of(trigger: AnyTrigger) -> str:
    """Its tag."""
    return str(type(trigger).__struct_config__.tag)


def channel_of(trigger: AnyTrigger) -> str | None:
    """The control channel that it belongs to."""
    return trigger.channel if isinstance(trigger, (ChannelPush, ChannelKeepAlive)) else None


class ResetDetails(msgspec.Struct, frozen=True, tag="reset"):
    """Of a ControlChannelReset (CCT-046)."""

    reason: ControlChannelTriggerResetReason
    hardware: bool
    software: bool


class ApplicationDetails(msgspec.Struct, frozen=True, tag="application"):
    """The value set of a request (APT-003)."""

    arguments: dict[str, str] | None = None


class DeviceDetails(msgspec.Struct, frozen=True, tag="device"):
    """Of a device-use or device-servicing request."""

    device: str
    expected_minutes: int = 0


class SocketActivityDetails(msgspec.Struct, frozen=True, tag="socket"):
    """A brokered socket has something for its task (SAT-012, 013)."""

    reason: SocketActivityTriggerReason
    id: str
    """What the app called it when it gave it."""
    kind: SocketActivityKind
    context: bytes | None
    task_id: str


class RawNotificationDetails(msgspec.Struct, frozen=True, tag="raw_notification"):
    """RAW-001, RAW-016."""

    content: bytes
    channel_id: str
    """"" for the app's own channel."""
    headers: dict[str, str]


class CompletionGroupDetails(msgspec.Struct, frozen=True, tag="completion_group"):
    """All operations of the group, by id: those that succeeded and those that failed (BTR-025)."""

    downloads: tuple[str, ...]
    uploads: tuple[str, ...]


AnyDetails: TypeAlias = (
    ResetDetails | ApplicationDetails | DeviceDetails | SocketActivityDetails | RawNotificationDetails | CompletionGroupDetails
)
"""A channel's tasks have none: the channel is their trigger's."""
