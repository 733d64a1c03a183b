"""The service's event loop: descriptors, timers and calls from other threads, all on one thread, one at a time."""

from __future__ import annotations

import heapq
import itertools
import os
import queue
import selectors
import time
from collections.abc import Callable

Callback = Callable[[], None]


class Timer:
    """A pending call; `cancel` is idempotent."""

    def __init__(self, due_s: float, callback: Callback) -> None:
        self.due_s = due_s
        self.callback: Callback | None = callback

    def cancel(self) -> None:
        self.callback = None


class Loop:
    """`run` until `stop`. Everything but `post` is for the loop's own thread."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._posted: queue.SimpleQueue[Callback] = queue.SimpleQueue()
        self._timers: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()
        self._running = True
        self._selector.register(self._wake, selectors.EVENT_READ, self._drain_posted)

    def watch(self, fd: int, callback: Callback) -> None:
        """Call while `fd` is readable."""
        self._selector.register(fd, selectors.EVENT_READ, callback)

    def unwatch(self, fd: int) -> None:
        if fd in self._selector.get_map():
            self._selector.unregister(fd)

    def call_later(self, delay_s: float, callback: Callback) -> Timer:
        timer = Timer(time.monotonic() + delay_s, callback)
        heapq.heappush(self._timers, (timer.due_s, next(self._order), timer))
        return timer

    def post(self, callback: Callback) -> None:
        """From any thread: call on the loop's thread, in order."""
        self._posted.put(callback)
        os.eventfd_write(self._wake, 1)

    def stop(self) -> None:
        self._running = False

    def run(self) -> None:
        while self._running:
            for key, _mask in self._selector.select(self._wait_s()):
                if key.fd in self._selector.get_map():
                    key.data()
            self._run_timers()

    def _wait_s(self) -> float | None:
        return max(0.0, self._timers[0][0] - time.monotonic()) if self._timers else None

    def _run_timers(self) -> None:
        now_s = time.monotonic()
        while self._timers and self._timers[0][0] <= now_s:
            callback = heapq.heappop(self._timers)[2].callback
            if callback is not None:
                callback()

    def _drain_posted(self) -> None:
        os.eventfd_read(self._wake)
        while not self._posted.empty():
            self._posted.get()()
