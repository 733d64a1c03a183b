"""What the process of transfers has been told of what may run, kept as it should be."""

from __future__ import annotations

import asyncio
from itertools import islice

from rig.standby.system.background import Background
from rig.standby.system.transfers.judge import Judge
from rig.standby.system.transfers.policy import Verdict
from rig.standby.system.transfers.process import Transferring
from rig.standby.system.transfers.table import TransferTable
from rig.standby.wire.faults import is_foreseen
from rig.standby.wire.transfer_enums import BackgroundTransferStatus as Status
from rig.standby.wire.transfers import Permit
from rig.timeline import TimelineWriter

PER_MESSAGE = 1000
"""Ids are 36 bytes."""
GOES_ON_IF_PERMITTED = frozenset(
    {Status.RUNNING, Status.PAUSED_NO_NETWORK, Status.PAUSED_COSTED_NETWORK, Status.PAUSED_SYSTEM_POLICY}
)
"""IDLE waits for its turn, PAUSED_BY_APPLICATION and a recoverable web error for the app; the rest are over."""


class Permits:
    """Only of what has been started: what is not named may not run."""

    def __init__(
        self,
        process: Transferring,
        table: TransferTable,
        judge: Judge,
        timeline: TimelineWriter,
        background: Background,
    ) -> None:
        self._process = process
        self._table = table
        self._judge = judge
        self._timeline = timeline
        self._background = background
        self._told: dict[str, Verdict] = {}
        self._nobody_there = False
        self._under_way = 0
        self._quiet = asyncio.Event()
        self._quiet.set()

    def forget_all(self, *, nobody_there: bool = False) -> None:
        """A process that is new has been told nothing; one that cannot do what it is there for runs nothing, and need not be."""
        self._told = {}
        self._nobody_there = nobody_there

    @property
    def running_or_about_to(self) -> set[str]:
        """Packages of which something runs, or is about to: it may, and has not been heard of since."""
        running = [transfer for transfer in self._table if transfer.known and transfer.status in GOES_ON_IF_PERMITTED]
        return {transfer.package for transfer in running if self._may_run(transfer.id)}

    def _may_run(self, transfer_id: str) -> bool:
        return self.told(transfer_id) is Status.RUNNING

    def told(self, transfer_id: str) -> Status:
        """What it may be, as it has been told."""
        told = self._told.get(transfer_id)
        return told.status if told is not None else Status.PAUSED_SYSTEM_POLICY

    @property
    def none_may_run(self) -> bool:
        return not any(verdict.status is Status.RUNNING for verdict in self._told.values())

    def look(self) -> None:
        """Something that it goes by may have changed: all that is otherwise now is said at once."""
        if self._nobody_there:
            return
        wanted = self._judge.of_all(transfer for transfer in self._table if transfer.under_way)
        news = {id_: verdict for id_, verdict in wanted.items() if self._told.get(id_) != verdict}
        self._told = wanted
        for id_, verdict in news.items():
            transfer = self._table.find(id_)
            assert transfer is not None, "it is in the table"
            self._timeline.add(
                "TRANSFER_PERMIT", app=transfer.package, id=id_, status=verdict.status.name, reason=verdict.why or None
            )
        left = iter(news.items())
        while part := dict(islice(left, PER_MESSAGE)):
            self._begin({id_: verdict.status for id_, verdict in part.items()})

    async def settled(self) -> None:
        """Return when what may not run has closed its connections."""
        self.look()
        await self.answered()

    async def answered(self) -> None:
        """The same of what was said already."""
        await self._quiet.wait()

    def _begin(self, statuses: dict[str, Status]) -> None:
        self._under_way += 1
        self._quiet.clear()
        self._background.start("what transfers may run", self._say(statuses))

    async def _say(self, statuses: dict[str, Status]) -> None:
        """A process that is gone runs nothing, and the next one is told anew."""
        try:
            await self._process.call(Permit(statuses))
        except Exception as error:
            if not is_foreseen(error):
                raise
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._quiet.set()
