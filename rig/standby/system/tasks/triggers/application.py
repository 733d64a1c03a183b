"""Application and media-processing triggers: the app fires them itself, from its foreground (APT-002)."""

from __future__ import annotations

from rig.standby.system.app_process import AppProcess
from rig.standby.system.power import PowerState
from rig.standby.system.processes import Processes
from rig.standby.system.tasks.instances import Instances
from rig.standby.system.tasks.policy import Policy
from rig.standby.system.tasks.scheduler import Scheduler
from rig.standby.system.tasks.triggers.requested import RequestedTriggers
from rig.standby.system.tasks.triggers.single import check_single, own_registration
from rig.standby.wire.app_tasks import RegisterTask, RequestApplicationTrigger
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.task_enums import ApplicationTriggerResult as Result
from rig.standby.wire.triggers import Application, ApplicationDetails, MediaProcessing


class ApplicationTriggers(RequestedTriggers):
    kinds = (Application, MediaProcessing)

    def __init__(
        self, instances: Instances, scheduler: Scheduler, policy: Policy, power: PowerState, processes: Processes
    ) -> None:
        super().__init__(instances, scheduler, policy, power)
        self._processes = processes

    def check(self, app: AppProcess, wanted: RegisterTask) -> None:
        check_single(app, wanted, self._processes)

    def request(self, app: AppProcess, wanted: RequestApplicationTrigger) -> Result:
        """A trigger object that is new is as good as the one that was stored: the task is the app's only one of the kind. Raises
        HostError ILLEGAL_METHOD_CALL where it is no app in the foreground that asks."""
        if wanted.from_task or self.in_background(app):
            raise HostError(HResult.ILLEGAL_METHOD_CALL, "only an app in the foreground requests a trigger, and no task of it")
        if self._policy.inert(app.package, Application(wanted.trigger)) is not None:
            return Result.DISABLED_BY_POLICY
        kind = Application if wanted.kind == "application" else MediaProcessing
        registration = own_registration(app, kind, self._processes)
        if registration is None:
            return Result.UNKNOWN_ERROR
        if self._policy.forbids_application_triggers(registration):
            return Result.DISABLED_BY_POLICY
        if self._instances.of(registration):
            return Result.CURRENTLY_RUNNING
        self._scheduler.fire(registration, ApplicationDetails(wanted.arguments))
        return Result.ALLOWED
