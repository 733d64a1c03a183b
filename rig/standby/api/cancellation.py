"""The cancellation of a run: its reason, once there is one, and the handlers that want to know (BGT-032)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeAlias

from rig.standby.wire.task_enums import BackgroundTaskCancellationReason

Canceled: TypeAlias = Callable[[Any, BackgroundTaskCancellationReason], None]
"""Takes the BackgroundTaskInstance and the reason."""


class Cancellation:
    """Any thread. Each handler is called once: by the runtime's thread that brings the cancellation or, when that has come
    before the handler, by the thread that adds it."""

    def __init__(self) -> None:
        self.reason: BackgroundTaskCancellationReason | None = None
        self._handlers: list[Canceled] = []
        self._lock = threading.Lock()

    def add(self, handler: Canceled) -> BackgroundTaskCancellationReason | None:
        """The reason when it is there already, and the handler is the caller's to call."""
        with self._lock:
            if self.reason is None:
                self._handlers.append(handler)
            return self.reason

    def remove(self, handler: Canceled) -> None:
        """One that was not added, or was called: nothing."""
        with self._lock:
            if handler in self._handlers:
                self._handlers.remove(handler)

    def cancel(self, reason: BackgroundTaskCancellationReason) -> list[Canceled]:
        """The handlers to call now. A second reason counts for nothing."""
        with self._lock:
            if self.reason is None:
                self.reason = reason
            handlers, self._handlers = self._handlers, []
            return handlers
