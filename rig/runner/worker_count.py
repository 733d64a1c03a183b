"""How many workers a run may have, and how many `-n auto` means here."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

MOST = 64
"""Whatever the machine, and whoever asks."""
OF_THE_SUITE, WITH_OTHERS = 6, 4
"""For each processor. A test with a bench waits most of its time, for the wire and its clocks; beside tests that compute, as this
project's own, more of them would have no processor when they want one."""
WORKER_BYTES = 256 << 20
"""Of a worker with the bench that it has open: 230 MB were measured."""
MEMORY = Path("/proc/meminfo")
CGROUP = Path("/sys/fs/cgroup")
"""Of a container: its own, with its limits."""


def auto_workers(per_processor: int = OF_THE_SUITE) -> int:
    """As many as keep the processors busy and the memory that is free has room for; one at least."""
    wanted = min(MOST, per_processor * len(os.sched_getaffinity(0)))
    room = [found // WORKER_BYTES for found in (_available_bytes(), _left_to_us_bytes()) if found is not None]
    return max(1, min([wanted, *room]))


def _available_bytes() -> int | None:
    """That programs could have without swapping, as proc_meminfo(5) estimates it; None where nobody says."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in MEMORY.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return None


def _left_to_us_bytes() -> int | None:
    """Of the limit of a container (Linux, cgroup-v2: memory.max); None without one."""
    with contextlib.suppress(OSError, ValueError):  # "max" is no limit
        return int((CGROUP / "memory.max").read_text()) - int((CGROUP / "memory.current").read_text())
    return None
