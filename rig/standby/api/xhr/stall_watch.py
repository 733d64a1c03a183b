"""TIMEOUT: how long one step of sending or receiving may take without anything coming of it.

A clock goes on while the app is stopped, and the host asleep: a response that wakes them would come too late. So steps of waiting
are counted, and one in which the process was stopped counts as any other.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

STEPS = 10
"""A limit ends up to a tenth late, and later by one step each time the process is stopped."""


class StallWatch:
    """A thread of its own from `start` to `stop`; calls `stalled` once."""

    def __init__(self, timeout_s: float, in_flight_bytes: Callable[[], int], stalled: Callable[[], None]) -> None:
        """`in_flight_bytes`: written and not acknowledged; as long as they become other ones, sending goes on."""
        self._step_s = timeout_s / STEPS
        self._in_flight_bytes = in_flight_bytes
        self._stalled = stalled
        self._touched = self._stopped = False
        self._changed = threading.Condition()

    def start(self) -> None:
        threading.Thread(target=self._watch, name="xhr timeout", daemon=True).start()

    def touch(self) -> None:
        """Something has come."""
        self._touched = True

    def stop(self) -> None:
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def _watch(self) -> None:
        steps_left, before = STEPS, 0
        while steps_left:
            with self._changed:
                if self._changed.wait_for(lambda: self._stopped, self._step_s):
                    return
            now = self._in_flight_bytes()
            steps_left -= 1
            if self._touched or now != before:
                self._touched, steps_left = False, STEPS
            before = now
        self._stalled()
