"""A device that has forgotten everything: it restarted, or took the host for dead. The host speaks for itself, wherever it was,
and gives the device everything anew."""

from __future__ import annotations

from collections.abc import Callable

from rig.device.numbers import WakeReason
from rig.device.offload import OffloadClient
from rig.standby.nic.attachment import Attachment
from rig.standby.nic.mending import Mending
from rig.standby.nic.phase import Phase, PhaseState
from rig.standby.nic.registry import Registry
from rig.standby.nic.settings import DriverSettings
from rig.standby.nic.sleep_records import SleepRecords
from rig.standby.nic.standby import Standby
from rig.standby.nic.steps import Step
from rig.standby.wire.message import Notice
from rig.standby.wire.nic import DeviceRestarted, LeaseExpired
from rig.timeline import TimelineWriter


class StartingAnew:
    """`stop_settling`: what a wake has left to be done is not to be done any more."""

    def __init__(
        self,
        device: OffloadClient,
        settings: DriverSettings,
        attachment: Attachment,
        standby: Standby,
        registry: Registry,
        phase: PhaseState,
        mending: Mending,
        records: SleepRecords,
        stop_settling: Callable[[], None],
        tell: Callable[[Notice], None],
        timeline: TimelineWriter,
    ) -> None:
        self._device = device
        self._settings = settings
        self._attachment = attachment
        self._standby = standby
        self._registry = registry
        self._phase = phase
        self._mending = mending
        self._records = records
        self._stop_settling = stop_settling
        self._tell = tell
        self._timeline = timeline

    def hear_restart(self, boot_id: int) -> None:
        """Its slots are lost (edge case 97). It is asked for the reason last, as it may be silent again: no host waits for it."""
        if boot_id == self._attachment.boot_id:  # known already: the attach after another restart met it
            return
        self._timeline.add("RESUME_REQUIRED", boot_id=boot_id)

        def told() -> None:
            self._tell(DeviceRestarted(boot_id))
            cause = self._device.hello().reset_cause.name
            self._timeline.add("DEVICE_RESTARTED", boot_id=boot_id, reset_cause=cause)

        self._begin(WakeReason.FIRMWARE_STALLED, told)

    def lease_over(self) -> None:
        """The device took us for dead and freed everything (edge case 98)."""
        self._timeline.add("RESUME_REQUIRED", lease_min=self._settings.lease_min)
        self._begin(WakeReason.LEASE_EXPIRED, lambda: self._tell(LeaseExpired()))

    def tell_awake(self, reason: str) -> None:
        """The host is, and the system has not heard of it."""
        self._records.exit(reason)
        self._tell(self._standby.woke(reason))

    def _begin(self, reason: WakeReason, told: Callable[[], None]) -> None:
        standby = self._standby
        self._records.device_restarted()
        if self._phase.now is Phase.ASLEEP or standby.frozen or standby.untold:
            self._timeline.add("NIC_WAKE", reason=reason.name, pattern_id=None)
            self.tell_awake(reason.name)
        self._stop_settling()
        self._phase.change(Phase.MENDING)
        standby.epoch, standby.silent = 0, False
        standby.reinjection.begin()
        steps = (
            Step("gate", standby.gate.open),
            Step("lose", standby.lose_payloads),
            Step("thaw", standby.thaw),
            Step("attach", lambda: self._attach(told)),
        )
        self._mending.begin(steps)

    def _attach(self, told: Callable[[], None]) -> None:
        self._attachment.attach()
        self._standby.epoch = self._attachment.epoch
        self._registry.slots = self._attachment.as_the_device_takes(self._registry.slots)  # of firmware that may be another
        refused = self._registry.give_all_again()
        told()
        self._standby.lose(refused)
