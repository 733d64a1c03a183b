"""All brokered sockets of the host, by package and id."""

from __future__ import annotations

from collections.abc import Iterator

from rig.standby.system.rows import Rows
from rig.standby.system.sockets.brokered import BrokeredSocket


class SocketTable:
    """There may be ten thousand: nothing that is done for one of them looks at the others."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._all: dict[tuple[str, str], BrokeredSocket] = {}
        self._of_package: dict[str, dict[int, BrokeredSocket]] = {}
        """By transfer. One whose transfer waited for the device is behind others with higher numbers."""

    def __iter__(self) -> Iterator[BrokeredSocket]:
        return iter(list(self._all.values()))

    def __contains__(self, brokered: BrokeredSocket) -> bool:
        return self._all.get((brokered.package.name, brokered.id)) is brokered

    def add(self, brokered: BrokeredSocket) -> None:
        self._all[brokered.package.name, brokered.id] = brokered
        self._of_package.setdefault(brokered.package.name, {})[brokered.saved.transfer] = brokered
        brokered.is_saved_in(self._rows)

    def remove(self, brokered: BrokeredSocket) -> None:
        del self._all[brokered.package.name, brokered.id]
        of_package = self._of_package[brokered.package.name]
        del of_package[brokered.saved.transfer]
        if not of_package:
            del self._of_package[brokered.package.name]
        brokered.is_forgotten()

    def find(self, package: str, socket_id: str) -> BrokeredSocket | None:
        return self._all.get((package, socket_id))

    def of(self, package: str) -> list[BrokeredSocket]:
        """In the order of their transfers."""
        return [brokered for _, brokered in sorted(self._of_package.get(package, {}).items())]

    def count(self, package: str) -> int:
        return len(self._of_package.get(package, {}))
