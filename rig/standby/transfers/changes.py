"""What has changed is written down and told: a status at the end of the loop's turn, bytes every now and then.

A line whose reader is behind is told nothing more until it has read: then it is told what is, not all that was.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from typing import Any, Protocol

from rig.standby.transfers.operation import Operation
from rig.standby.transfers.store import Store
from rig.standby.wire.message import Notice
from rig.standby.wire.transfers import Changed
from rig.timeline import TimelineWriter

PROGRESS_S = 0.1
"""Between two words on the bytes of one operation."""
MARK_S = 0.5
"""Between two marks in the timeline on them."""
AGAIN_S = 0.1
"""Until what could not be told or written down is tried again."""


class Telling(Protocol):
    """What it needs of a `Peer`."""

    @property
    def is_behind(self) -> bool: ...

    def notify(self, notice: Notice) -> None: ...


class Changes:
    """To be made on the running loop."""

    def __init__(
        self, store: Store, peer: Telling, timeline: TimelineWriter, on_fault: Callable[[str, BaseException], None]
    ) -> None:
        self._store = store
        self._peer = peer
        self._timeline = timeline
        self._on_fault = on_fault
        self._loop = asyncio.get_running_loop()
        self._unwritten: dict[str, Operation] = {}
        self._untold: dict[str, Operation] = {}
        self._soon: asyncio.TimerHandle | asyncio.Handle | None = None
        self._moving: asyncio.TimerHandle | None = None
        self._fails = False
        """What is to be written down could not be, the last time."""
        self._moved: dict[str, Operation] = {}

    def changed(self, operation: Operation) -> None:
        """Its status may be another one, or anything else of it."""
        self._unwritten[operation.id] = operation
        if self._soon is None:
            self._soon = self._loop.call_soon(self._now)

    def moved(self, operation: Operation) -> None:
        """Bytes of it have come, or gone."""
        self._moved[operation.id] = operation
        if self._moving is None:
            self._moving = self._loop.call_later(PROGRESS_S, self._tell_moved)

    def next_number(self) -> int:
        """Above all before. Raises sqlite3.Error."""
        return self._store.next_number()

    def write(self) -> None:
        """What has changed so far is on the disk then, and told soon. Raises sqlite3.Error."""
        changed = list(self._unwritten.values())
        for operation in changed:
            operation.saved.status = operation.shown
            operation.saved.number = self._store.next_number()
        self._store.save(operation.saved for operation in changed)
        self._unwritten.clear()
        for operation in changed:
            self._untold[operation.id] = operation
            if operation.saved.status is not operation.marked:
                self._mark(operation)

    def forgotten(self, operation: Operation) -> None:
        """Nobody is told of it any more. Raises sqlite3.Error."""
        self._store.save((), [operation.id])
        for kept in (self._unwritten, self._untold, self._moved):
            kept.pop(operation.id, None)
        self._timeline.add("TRANSFER_FORGOTTEN", app=operation.saved.package, id=operation.id)

    def _now(self) -> None:
        self._soon = None
        try:
            self.write()
            self._fails = False
        except sqlite3.Error as error:
            if not self._fails:
                self._on_fault("the store of transfers", error)
            self._fails = True
            self._soon = self._loop.call_later(AGAIN_S, self._now)
        self._tell()

    def _tell(self) -> None:
        while self._untold and not self._peer.is_behind:
            operation = self._untold.pop(next(iter(self._untold)))
            self._peer.notify(Changed(operation.owned))
        if self._untold and self._soon is None:
            self._soon = self._loop.call_later(AGAIN_S, self._now)

    def _tell_moved(self) -> None:
        self._moving = None
        for operation in self._moved.values():
            if operation.id not in self._unwritten:
                operation.saved.number = self._store.next_number()
                self._untold[operation.id] = operation
            self._mark_progress(operation)
        self._moved.clear()
        self._tell()

    # -- in the timeline -----------------------------------------------------------------------------------------------

    def _mark_progress(self, operation: Operation) -> None:
        now_s = self._loop.time()
        if now_s >= operation.marked_s + MARK_S:
            operation.marked_s = now_s
            count, total = counts(operation)
            self._timeline.add("TRANSFER_PROGRESS", app=operation.saved.package, id=operation.id, bytes=count, total=total)

    def _mark(self, operation: Operation) -> None:
        saved = operation.saved
        operation.marked = saved.status
        names: dict[str, Any] = {"app": saved.package, "id": operation.id, "direction": saved.spec.direction}
        status = saved.status.name
        self._timeline.add("TRANSFER_STATUS", **names, status=status, priority=saved.spec.priority.name)
        if saved.status.ended:
            count, total = counts(operation)
            error = None if saved.fault is None else f"{saved.fault.web_error}: {saved.fault.words}"
            self._timeline.add("TRANSFER_ENDED", **names, status=status, bytes=count, total=total, error=error)


def counts(operation: Operation) -> tuple[int, int]:
    """Bytes that have come, or gone, and of how many."""
    progress = operation.saved.progress
    if operation.is_download:
        return progress.bytes_received, progress.total_bytes_to_receive
    return progress.bytes_sent, progress.total_bytes_to_send
