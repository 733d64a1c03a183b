"""What a task host, or the thread of a run, is put under before any code of the app runs in it."""

from __future__ import annotations

import resource
from pathlib import Path

from rig.process import new_network
from rig.standby.wire.supervision import TaskLimits

KIB = 1024


class Limits:
    """Of this process. An app's own has none (`task` None)."""

    def __init__(self, task: TaskLimits | None) -> None:
        self._task = task or TaskLimits()

    @property
    def without_network(self) -> bool:
        """Whether no thread of this process has one."""
        return not self._task.network

    def network_before_any_thread(self) -> None:
        """Threads that are started later are where this one is. Raises OSError."""
        if self.without_network:
            leave_network()

    def memory_before_any_code(self) -> None:
        """After the runtime's threads: the task may allocate as much as its limit says, on top of what the process has now.
        The soft limit alone, so that `lift_memory` can. An allocation beyond it fails, with MemoryError (BGT-029)."""
        if self._task.memory_bytes:
            _, hard = resource.getrlimit(resource.RLIMIT_DATA)
            resource.setrlimit(resource.RLIMIT_DATA, (data_bytes() + self._task.memory_bytes, hard))

    def lift_memory(self) -> bool:
        """Whether there is a limit; no more from now on: what is to be said of a task that has met it needs memory, too."""
        if not self._task.memory_bytes:
            return False
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))
        return True


def leave_network() -> None:
    """This thread, and those that it starts, are in a network without any interface that is up: new sockets of theirs reach
    nothing, ENETUNREACH (BGT-016). Raises OSError."""
    new_network()


def data_bytes() -> int:
    """What RLIMIT_DATA counts: private memory that can be written, stacks of threads among it."""
    status = Path("/proc/self/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmData:"))
    return int(line.split()[1]) * KIB
