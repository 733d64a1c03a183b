"""May this transfer run now: what its policy says of the host's situation, and whether anybody answers for it."""

from __future__ import annotations

from rig.standby.system.power import PowerState
from rig.standby.system.processes import Processes
from rig.standby.system.situation import HostSituation
from rig.standby.system.transfers.policy import Verdict, verdict
from rig.standby.system.transfers.transfer import NOBODY, Transfer
from rig.standby.wire.transfer_enums import BackgroundTransferStatus as Status


class Judge:
    """`resting`: the host is about to sleep, sleeps, or has slept and may do so again at any moment."""

    def __init__(self, situation: HostSituation, processes: Processes, power: PowerState, family: str) -> None:
        self._situation = situation
        self._processes = processes
        self._power = power
        self._family = family
        self.resting = False
        self.stopping = set[str]()
        """Packages that are about to be uninstalled."""

    def of(self, transfer: Transfer) -> Verdict:
        foreground = self._in_foreground(transfer.package)
        arguments = transfer.cost_policy, self._situation.now
        found = verdict(*arguments, family=self._family, package=transfer.package, foreground=foreground)
        if found.status is not Status.RUNNING:
            return found
        if transfer.holder == NOBODY:
            return Verdict(Status.PAUSED_SYSTEM_POLICY, "its app has ended")
        if transfer.package in self.stopping:
            return Verdict(Status.PAUSED_SYSTEM_POLICY, "its app is uninstalled")
        return Verdict(Status.PAUSED_SYSTEM_POLICY, "the host sleeps") if self.resting else found

    def _in_foreground(self, package: str) -> bool:
        if self._power.in_standby:
            return False
        return any(app.foreground and app.name == package and not app.is_task_host for app in self._processes)
