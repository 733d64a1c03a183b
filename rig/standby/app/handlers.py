"""The signal handlers of a run that is over."""

from __future__ import annotations

import signal
import threading

TRIES = 100
"""Each ends with a handler that has raised, and is gone then: more of them than there are signals."""


def hear_no_signals() -> None:
    """A run of a task host is on the process's main thread, where Python calls handlers of signals, at any moment: one that the
    run has left behind would raise in what the system is to hear of its end. Elsewhere there is nothing to do."""
    if threading.current_thread() is not threading.main_thread():
        return
    for _ in range(TRIES):
        try:
            for number in signal.valid_signals():
                if callable(signal.getsignal(number)):
                    signal.signal(number, signal.SIG_IGN)
            return
        except BaseException:  # of such a handler; the others are still there
            continue
