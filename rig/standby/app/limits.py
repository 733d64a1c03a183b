"""What a task host, or the thread of a run, is put under before any code of the app runs in it."""

from __future__ import annotations

import resource
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rig.process import new_network
from rig.standby.wire.supervision import TaskLimits

KIB = 1024


class Limits:
    """Of this process. An app's own has none (`task` None)."""

    def __init__(self, task: TaskLimits | None) -> None:
        self._task = task or TaskLimits()
        self._data_bytes: int | None = None
        """The soft limit that holds now."""
        self._lock = threading.Lock()

    @property
    def without_network(self) -> bool:
        """Whether no thread of this process has one."""
        return not self._task.network

    def network_before_any_thread(self) -> None:
        """Threads that are started later are where this one is. Raises OSError."""
        if self.without_network:
            leave_network()

    def memory_before_any_code(self) -> None:
        """After the runtime's threads: the task may allocate as much as its limit says, on top of what the process has now. An
        allocation beyond that fails, with MemoryError (BGT-029)."""
        if self._task.memory_bytes:
            self._data_bytes = data_bytes() + self._task.memory_bytes
            _set_soft(self._data_bytes)

    @contextmanager
    def lifted(self) -> Iterator[None]:
        """What the system says is heard although the task has used up its memory. It may allocate too much meanwhile, for the
        fraction of a millisecond that this takes."""
        if self._data_bytes is None:
            yield
            return
        with self._lock:
            _set_soft(None)
            try:
                yield
            finally:
                if self._data_bytes is not None:
                    _set_soft(self._data_bytes)

    def lift_memory(self) -> bool:
        """Whether there is a limit; none from now on: what is to be said of a task that has met it needs memory, too."""
        with self._lock:
            limited, self._data_bytes = self._data_bytes is not None, None
            if limited:
                _set_soft(None)
            return limited


def _set_soft(limit_bytes: int | None) -> None:
    """Of RLIMIT_DATA; None: as high as it may be. The hard limit stays, so that it can be set again."""
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (hard if limit_bytes is None else limit_bytes, hard))


def leave_network() -> None:
    """This thread, and those that it starts, are in a network without any interface that is up: new sockets of theirs reach
    nothing, ENETUNREACH (BGT-016). Raises OSError."""
    new_network()


def data_bytes() -> int:
    """What RLIMIT_DATA counts: private memory that can be written, stacks of threads among it."""
    status = Path("/proc/self/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmData:"))
    return int(line.split()[1]) * KIB
