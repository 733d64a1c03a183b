"""An asyncio loop whose time is the test's: when nothing is ready it goes to the next timer at once. Days last milliseconds.

Descriptors are real and looked at first, so that processes of a test that talk over lines of theirs see everything in order. Work
on threads has no place here: the loop would not wait for it.
"""

from __future__ import annotations

import asyncio
import functools
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

R = TypeVar("R")


class NothingToWaitFor(AssertionError):
    """No descriptor is ready, no timer runs, and somebody still waits: he would for ever."""


class _Selector(selectors.PollSelector):
    def __init__(self) -> None:
        super().__init__()
        self.now_s = 1000.0
        """Not 0: a time that nobody set must not look like one."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:
            raise NothingToWaitFor
        self.now_s += max(timeout, 1e-9)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """`time` is the selector's."""

    def __init__(self) -> None:
        self._virtual = _Selector()
        super().__init__(self._virtual)

    def time(self) -> float:
        return self._virtual.now_s


def run(work: Callable[[], Coroutine[Any, Any, R]]) -> R:
    """Run to the end, in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(work())


def virtual(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """A test that is a coroutine, run in virtual time."""

    @functools.wraps(test)
    def run_it(*arguments: Any, **named: Any) -> None:
        run(lambda: test(*arguments, **named))

    return run_it
