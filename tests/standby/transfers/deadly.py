"""A process of transfers that is killed at the step that a test has chosen. A step is whatever outlives the process, or reaches
another one: a file made, written, cut, named or removed, a row, a message that comes or goes, a record of the timeline."""

from __future__ import annotations

import mmap
import os
import signal
import struct
from collections.abc import Callable
from typing import Any

from rig.standby.transfers.store import Store
from rig.standby.wire import line, send_queue

ARMED = struct.Struct("<QQB")
"""The step, how many there were, how it dies there; step 0: it lives."""
BEFORE, AFTER, HALF = 0, 1, 2
"""HALF: of what is written, the first half is."""


class Steps:
    """Of the process that runs; in memory that the test has, too."""

    def __init__(self, fd: int) -> None:
        self._memory = mmap.mmap(fd, mmap.PAGESIZE)

    def arm(self, step: int, how: int) -> None:
        ARMED.pack_into(self._memory, 0, step, 0, how)

    @property
    def count(self) -> int:
        return int(ARMED.unpack_from(self._memory)[1])

    def wrap(self, name: str, work: Callable[..., Any], half: Callable[..., Any] | None = None) -> Callable[..., Any]:
        def step(*arguments: Any, **named: Any) -> Any:
            armed, count, how = ARMED.unpack_from(self._memory)
            count += 1
            ARMED.pack_into(self._memory, 0, armed, count, how)
            if count != armed:
                return work(*arguments, **named)
            ARMED.pack_into(self._memory, 0, 0, count, how)
            if how == HALF and half is not None:
                half(*arguments)
            elif how != BEFORE:
                work(*arguments, **named)
            os.kill(os.getpid(), signal.SIGKILL)
            return None

        step.__name__ = name
        return step


def watch(fd: int) -> None:
    """All steps of this process from now on."""
    steps, write = Steps(fd), os.write

    def half_of_it(target: int, data: bytes) -> None:
        write(target, memoryview(data)[: len(data) // 2])

    for name in ("open", "ftruncate", "fsync", "rename", "unlink"):
        setattr(os, name, steps.wrap(name, getattr(os, name)))
    setattr(os, "write", steps.wrap("write", write, half_of_it))  # noqa: B010
    for name in ("save", "next_number"):
        setattr(Store, name, steps.wrap(name, getattr(Store, name)))
    setattr(send_queue, "send_datagram", steps.wrap("send", line.send_datagram))  # noqa: B010
    setattr(line, "receive_with_fds", steps.wrap("receive", line.receive_with_fds))  # noqa: B010
