"""How many workers `-n auto` means here."""

from __future__ import annotations

import os
from pathlib import Path

MOST = 64
"""Whatever the machine."""
PER_PROCESSOR = 6
"""A test with a bench waits most of its time, for the wire and its clocks."""
WORKER_BYTES = 256 << 20
"""Of a worker with the bench that it has open: 230 MB were measured."""
MEMORY = Path("/proc/meminfo")


def auto_workers() -> int:
    """As many as the processors keep busy and the memory that is free has room for; one at least."""
    processors = len(os.sched_getaffinity(0))
    return max(1, min(MOST, PER_PROCESSOR * processors, _available_bytes() // WORKER_BYTES))


def _available_bytes() -> int:
    """That programs could have without swapping, as proc_meminfo(5) estimates it."""
    lines = MEMORY.read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
