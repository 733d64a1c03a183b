"""What a background task can be registered for. Those of a control channel are the channel's own (ControlChannelTrigger)."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from rig.standby.api import session
from rig.standby.wire import triggers as wire
from rig.standby.wire.app_tasks import RequestApplicationTrigger, RequestDeviceTrigger
from rig.standby.wire.task_enums import ApplicationTriggerResult, DeviceTriggerResult, SystemTriggerType


def _fresh() -> str:
    return str(uuid.uuid4())


@dataclass(frozen=True)
class SystemTrigger:
    """An event of the system (BGT-017). `one_shot`: it fires once, and the registration is gone then; a ControlChannelReset is
    never of that kind (CCT-045)."""

    trigger_type: SystemTriggerType
    one_shot: bool = False

    @property
    def described(self) -> wire.SystemEvent:
        return wire.SystemEvent(self.trigger_type, self.one_shot)


@dataclass(frozen=True)
class TimeTrigger:
    """Every `freshness_time` minutes, 15 at least, or once; at one of the system's ticks of 15 minutes, never early (BGT-018)."""

    freshness_time: int
    one_shot: bool = False

    @property
    def described(self) -> wire.Time:
        return wire.Time(self.freshness_time, self.one_shot)


@dataclass(frozen=True)
class MaintenanceTrigger:
    """As a TimeTrigger, on external power only: leaving it cancels the task (BGT-019)."""

    freshness_time: int
    one_shot: bool = False

    @property
    def described(self) -> wire.Maintenance:
        return wire.Maintenance(self.freshness_time, self.one_shot)


@dataclass(frozen=True)
class PushNotificationTrigger:
    """A raw notification for the app (RAW-001). `application_id`: of the app in its package, "" for the only one."""

    application_id: str = ""

    @property
    def described(self) -> wire.RawPush:
        return wire.RawPush(self.application_id)


@dataclass(frozen=True)
class SocketActivityTrigger:
    """A socket that the app has given to the system (SAT-001)."""

    @property
    def described(self) -> wire.SocketActivity:
        return wire.SocketActivity()


@dataclass(frozen=True)
class BackgroundTransferCompletionGroupTrigger:
    """All transfers of the group have ended (BTR-024)."""

    group: str

    @property
    def described(self) -> wire.CompletionGroup:
        return wire.CompletionGroup(self.group)


@dataclass(frozen=True)
class ApplicationTrigger:
    """The app itself asks for the run (APT-002)."""

    trigger_id: str = field(default_factory=_fresh)

    @property
    def described(self) -> wire.Application:
        return wire.Application(self.trigger_id)

    def request_async(self, arguments: dict[str, str] | None = None) -> ApplicationTriggerResult:
        """Ask for one run of the app's task of this kind, with those arguments (APT-003); any object of this class will do.
        Returns as soon as the system has decided. Raises HostError ILLEGAL_METHOD_CALL in a task, or in the background
        (APT-006)."""
        return _request("application", self.trigger_id, arguments)


@dataclass(frozen=True)
class MediaProcessingTrigger:
    """As an ApplicationTrigger, for long work on media (BGT-011)."""

    trigger_id: str = field(default_factory=_fresh)

    @property
    def described(self) -> wire.MediaProcessing:
        return wire.MediaProcessing(self.trigger_id)

    def request_async(self, arguments: dict[str, str] | None = None) -> ApplicationTriggerResult:
        """As `ApplicationTrigger.request_async`."""
        return _request("media_processing", self.trigger_id, arguments)


@dataclass(frozen=True)
class DeviceUseTrigger:
    """Work with a device, about ten minutes at most; an out-of-process task without conditions (BGT-020)."""

    trigger_id: str = field(default_factory=_fresh)

    @property
    def described(self) -> wire.DeviceUse:
        return wire.DeviceUse(self.trigger_id)

    def request_async(self, device_id: str, expected_minutes: int = 0) -> DeviceTriggerResult:
        """Ask for one run with that device; `expected_minutes` 0: no estimate. Raises HostError for an app in the background."""
        return _request_device(self.trigger_id, device_id, expected_minutes)


@dataclass(frozen=True)
class DeviceServicingTrigger:
    """Servicing of a device, about thirty minutes at most, with the user's consent each time (BGT-021)."""

    trigger_id: str = field(default_factory=_fresh)

    @property
    def described(self) -> wire.DeviceServicing:
        return wire.DeviceServicing(self.trigger_id)

    def request_async(self, device_id: str, expected_minutes: int = 0) -> DeviceTriggerResult:
        """As `DeviceUseTrigger.request_async`."""
        return _request_device(self.trigger_id, device_id, expected_minutes)


BackgroundTrigger: TypeAlias = (
    SystemTrigger
    | TimeTrigger
    | MaintenanceTrigger
    | PushNotificationTrigger
    | SocketActivityTrigger
    | BackgroundTransferCompletionGroupTrigger
    | ApplicationTrigger
    | MediaProcessingTrigger
    | DeviceUseTrigger
    | DeviceServicingTrigger
    | wire.ChannelPush
    | wire.ChannelKeepAlive
)
"""The last two are a ControlChannelTrigger's (CCT-009)."""


def described(trigger: BackgroundTrigger) -> wire.AnyTrigger:
    """As the system knows it."""
    return trigger if isinstance(trigger, (wire.ChannelPush, wire.ChannelKeepAlive)) else trigger.described


def trigger_of(known: wire.AnyTrigger) -> BackgroundTrigger:
    """As the app that registered it knows it."""
    match known:
        case wire.SystemEvent(event, one_shot):
            return SystemTrigger(event, one_shot)
        case wire.Time(minutes, one_shot):
            return TimeTrigger(minutes, one_shot)
        case wire.Maintenance(minutes, one_shot):
            return MaintenanceTrigger(minutes, one_shot)
        case wire.RawPush(application):
            return PushNotificationTrigger(application)
        case wire.SocketActivity():
            return SocketActivityTrigger()
        case wire.CompletionGroup(group):
            return BackgroundTransferCompletionGroupTrigger(group)
        case wire.Application(trigger):
            return ApplicationTrigger(trigger)
        case wire.MediaProcessing(trigger):
            return MediaProcessingTrigger(trigger)
        case wire.DeviceUse(trigger):
            return DeviceUseTrigger(trigger)
        case wire.DeviceServicing(trigger):
            return DeviceServicingTrigger(trigger)
        case wire.ChannelPush() | wire.ChannelKeepAlive():
            return known


def _request(
    kind: Literal["application", "media_processing"], trigger: str, arguments: dict[str, str] | None
) -> ApplicationTriggerResult:
    app = session.current()
    return app.call(RequestApplicationTrigger(trigger, arguments, from_task=app.in_task, kind=kind))


def _request_device(trigger: str, device_id: str, expected_minutes: int) -> DeviceTriggerResult:
    app = session.current()
    return app.call(RequestDeviceTrigger(trigger, device_id, expected_minutes, from_task=app.in_task))
