"""What the system needs of the process of background transfers; `TransferProcess` (transfer_process.py) has it over a line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from rig.standby.wire.message import Call
from rig.standby.wire.transfers import FromTransfers, Owned

R = TypeVar("R")


class Transferring(Protocol):
    def subscribe(self, hear: Callable[[FromTransfers], None]) -> None:
        """Hand every notice to `hear`, on the loop, in order; those of before have waited. A new process says `Started` first.
        What a call has changed may be told after its answer."""

    async def call(self, call: Call[R]) -> R:
        """One of `ToTransfers`, served in the order in which they were made. One that a process has not answered before it died
        the next one gets again. Raises the fault's error."""

    async def list_all(self, above: int = 0) -> list[Owned]:
        """Those with a number above, in that order."""
