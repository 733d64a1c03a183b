"""What is registered for system events. The event fires the tasks of every app, or of the one that it concerns (BGT-017)."""

from __future__ import annotations

from rig.standby.system.app_process import AppProcess
from rig.standby.system.tasks.registry import Registry
from rig.standby.system.tasks.scheduler import Scheduler
from rig.standby.system.tasks.source import TriggerSource
from rig.standby.system.tasks.triggers.system_changes import Happened
from rig.standby.wire.app_tasks import RegisterTask
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.task_enums import SystemTriggerType
from rig.standby.wire.triggers import SystemEvent


class SystemTasks(TriggerSource):
    kinds = (SystemEvent,)

    def __init__(self, registry: Registry, scheduler: Scheduler) -> None:
        self._registry = registry
        self._scheduler = scheduler

    def check(self, app: AppProcess, wanted: RegisterTask) -> None:
        assert isinstance(wanted.trigger, SystemEvent)
        if wanted.trigger.event is SystemTriggerType.INVALID:
            raise HostError(HResult.INVALID_ARG, "a system trigger of the type INVALID")
        if wanted.trigger.event is SystemTriggerType.CONTROL_CHANNEL_RESET and wanted.trigger.one_shot:
            raise HostError(HResult.INVALID_ARG, "channels may be reset any number of times: no one-shot trigger (CCT-045)")

    def fire(self, happened: Happened) -> None:
        for registration in self._registry.of_kind(SystemEvent):
            assert isinstance(registration.trigger, SystemEvent)
            concerns_it = happened.package in (None, registration.package)
            if registration.trigger.event is happened.event and concerns_it:
                self._scheduler.fire(registration, happened.details, "system_event")
