"""Waiting for a file to change: inotify(7), so that who waits uses no processor until somebody writes.

To close an inotify instance takes 10 ms; to add and remove a watch, 5 µs. So the instances of a process stay, one for each thread
that has ever waited while others did.
"""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rig.readable import readable

IN_MODIFY, IN_ATTRIB = 0x2, 0x4
"""inotify.h: written to; its permissions changed."""
EVENTS_BYTES = 4096
BLIND_S = 0.0005
"""Where the system has no instance to give (fs.inotify.max_user_instances): how long until it may have changed."""

_libc = ctypes.CDLL(None, use_errno=True)
_free: tuple[int, list[int]] = (0, [])
"""The process that they belong to, as a fork reads what its parent waits for; instances that nobody uses just now."""


class Changes:
    """Of one file, from here on."""

    def __init__(self, instance: int) -> None:
        self._instance = instance

    def wait(self, timeout_s: float) -> None:
        """Until the file has changed since the last call, or the first since the block began; or that long."""
        if self._instance < 0:
            time.sleep(min(BLIND_S, timeout_s))
        elif readable(self._instance, timeout_s):
            os.read(self._instance, EVENTS_BYTES)


@contextmanager
def changes_of(fd: int) -> Iterator[Changes]:
    """Those of the file that is open as `fd`, whatever its name is by now."""
    instance = _instance()
    watch = _libc.inotify_add_watch(instance, f"/proc/self/fd/{fd}".encode(), IN_MODIFY | IN_ATTRIB)
    try:
        yield Changes(instance if watch >= 0 else -1)
    finally:
        if watch >= 0:
            _libc.inotify_rm_watch(instance, watch)
        if instance >= 0:
            _give_back(instance)


def _instance() -> int:
    """-1: there is none to have."""
    global _free
    if _free[0] != os.getpid():
        _free = os.getpid(), []
    try:
        return _free[1].pop()
    except IndexError:
        return int(_libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))


def _give_back(instance: int) -> None:
    """Without what it would still tell. The next watch has another number, but the same ears."""
    while readable(instance, 0):
        os.read(instance, EVENTS_BYTES)
    _free[1].append(instance)
