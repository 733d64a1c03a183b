"""Time limits that hold for set-up, call, teardown and every retry.

A thread waits beside each phase and, when the limit is over, signals the main thread. The handler raises there wherever it
waits, also in fixtures, and the exception unwinds as any other, so that teardown happens. The alarm repeats: a teardown that
hangs after the first one is interrupted again. Other threads are not interrupted; they end when the bench that owns them
closes. Where no Python code runs any more (a C call that never returns), faulthandler writes every thread's stack to stderr
and ends the process; the record has been streamed.

The signal is one of the real-time signals: SIGALRM and its one timer belong to whoever else limits tests, such as
pytest-timeout. Off the main thread there is no alarm, only the last resort. Who looks at a test in a debugger has all the
time there is: the limit of that phase ends when pytest enters pdb, or when it expires under another debugger.
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

ALARM = signal.SIGRTMIN + 5
"""glibc keeps the two below SIGRTMIN; nothing that the rig uses takes the others."""

DEBUGGERS = frozenset({"pdb", "bdb", "pydevd", "_pydevd_bundle", "pydevd_frame_evaluator", "debugpy"})
"""Packages of the trace functions that stop at breakpoints; a coverage tool's is not among them."""


class TimeLimitExceeded(RigError):
    """A phase of a test took longer than its limit."""

    def __init__(self, phase: str, limit_s: float) -> None:
        super().__init__("RIG-R02", f"{phase} did not end within {limit_s:g} s", "pytest.mark.limit_s(n) sets another limit")


class _Limit:
    """One phase that is being timed."""

    def __init__(self, phase: str, limit_s: float) -> None:
        self.phase = phase
        self.limit_s = limit_s
        self.due = False
        """Set by the watching thread before it signals; another's signal finds it unset."""
        self.ended = threading.Event()

    def watch(self, main: int) -> None:
        """Runs in a thread of its own until the phase ends."""
        wait_s = self.limit_s
        while not self.ended.wait(wait_s):
            self.due = True
            signal.pthread_kill(main, ALARM)
            wait_s = REPEAT_S


_running: list[_Limit] = []
"""Innermost last. A phase has one; a pytest that runs inside a test brings its own."""


@contextlib.contextmanager
def limit(phase: str, limit_s: float) -> Iterator[None]:
    """Raise TimeLimitExceeded in the main thread when the block takes longer than `limit_s`."""
    _arm_last_resort(limit_s + LAST_RESORT_S)
    try:
        if threading.current_thread() is threading.main_thread():
            with _alarm(_Limit(phase, limit_s)):
                yield
        else:
            yield
    finally:
        faulthandler.cancel_dump_traceback_later()


def suspend() -> None:
    """Somebody looks: the limits of the phases that run now are off until these end."""
    faulthandler.cancel_dump_traceback_later()
    for running in _running:
        running.ended.set()


@contextlib.contextmanager
def _alarm(timed: _Limit) -> Iterator[None]:
    signal.signal(ALARM, _expired)  # and stays: a signal that comes late must find a handler
    watcher = threading.Thread(target=timed.watch, args=(threading.get_ident(),), name="time limit", daemon=True)
    _running.append(timed)
    watcher.start()
    try:
        try:
            yield
        finally:
            _running.remove(timed)
    finally:
        timed.ended.set()
        watcher.join()


def _expired(_signal: int, frame: FrameType | None) -> None:
    for timed in reversed(_running):
        if timed.due and not timed.ended.is_set():
            timed.due = False
            if _debugged(frame):
                suspend()
                return
            raise TimeLimitExceeded(timed.phase, timed.limit_s)


def _debugged(frame: FrameType | None) -> bool:
    """Whether a debugger traces this thread, or the thread waits inside one."""
    modules = [getattr(sys.gettrace(), "__module__", None)]
    while frame is not None:
        modules.append(frame.f_globals.get("__name__"))
        frame = frame.f_back
    return any(str(module).partition(".")[0] in DEBUGGERS for module in modules)


def _arm_last_resort(after_s: float) -> None:
    # stderr may be replaced by something without a descriptor, as pytest's own capture does.
    with contextlib.suppress(ValueError, OSError):
        if sys.__stderr__ is not None:
            faulthandler.dump_traceback_later(after_s, exit=True, file=sys.__stderr__)
