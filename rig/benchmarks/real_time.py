"""A board shares its processor with nobody; an emulated one is a process that every daemon of the machine may push aside."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PRIORITY = 1
"""Of SCHED_FIFO: above every ordinary process, below the kernel's own threads."""


@contextmanager
def real_time(pid: int) -> Iterator[bool]:
    """While the block runs the threads of a process go before all ordinary ones (sched(7), SCHED_FIFO).

    Yields whether: without CAP_SYS_NICE and with an RLIMIT_RTPRIO of 0 they stay as they are, and so does pid 0.
    """
    changed = pid != 0 and _schedule(pid, os.SCHED_FIFO, PRIORITY)
    try:
        yield changed
    finally:
        if changed:
            _schedule(pid, os.SCHED_OTHER, 0)


def _schedule(pid: int, policy: int, priority: int) -> bool:
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            os.sched_setscheduler(int(task.name), policy, os.sched_param(priority))
    except (PermissionError, FileNotFoundError, ProcessLookupError):
        return False
    return True
