"""All operations of the host, by id and by package, and the number of the last change of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

from rig.standby.system.rows import Rows
from rig.standby.system.transfers.transfer import Transfer
from rig.standby.wire.transfer_types import TransferState

Heard: TypeAlias = Callable[[Transfer, bool], None]
"""Which one, and whether it was no more than its bytes."""


class TransferTable:
    """Numbers count changes of this system; `subscribe` hears of each."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._all: dict[str, Transfer] = {}
        self._of_package: dict[str, dict[str, Transfer]] = {}
        self._changed: dict[str, int] = {}
        self._turned: dict[str, int] = {}
        """Of those changes that were more than bytes."""
        self._listeners: list[Heard] = []
        self.number = 0
        """Of the last change of any."""

    def subscribe(self, heard: Heard) -> None:
        """It is called after each change of one that is there."""
        self._listeners.append(heard)

    def __iter__(self) -> Iterator[Transfer]:
        return iter(list(self._all.values()))

    def __contains__(self, transfer: Transfer) -> bool:
        return self._all.get(transfer.id) is transfer

    def find(self, transfer_id: str) -> Transfer | None:
        return self._all.get(transfer_id)

    def of(self, package: str) -> list[Transfer]:
        """By id."""
        return [transfer for _, transfer in sorted(self._of_package.get(package, {}).items())]

    def count(self, package: str) -> int:
        """Of those that somebody needs: an app that has heard of an end may have another one in its place at once."""
        return sum(not transfer.leaving for transfer in self._of_package.get(package, {}).values())

    def changed_at(self, transfer: Transfer) -> int:
        return self._changed[transfer.id]

    def turned_at(self, transfer: Transfer) -> int:
        """The last change that was more than bytes."""
        return self._turned[transfer.id]

    def add(self, transfer: Transfer) -> None:
        self._all[transfer.id] = transfer
        self._of_package.setdefault(transfer.package, {})[transfer.id] = transfer
        transfer.is_saved_in(self._rows)
        self._count(transfer, only_bytes=False)

    def remove(self, transfer: Transfer) -> None:
        """Safe to call twice."""
        if transfer not in self:
            return
        del self._all[transfer.id], self._changed[transfer.id], self._turned[transfer.id]
        of_package = self._of_package[transfer.package]
        del of_package[transfer.id]
        if not of_package:
            del self._of_package[transfer.package]
        transfer.is_forgotten()

    def update(self, transfer: Transfer, state: TransferState) -> None:
        """As the process of transfers says."""
        moved = transfer.known and transfer.status is state.status
        transfer.is_now(state)
        self._tell(transfer, only_bytes=moved)

    def touch(self, transfer: Transfer) -> None:
        """Something of it that its app sees is otherwise than before."""
        self._tell(transfer, only_bytes=False)

    def _tell(self, transfer: Transfer, *, only_bytes: bool) -> None:
        self._count(transfer, only_bytes=only_bytes)
        for heard in self._listeners:
            heard(transfer, only_bytes)

    def _count(self, transfer: Transfer, *, only_bytes: bool) -> None:
        self.number += 1
        self._changed[transfer.id] = self.number
        if not only_bytes:
            self._turned[transfer.id] = self.number
