"""Work of the system that nobody waits for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any


class Background:
    """Tasks of the loop. What one raises goes to `on_fault`, with what it was doing; `on_done` follows the end of each."""

    def __init__(self, on_fault: Callable[[str, BaseException], None], on_done: Callable[[], None]) -> None:
        self._on_fault = on_fault
        self._on_done = on_done
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopped = False

    def start(self, what: str, work: Coroutine[Any, Any, None]) -> None:
        """Nothing begins once all is stopped."""
        if self._stopped:
            work.close()
            return
        task = asyncio.get_running_loop().create_task(work, name=what)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    async def stop(self) -> None:
        """Cancel what is left, and wait until it has ended; also what begins meanwhile."""
        while self._tasks:
            for task in self._tasks:
                task.cancel()
            await asyncio.wait(self._tasks)
        self._stopped = True

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._on_fault(task.get_name(), error)
        self._on_done()
