"""The parts that background transfers are made of in the system, put together."""

from __future__ import annotations

from collections.abc import Callable

from rig.standby.system.core import Core
from rig.standby.system.tasks.parts import TaskParts
from rig.standby.system.transfers.agreement import Agreement
from rig.standby.system.transfers.discards import Discards
from rig.standby.system.transfers.groups import CompletionGroups
from rig.standby.system.transfers.holds import TransferHolds
from rig.standby.system.transfers.judge import Judge
from rig.standby.system.transfers.operations import Operations
from rig.standby.system.transfers.owner import TransferOwner
from rig.standby.system.transfers.permits import Permits
from rig.standby.system.transfers.process import Transferring
from rig.standby.system.transfers.rules import Limits
from rig.standby.system.transfers.table import TransferTable
from rig.standby.system.transfers.transfer import Transfer
from rig.standby.system.transfers.watches import Watches


class TransferParts:
    """To be made on the running loop. `write`: what has changed, at once."""

    def __init__(self, core: Core, process: Transferring, tasks: TaskParts, write: Callable[[], None]) -> None:
        rules = core.rules
        self.table = TransferTable(core.rows)
        self._judge = Judge(core.situation, core.processes, core.power, rules.family)
        self.permits = Permits(process, self.table, self._judge, core.timeline, core.background)
        self._holds = TransferHolds(core.governor, core.situation, self.permits, core.clock, may_hold=rules.transfers_hold_awake)
        self.table.subscribe(lambda transfer, only_bytes: self._holds.moved(transfer.package))
        self._discards = Discards(core.rows, process, core.background)
        self.agreement = Agreement(
            process, self.table, self.permits, core.background, turned=self._turned, agreed=self._agreed, refused=self._holds.look
        )
        self.groups = CompletionGroups(
            core.rows,
            self.table,
            tasks.completion_group,
            tasks.registry,
            core.packages,
            core.processes,
            core.timeline,
            has_run=lambda number: any(instance.number == number for instance in tasks.instances),
            released=lambda: self.operations.purge(),
        )
        self.operations = Operations(
            self.table,
            self.agreement,
            self.permits,
            self.groups,
            Limits(self.table, rules, core.timeline),
            self._discards,
            core.processes,
            core.background,
            write,
        )
        self.watches = Watches(self.table, core.numbers.next_epoch())
        self.owner = TransferOwner(
            self.table,
            self.agreement,
            self.operations,
            self.groups,
            self._discards,
            self.permits,
            self._judge,
            self._holds,
            self.watches,
            core.processes,
            core.power,
            core.situation,
        )

    def begin(self) -> None:
        """Ask the process of transfers for what there is, and tell it what may run."""
        self.agreement.begin()

    def _turned(self, transfer: Transfer) -> None:
        self._holds.look()
        if transfer.known and transfer.status.ended:
            self.groups.look()

    def _agreed(self) -> None:
        self._discards.look()
        self.operations.purge()
        self.groups.look()
        self.owner.look()
