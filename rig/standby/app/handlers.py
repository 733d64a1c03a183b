"""The signal handlers that a run has left behind."""

from __future__ import annotations

import signal
import threading
from collections.abc import Mapping
from typing import Any

TRIES = 100
"""Each ends with a handler that has raised, and is gone then: more of them than there are signals."""


def handlers() -> dict[int, Any]:
    """By signal, where handlers may be set at all: on the main thread, on which Python calls them. Elsewhere none."""
    if threading.current_thread() is not threading.main_thread():
        return {}
    return {number: signal.getsignal(number) for number in signal.valid_signals()}


def forget_handlers(before: Mapping[int, Any]) -> None:
    """Those that were set since: they would be called at any moment, and what they raise would keep from the system that the run
    is over."""
    for _ in range(TRIES):
        try:
            for number, handler in before.items():
                now = signal.getsignal(number)
                if callable(now) and now is not handler:
                    signal.signal(number, signal.SIG_IGN)
            return
        except BaseException:  # of such a handler; the others are still there
            continue
