"""The driver's event loop: descriptors, timers and posted calls, all on one thread, one at a time.

Not asyncio: a wake goes from poll(2) straight into the function that answers it, and that function may wait for the device.
"""

from __future__ import annotations

import heapq
import itertools
import select
import time
from collections import deque
from collections.abc import Callable

Callback = Callable[[], None]


class Timer:
    """A pending call; `cancel` is idempotent."""

    def __init__(self, callback: Callback) -> None:
        self.callback: Callback | None = callback

    def cancel(self) -> None:
        self.callback = None


class Loop:
    """`run` until `stop`. An exception of a callback goes to `on_error`, and the loop goes on."""

    def __init__(self, on_error: Callable[[Exception], None]) -> None:
        self._on_error = on_error
        self._poller = select.epoll()
        self._watched: dict[int, Callback] = {}
        self._posted: deque[Callback] = deque()
        self._timers: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()
        self._running = True

    def watch(self, fd: int, callback: Callback) -> None:
        """Call while `fd` is readable or its other end is gone."""
        self._watched[fd] = callback
        self._poller.register(fd, select.EPOLLIN)

    def unwatch(self, fd: int) -> None:
        if self._watched.pop(fd, None) is not None:
            self._poller.unregister(fd)

    def call_later(self, delay_s: float, callback: Callback) -> Timer:
        timer = Timer(callback)
        heapq.heappush(self._timers, (time.monotonic() + delay_s, next(self._order), timer))
        return timer

    def post(self, callback: Callback) -> None:
        """Call soon, in order: for what comes up in the middle of something that must not be disturbed."""
        self._posted.append(callback)

    def stop(self) -> None:
        self._running = False

    def run(self, before_wait: Callable[[], float | None] = lambda: None) -> None:
        """`before_wait` is called before each wait, and says how long it may be at most, in seconds."""
        while self._running:
            self.turn(before_wait)

    def turn(self, before_wait: Callable[[], float | None]) -> None:
        """Wait once, and do what is to be done then."""
        longest_s = before_wait()
        self._run_posted()
        for fd, _ in self._poller.poll(self._wait_s(longest_s)):
            callback = self._watched.get(fd)
            if callback is not None:
                self._call(callback)
            self._run_posted()
        self._run_timers()
        self._run_posted()

    def close(self) -> None:
        self._poller.close()

    def _wait_s(self, longest_s: float | None) -> float | None:
        if self._posted or not self._running:
            return 0
        while self._timers and self._timers[0][2].callback is None:
            heapq.heappop(self._timers)
        if not self._timers:
            return longest_s
        due_s = max(0.0, self._timers[0][0] - time.monotonic())
        return due_s if longest_s is None else min(due_s, longest_s)

    def _run_timers(self) -> None:
        now_s = time.monotonic()
        while self._timers and self._timers[0][0] <= now_s:
            callback = heapq.heappop(self._timers)[2].callback
            if callback is not None:
                self._call(callback)

    def _run_posted(self) -> None:
        while self._posted:
            self._call(self._posted.popleft())

    def _call(self, callback: Callback) -> None:
        try:
            callback()
        except Exception as error:
            self._on_error(error)
