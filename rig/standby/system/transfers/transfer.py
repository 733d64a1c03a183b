"""One operation as the system has it: whose it is, and who answers for it right now."""

from __future__ import annotations

from typing import Literal

import msgspec

from rig.standby.system.rows import SavedObject
from rig.standby.system.store import Name
from rig.standby.wire.transfer_enums import BackgroundTransferCostPolicy
from rig.standby.wire.transfer_enums import BackgroundTransferStatus as Status
from rig.standby.wire.transfer_types import TransferSpec, TransferState

TRANSFERS = "transfer"
"""Kind of what is saved of them."""
NOBODY = 0
"""The process that had it has ended: it waits until another one attaches to it (BTR-002)."""
FREE = -1
"""A task has started it, whose process ends with its run: nobody's end pauses it."""
PAUSED = frozenset(
    {
        Status.PAUSED_BY_APPLICATION,
        Status.PAUSED_COSTED_NETWORK,
        Status.PAUSED_NO_NETWORK,
        Status.PAUSED_RECOVERABLE_WEB_ERROR_STATUS,
        Status.PAUSED_SYSTEM_POLICY,
    }
)


class SavedTransfer(msgspec.Struct, frozen=True):
    """What outlives the system's process; all else the process of transfers keeps."""

    id: str
    package: str
    holder: int
    cost_policy: BackgroundTransferCostPolicy
    started: bool = False
    forgotten: bool = False
    doing: Literal["", "start", "pause", "resume"] = ""


class Transfer(SavedObject):
    """`holder`: the instance of the process that has created, started or attached it last, NOBODY or FREE."""

    def __init__(self, saved: SavedTransfer, spec: TransferSpec | None = None) -> None:
        self.id = saved.id
        self.package = saved.package
        self.holder = saved.holder
        self.cost_policy = saved.cost_policy
        self.started = saved.started
        self.forgotten = saved.forgotten
        """Its app has heard how it ended; a completion group that is not over has it still."""
        self.doing = saved.doing
        """Its app has asked for that, and may ask again, of a system that does not know what became of it."""
        self.leaving = False
        """Nobody needs it any more, and the process of transfers is asked to forget it."""
        self.asked = spec
        """While its creation is under way for the first time."""
        self.number = 0
        """Of what is known of it, as the process of transfers counts."""
        self._state: TransferState | None = None

    @property
    def row_name(self) -> Name:
        return TRANSFERS, self.id

    def save(self) -> SavedTransfer:
        return SavedTransfer(self.id, self.package, self.holder, self.cost_policy, self.started, self.forgotten, self.doing)

    @property
    def known(self) -> bool:
        """The process of transfers has said how it is."""
        return self._state is not None

    def is_now(self, state: TransferState) -> None:
        self._state = state

    @property
    def state(self) -> TransferState:
        """With the cost policy that it has now. Of one that is known, or is being created."""
        if self._state is None:
            assert self.asked is not None, "it is known"
            return TransferState(self.asked)
        spec = self._state.spec
        if spec.cost_policy is self.cost_policy:
            return self._state
        return msgspec.structs.replace(self._state, spec=msgspec.structs.replace(spec, cost_policy=self.cost_policy))

    @property
    def spec(self) -> TransferSpec:
        return self.state.spec

    @property
    def status(self) -> Status:
        return self.state.status

    @property
    def ended(self) -> bool:
        return self.known and self.status.ended

    @property
    def under_way(self) -> bool:
        """It would run if it might."""
        return self.started and not self.ended

    @property
    def is_post(self) -> bool:
        """Never paused, and never begun again (BTR-018, 020)."""
        spec = self.spec
        return spec.method.upper() == "POST" or (not spec.method and spec.direction == "upload")
