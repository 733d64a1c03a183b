"""What a run is told of what fired, by kind of trigger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from rig.standby.api.control_channel import ControlChannelTrigger
from rig.standby.api.raw_notification import RawNotification
from rig.standby.api.socket_activity import SocketActivityTriggerDetails, socket_details
from rig.standby.api.transfers.completion_group import BackgroundTransferCompletionGroupTriggerDetails
from rig.standby.wire.task_enums import ControlChannelTriggerResetReason
from rig.standby.wire.to_app import RunTask
from rig.standby.wire.triggers import (
    ApplicationDetails,
    CompletionGroupDetails,
    DeviceDetails,
    RawNotificationDetails,
    ResetDetails,
    SocketActivityDetails,
)


@dataclass(frozen=True)
class ControlChannelTriggerResetEventDetails:
    """Channels are dead until they are rebuilt (CCT-046): why, and of which kind of slot."""

    reset_reason: ControlChannelTriggerResetReason
    hardware_slot_reset: bool
    software_slot_reset: bool


@dataclass(frozen=True)
class ApplicationTriggerDetails:
    """`arguments`: the value set of the request, None when none was given (APT-003)."""

    arguments: dict[str, str] | None


@dataclass(frozen=True)
class DeviceTriggerDetails:
    """Of a device-use or device-servicing request (BGT-020, BGT-021)."""

    device_id: str
    expected_minutes: int
    """0: the app said nothing."""


TriggerDetails: TypeAlias = (
    ControlChannelTrigger
    | ControlChannelTriggerResetEventDetails
    | ApplicationTriggerDetails
    | DeviceTriggerDetails
    | SocketActivityTriggerDetails
    | RawNotification
    | BackgroundTransferCompletionGroupTriggerDetails
)


def details_of(order: RunTask) -> TriggerDetails | None:
    """None for a trigger that has nothing to tell, and for a channel that is closed."""
    match order.details:
        case ResetDetails(reason, hardware, software):
            return ControlChannelTriggerResetEventDetails(reason, hardware, software)
        case ApplicationDetails(arguments):
            return ApplicationTriggerDetails(arguments)
        case DeviceDetails(device, expected_minutes):
            return DeviceTriggerDetails(device, expected_minutes)
        case SocketActivityDetails() as told:
            return socket_details(told)
        case RawNotificationDetails(content, channel_id, headers):
            return RawNotification(content, channel_id, headers)
        case CompletionGroupDetails(downloads, uploads):
            return BackgroundTransferCompletionGroupTriggerDetails(downloads, uploads)
        case None:
            return ControlChannelTrigger.by_id(order.channel)
