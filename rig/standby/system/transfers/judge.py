"""May this transfer run now: what its policy says of the host's situation, and whether anybody answers for it."""

from __future__ import annotations

from collections.abc import Iterable

from rig.standby.system.power import PowerState
from rig.standby.system.processes import Processes
from rig.standby.system.situation import HostSituation
from rig.standby.system.transfers.policy import Verdict, verdict
from rig.standby.system.transfers.transfer import NOBODY, Transfer
from rig.standby.wire.transfer_enums import BackgroundTransferCostPolicy as CostPolicy
from rig.standby.wire.transfer_enums import BackgroundTransferStatus as Status

NOBODYS = Verdict(Status.PAUSED_SYSTEM_POLICY, "its app has ended")
UNINSTALLED = Verdict(Status.PAUSED_SYSTEM_POLICY, "its app is uninstalled")
SLEEPS = Verdict(Status.PAUSED_SYSTEM_POLICY, "the host sleeps")


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

    def of_all(self, transfers: Iterable[Transfer]) -> dict[str, Verdict]:
        """By id. There may be hundreds at each wake, and few that differ in what the network's verdict goes by."""
        of_network: dict[tuple[str, CostPolicy], Verdict] = {}
        found: dict[str, Verdict] = {}
        for transfer in transfers:
            key = transfer.package, transfer.cost_policy
            if key not in of_network:
                of_network[key] = self._of_network(*key)
            found[transfer.id] = self._of(transfer, of_network[key])
        return found

    def _of_network(self, package: str, policy: CostPolicy) -> Verdict:
        foreground = self._in_foreground(package)
        return verdict(policy, self._situation.now, family=self._family, package=package, foreground=foreground)

    def _of(self, transfer: Transfer, of_network: Verdict) -> Verdict:
        if of_network.status is not Status.RUNNING:
            return of_network
        if transfer.holder == NOBODY:
            return NOBODYS
        if transfer.package in self.stopping:
            return UNINSTALLED
        return SLEEPS if self.resting else of_network

    def _in_foreground(self, package: str) -> bool:
        if self._power.in_standby:
            return False
        return any(app.foreground and app.name == package and not app.is_task_host for app in self._processes)
