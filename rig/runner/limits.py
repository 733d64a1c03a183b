"""Time limits that hold for set-up, call, teardown and every retry.

SIGALRM interrupts the main thread wherever it waits, also in fixtures, and the exception unwinds as any other, so that
teardown happens. The alarm repeats: a teardown that hangs after the first one is interrupted again. Other threads are
not interrupted; they end when the bench that owns them closes. Where no Python code runs any more (a C call that
never returns), faulthandler writes every thread's stack to stderr and ends the process; the record has been streamed.

Tests must not use SIGALRM themselves. Off the main thread there is no alarm, only the last resort.
"""

from __future__ import annotations

import contextlib
import faulthandler
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType

from rig.errors import RigError

DEFAULT_LIMIT_S = 60.0
"""Set-up of the slowest bench takes 3 s, the longest test of the suite some 20 s on a loaded two-core machine."""

REPEAT_S = 10.0
"""Time each further piece of a hanging teardown gets."""

LAST_RESORT_S = 60.0
"""After the limit; several repeats must have had their chance."""


class TimeLimitExceeded(RigError):
    """A phase of a test took longer than its limit."""

    def __init__(self, phase: str, limit_s: float) -> None:
        super().__init__("RIG-R02", f"{phase} did not end within {limit_s:g} s", "pytest.mark.limit_s(n) sets another limit")


@contextlib.contextmanager
def limit(phase: str, limit_s: float) -> Iterator[None]:
    """Raise TimeLimitExceeded in the main thread when the block takes longer than `limit_s`."""
    _arm_last_resort(limit_s + LAST_RESORT_S)
    try:
        if threading.current_thread() is threading.main_thread():
            with _alarm(phase, limit_s):
                yield
        else:
            yield
    finally:
        faulthandler.cancel_dump_traceback_later()


@contextlib.contextmanager
def _alarm(phase: str, limit_s: float) -> Iterator[None]:
    def expired(_signal: int, _frame: FrameType | None) -> None:
        raise TimeLimitExceeded(phase, limit_s)

    before = signal.signal(signal.SIGALRM, expired)
    signal.setitimer(signal.ITIMER_REAL, limit_s, REPEAT_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _arm_last_resort(after_s: float) -> None:
    # stderr may be replaced by something without a descriptor, as pytest's own capture does.
    with contextlib.suppress(ValueError, OSError):
        if sys.__stderr__ is not None:
            faulthandler.dump_traceback_later(after_s, exit=True, file=sys.__stderr__)
