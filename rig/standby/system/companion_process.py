"""A process beside the system, seen from there: calls over a line, without ever waiting for it on the loop, and what it says by
itself."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from rig.standby.wire.descriptors import Descriptors
from rig.standby.wire.line import In, Line
from rig.standby.wire.peer import Peer

Told = TypeVar("Told")
"""Of what comes over the line, that which is for others than this process's own face."""


class CompanionProcess(Generic[In, Told]):
    """The line is the same for each system (`incarnation` 1, 2, ...): answers to one before are passed over. `on_gone`: it is no
    more, and no other one comes."""

    def __init__(
        self,
        line: Line[In],
        incarnation: int,
        *,
        on_gone: Callable[[str], None],
        on_fault: Callable[[str, BaseException], None],
    ) -> None:
        self._peer = Peer(line, self._on_notice, on_gone=on_gone, on_fault=on_fault, first_call=incarnation << 32)
        self._hear: Callable[[Told], None] | None = None
        self._unheard: deque[Told] = deque()

    def subscribe(self, hear: Callable[[Told], None]) -> None:
        """To what it says, and what it has said already."""
        self._hear = hear
        while self._unheard:
            hear(self._unheard.popleft())

    def close(self) -> None:
        """It ends when its line does."""
        self._peer.close()

    def _on_notice(self, notice: Any, descriptors: Descriptors) -> None:
        """Of `In`; what is for others goes to `_tell`."""
        self._tell(notice)

    def _tell(self, notice: Told) -> None:
        if self._hear is not None:
            self._hear(notice)
        else:
            self._unheard.append(notice)
