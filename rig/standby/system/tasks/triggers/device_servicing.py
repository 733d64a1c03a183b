"""Device-servicing triggers: long updates of a device, by the app of its maker alone, with the user's consent (BGT-021)."""

from __future__ import annotations

from rig.standby.system.app_process import AppProcess
from rig.standby.system.power import PowerState
from rig.standby.system.registration import Registration
from rig.standby.system.situation import HostSituation
from rig.standby.system.tasks.instances import Instances
from rig.standby.system.tasks.policy import Policy
from rig.standby.system.tasks.scheduler import Scheduler
from rig.standby.system.tasks.triggers.requested import RequestedTriggers
from rig.standby.wire.app_tasks import RequestDeviceTrigger
from rig.standby.wire.task_enums import DeviceTriggerResult as Result
from rig.standby.wire.triggers import DeviceDetails, DeviceServicing

ENOUGH_BATTERY_PERCENT = 33
"""More than that is left, or the host is on external power."""


class DeviceServicingTriggers(RequestedTriggers):
    kinds = (DeviceServicing,)

    def __init__(
        self,
        instances: Instances,
        scheduler: Scheduler,
        policy: Policy,
        power: PowerState,
        situation: HostSituation,
        *,
        is_pc: bool,
    ) -> None:
        super().__init__(instances, scheduler, policy, power)
        self._situation = situation
        self._is_pc = is_pc

    def request(self, app: AppProcess, wanted: RequestDeviceTrigger) -> Result:
        """The user is asked each time."""
        registration = self.registration(app, wanted.trigger)
        if registration is None or self.in_background(app) or not self._is_pc or not app.package.privileged:
            return Result.DENIED_BY_SYSTEM
        if self._policy.inert(app.package, registration.trigger) is not None or self._instances.of(registration):
            return Result.DENIED_BY_SYSTEM
        around = self._situation.now.surroundings
        if not around.ac and around.battery_percent <= ENOUGH_BATTERY_PERCENT:
            return Result.LOW_BATTERY
        if not self._policy.user_consents():
            return Result.DENIED_BY_USER
        self._scheduler.fire(registration, DeviceDetails(wanted.device, wanted.expected_minutes))
        return Result.ALLOWED

    def registration(self, app: AppProcess, trigger: str) -> Registration | None:
        """Of that trigger object."""
        wanted = DeviceServicing(trigger)
        return next((r for r in app.package.registrations.values() if r.trigger == wanted), None)
