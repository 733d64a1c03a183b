"""How a session of pytest ends early: by a wrong option, by a signal."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator

import pytest

from rig.errors import RigError, UsageError


@contextlib.contextmanager
def usage_error() -> Iterator[None]:
    """A wrong option as pytest shows one: a line and exit code 4, no traceback. Other errors of the rig have their own code."""
    try:
        yield
    except UsageError as error:
        raise pytest.UsageError(str(error)) from None
    except RigError as error:
        pytest.exit(str(error), error.exit_code)


def terminate(number: int, _frame: object) -> None:
    """SIGTERM and SIGHUP as Ctrl-C: tests tear down and reports are written. Once; what follows is ignored."""
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, signal.SIG_IGN)
    raise KeyboardInterrupt(f"{signal.Signals(number).name} (pid {os.getpid()})")
