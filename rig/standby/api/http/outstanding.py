"""The request that is under way on each channel of this process: one, the newest (CHC-004)."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Outstanding:
    """For any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._abort: dict[str, Callable[[], None]] = {}

    def begin(self, channel_id: str, abort: Callable[[], None]) -> None:
        """Another request begins there: the one before is aborted, which does nothing to one that is over."""
        with self._lock:
            before = self._abort.get(channel_id)
            self._abort[channel_id] = abort
        if before is not None:
            before()


OUTSTANDING = Outstanding()
