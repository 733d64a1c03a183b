"""Transfers as an owner: what sleep and wake, the end of an app and that of the system mean to them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping

from rig.standby.system.app_process import AppProcess
from rig.standby.system.owner import Owner
from rig.standby.system.package import AppPackage
from rig.standby.system.power import PowerState
from rig.standby.system.processes import Processes
from rig.standby.system.situation import HostSituation
from rig.standby.system.store import Name, saved_of
from rig.standby.system.transfers.agreement import Agreement
from rig.standby.system.transfers.discards import Discards
from rig.standby.system.transfers.groups import CompletionGroups
from rig.standby.system.transfers.holds import TransferHolds
from rig.standby.system.transfers.judge import Judge
from rig.standby.system.transfers.operations import Operations
from rig.standby.system.transfers.permits import Permits
from rig.standby.system.transfers.table import TransferTable
from rig.standby.system.transfers.transfer import TRANSFERS, SavedTransfer, Transfer
from rig.standby.system.transfers.watches import Watches
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.task_enums import BackgroundTaskCancellationReason

CLOSES_S = 5.0
"""Real time that connections may take to close; milliseconds, of a process that is not stopped."""


class TransferOwner(Owner):
    """The device keeps nothing of theirs: while the host sleeps none runs. In standby on battery they rest from the first sleep
    on until the user is back, or there is external power: each short wake would begin their requests anew."""

    def __init__(
        self,
        table: TransferTable,
        agreement: Agreement,
        operations: Operations,
        groups: CompletionGroups,
        discards: Discards,
        permits: Permits,
        judge: Judge,
        holds: TransferHolds,
        watches: Watches,
        processes: Processes,
        power: PowerState,
        situation: HostSituation,
    ) -> None:
        self._table = table
        self._agreement = agreement
        self._operations = operations
        self._groups = groups
        self._discards = discards
        self._permits = permits
        self._judge = judge
        self._holds = holds
        self._watches = watches
        self._processes = processes
        self._power = power
        self._situation = situation
        self._network_goes = False
        situation.subscribe(lambda before, after: self.look())

    def look(self) -> None:
        """Something that they go by may have changed."""
        self._rest()
        self._permits.look()
        self._holds.look()

    def _rest(self) -> None:
        if not self._power.awake:
            self._judge.resting = True
        elif not self._network_goes and (not self._power.in_standby or self._situation.now.surroundings.ac):
            self._judge.resting = False

    # -- the host falls asleep and wakes -------------------------------------------------------------------------------

    async def prepare(self) -> None:
        """Whatever runs is paused, and its connections are closed: behind the gate nobody would answer them. A system that is new
        has to hear first what there is."""
        try:
            async with asyncio.timeout(CLOSES_S):
                if any(transfer.started for transfer in self._table):
                    await self._agreement.settled()
                if not self._permits.none_may_run:
                    self._network_goes = self._judge.resting = True
                    self._permits.look()
                await self._permits.answered()  # also what an attempt, or an uninstall, before this has said
        except TimeoutError:
            raise HostError(HResult.FAIL, "the process of background transfers does not close its connections") from None

    def network_goes(self) -> None:
        self._network_goes = self._judge.resting = True

    def network_is_back(self) -> None:
        """Of a wake in which they rest on nothing is to be said: there may be hundreds, and a wake is short."""
        self._network_goes, rested = False, self._judge.resting
        self._rest()
        if not (rested and self._judge.resting):
            self.look()

    def left_standby(self) -> None:
        self.look()

    # -- apps ----------------------------------------------------------------------------------------------------------

    def app_ready(self, app: AppProcess) -> None:
        self.look()

    def app_moved(self, app: AppProcess) -> None:
        self.look()

    def app_gone(self, app: AppProcess) -> None:
        self._ended(app.instance)
        self._watches.gone(app)
        self._holds.look()

    def _ended(self, instance: int) -> None:
        self._groups.app_gone(instance)
        self._operations.app_gone(instance)

    async def package_stops(self, package: AppPackage, reason: BackgroundTaskCancellationReason) -> None:
        if reason is BackgroundTaskCancellationReason.UNINSTALL:
            self._judge.stopping.add(package.name)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CLOSES_S):
                    await self._permits.settled()

    def package_stopped(self, package: AppPackage) -> None:
        self._judge.stopping.discard(package.name)
        self.look()

    def package_gone(self, package: AppPackage) -> None:
        there = self._table.of(package.name)
        for transfer in there:
            self._table.remove(transfer)
        self._groups.package_gone(package.name)
        if there:
            self._discards.add(package.name)
        self.look()

    # -- what outlives the system's process ----------------------------------------------------------------------------

    def take_up(self, things: Mapping[Name, bytes], descriptors: dict[str, int]) -> None:
        for saved in saved_of(things, TRANSFERS, SavedTransfer):
            self._table.add(Transfer(saved))
        self._groups.take_up(things)
        self._discards.take_up(things)
        for instance in {transfer.holder for transfer in self._table if transfer.holder > 0}:
            if self._processes.get(instance) is None:
                self._ended(instance)
