"""The system's loop, asyncio's: descriptors, timers, and calls from other threads, one at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeAlias

Callback = Callable[[], None]
Timer: TypeAlias = asyncio.TimerHandle


class Loop:
    """Of the running event loop. Everything but `post` is for the loop's own thread."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopped = asyncio.Event()
        self._watched: set[int] = set()

    def watch(self, fd: int, callback: Callback) -> None:
        """Call while `fd` is readable."""
        self._watched.add(fd)
        self._loop.add_reader(fd, callback)

    def unwatch(self, fd: int) -> None:
        if fd in self._watched:
            self._watched.discard(fd)
            self._loop.remove_reader(fd)

    def call_later(self, delay_s: float, callback: Callback) -> Timer:
        return self._loop.call_later(delay_s, callback)

    def post(self, callback: Callback) -> None:
        """From any thread: call on the loop's thread, in order."""
        self._loop.call_soon_threadsafe(callback)

    def stop(self) -> None:
        self._stopped.set()

    async def stopped(self) -> None:
        await self._stopped.wait()
