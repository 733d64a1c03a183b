"""What every process of the standby host does first: die with its parent, enter its namespace."""

from __future__ import annotations

import ctypes
import os
import signal

PR_SET_PDEATHSIG = 1
CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent(parent_pid: int) -> None:
    """SIGKILL for this process when its parent ends, however it ends. The parent may have gone already: then now."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:
        os._exit(1)


def enter_network(namespace_fd: int) -> None:
    """Move this thread, and all it starts later, into a network namespace. Raises OSError."""
    if _libc.setns(namespace_fd, CLONE_NEWNET) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error), f"namespace fd {namespace_fd}")
