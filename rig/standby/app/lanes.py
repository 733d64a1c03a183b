"""Threads for what app code does: work of one lane one after another, of different lanes side by side."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Hashable
from typing import TypeAlias

from rig.standby.app.faults import Faults

Work: TypeAlias = Callable[[], None]


class Lanes:
    """`add` is for any thread and never waits. A thread that is done is kept for the next work: a push does not wait for one to
    be made. Where the machine has no thread more, work waits for those that there are."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._waiting: dict[Hashable, deque[Work]] = {}
        """Of lanes on which something runs."""
        self._lock = threading.Lock()
        self._ready: queue.SimpleQueue[tuple[Hashable, Work]] = queue.SimpleQueue()
        self._free = 0
        """Threads less what they have to do; below 0: work that waits for a thread."""
        self._threads = 0

    def warm_up(self) -> None:
        """One thread for the first work."""
        with self._lock:
            self._start_thread()

    def add(self, lane: Hashable, work: Work) -> None:
        with self._lock:
            if lane in self._waiting:
                self._waiting[lane].append(work)
                return
            self._waiting[lane] = deque()
            self._free -= 1
            if self._free < 0:
                self._start_thread()
        self._ready.put((lane, work))

    def _start_thread(self) -> None:
        name = f"work {self._threads + 1}"
        thread = threading.Thread(target=self._faults.forever, args=(name, self._work), name=name, daemon=True)
        try:
            thread.start()
        except (RuntimeError, MemoryError) as error:
            self._faults.met("start of a thread", error)
            if not self._threads:
                raise
            return
        self._threads += 1
        self._free += 1

    def _work(self) -> None:
        """One piece of work, and what has come to its lane meanwhile."""
        lane, work = self._ready.get()
        try:
            work()
        finally:
            self._next(lane)

    def _next(self, lane: Hashable) -> None:
        with self._lock:
            waiting = self._waiting[lane]
            if waiting:
                work = waiting.popleft()
            else:
                del self._waiting[lane]
                self._free += 1
                return
        self._ready.put((lane, work))
