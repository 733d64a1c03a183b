"""Device-use triggers: an app in the foreground starts a task that works with a device, one at a time (BGT-020)."""

from __future__ import annotations

from rig.standby.system.app_process import AppProcess
from rig.standby.system.power import PowerState
from rig.standby.system.processes import Processes
from rig.standby.system.tasks.instances import Instances
from rig.standby.system.tasks.policy import Policy
from rig.standby.system.tasks.scheduler import Scheduler
from rig.standby.system.tasks.triggers.requested import RequestedTriggers
from rig.standby.system.tasks.triggers.single import check_single, own_registration
from rig.standby.wire.app_tasks import RegisterTask, RequestDeviceTrigger
from rig.standby.wire.task_enums import DeviceTriggerResult as Result
from rig.standby.wire.triggers import DeviceDetails, DeviceUse


class DeviceUseTriggers(RequestedTriggers):
    kinds = (DeviceUse,)

    def __init__(
        self, instances: Instances, scheduler: Scheduler, policy: Policy, power: PowerState, processes: Processes
    ) -> None:
        super().__init__(instances, scheduler, policy, power)
        self._processes = processes

    def check(self, app: AppProcess, wanted: RegisterTask) -> None:
        check_single(app, wanted, self._processes)

    def request(self, app: AppProcess, wanted: RequestDeviceTrigger) -> Result:
        registration = own_registration(app, DeviceUse, self._processes)
        if registration is None or self.in_background(app) or self._policy.inert(app.package, registration.trigger) is not None:
            return Result.DENIED_BY_SYSTEM
        if self._instances.of(registration):
            return Result.DENIED_BY_SYSTEM
        if not self._policy.user_consents():
            return Result.DENIED_BY_USER
        self._scheduler.fire(registration, DeviceDetails(wanted.device, wanted.expected_minutes))
        return Result.ALLOWED
