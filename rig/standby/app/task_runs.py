"""The task thread: runs background tasks, one after another, in the order in which the system ordered them."""

from __future__ import annotations

import queue
from collections.abc import Callable
from typing import Any

from rig.standby.api.task_instance import BackgroundTaskInstance
from rig.standby.app.entries import Entries
from rig.standby.app.faults import Faults
from rig.standby.wire.from_app import WORDS_LENGTH, TaskDone
from rig.standby.wire.message import Notice
from rig.standby.wire.to_app import RunTask


class TaskRuns:
    """Each instance once. Whatever its Run raises, the system hears that it is over."""

    def __init__(self, faults: Faults, notify: Callable[[Notice], None], entries: Entries) -> None:
        self._faults = faults
        self._notify = notify
        self._entries = entries
        self._queue: queue.SimpleQueue[RunTask] = queue.SimpleQueue()
        self._ordered: set[int] = set()

    def add(self, order: RunTask) -> None:
        """A system that is a new one may order again what the one before it has ordered: not twice."""
        if order.instance not in self._ordered:
            self._ordered.add(order.instance)
            self._queue.put(order)

    def run_next(self) -> None:
        order = self._queue.get()
        fault: str | None = "the thread was ended"
        ran: dict[str, Any] = {"task": order.name, "kind": order.kind, "channel": order.channel}
        self._faults.add("RUN_ENTER", instance=order.instance, **ran)
        try:
            instance = BackgroundTaskInstance(order)
            fault = (instance.run(self._entries.find) or "")[:WORDS_LENGTH] or None
        finally:
            self._faults.add("RUN_EXIT", instance=order.instance, fault=fault, **ran)
            self._notify(TaskDone(order.instance, fault))
