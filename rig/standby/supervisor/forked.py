"""The life of a process that is forked rather than exec'ed."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Collection
from typing import NoReturn

from rig.process import close_all_fds_but


def with_only(fds: Collection[int], life: Callable[[], None]) -> None:
    """Of the descriptors that its parent holds those alone are for it."""
    close_all_fds_but(fds)
    life()


def live(life: Callable[[], None]) -> NoReturn:
    """It ends without the interpreter's clean-up, which belongs to the process that it was forked from: what that one would do
    at its exit, close or join is not for this one to do."""
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        life()
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        with contextlib.suppress(BaseException):
            sys.excepthook(*sys.exc_info())
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        os._exit(code)
