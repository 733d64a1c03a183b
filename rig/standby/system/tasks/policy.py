"""May this task run now, and if not, why not."""

from __future__ import annotations

from rig.standby.system.admission import Admission
from rig.standby.system.package import AppPackage
from rig.standby.system.registration import Registration
from rig.standby.system.situation import HostSituation
from rig.standby.system.tasks.conditions import first_lost
from rig.standby.system.tasks.quota import Quotas
from rig.standby.wire.task_enums import BackgroundTaskCancellationReason as Reason
from rig.standby.wire.task_enums import BackgroundWorkCostValue, SystemConditionType, SystemTriggerType
from rig.standby.wire.triggers import AnyTrigger, Maintenance, SystemEvent

SERVICED = tuple(SystemEvent(SystemTriggerType.SERVICING_COMPLETE, one_shot) for one_shot in (False, True))


class Policy:
    """Reasons are in words, as they stand on the timeline."""

    def __init__(self, situation: HostSituation, admission: Admission, quotas: Quotas) -> None:
        self._situation = situation
        self._admission = admission
        self._quotas = quotas

    @property
    def work_cost(self) -> BackgroundWorkCostValue:
        return self._situation.now.work_cost

    def inert(self, package: AppPackage, trigger: AnyTrigger) -> str | None:
        """Why the trigger does nothing at all, now and later. The task that is there to hear of the update hears of it."""
        if package.access_outdated and trigger not in SERVICED:
            return "its background access is that of the version before"
        return self._admission.refuses(package, trigger)

    def why_not(self, registration: Registration) -> str | None:
        """Why what has fired has to wait."""
        lost = self._lost(registration)
        if lost is not None:
            return f"condition {lost.name}"
        if isinstance(registration.trigger, Maintenance) and not self._situation.now.surroundings.ac:
            return "no external power"
        if self._saves_energy(registration.package):
            return "battery saver"
        return self._quotas.why_not(registration)

    def forbids_application_triggers(self, registration: Registration) -> bool:
        """By the user's energy or privacy settings (APT-005)."""
        return not self._situation.now.surroundings.application_triggers or self._saves_energy(registration.package)

    def user_consents(self) -> bool:
        """To an app's work with a device (BGT-021)."""
        return self._situation.now.surroundings.device_consent

    def cancels(self, registration: Registration) -> Reason | None:
        """Why what runs may not go on."""
        if isinstance(registration.trigger, Maintenance) and not self._situation.now.surroundings.ac:
            return Reason.ABORT
        if registration.cancel_on_condition_loss and self._lost(registration) is not None:
            return Reason.CONDITION_LOSS
        if self._saves_energy(registration.package):
            return Reason.ENERGY_SAVER
        return None

    def _lost(self, registration: Registration) -> SystemConditionType | None:
        return first_lost(registration.conditions, self._situation.now)

    def _saves_energy(self, package: str) -> bool:
        """Battery saver is at work, and the app is not exempt (BGT-030)."""
        around = self._situation.now.surroundings
        return around.energy_saver_on and package not in around.energy_saver_exempt
