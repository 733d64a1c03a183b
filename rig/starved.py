"""How long a process has gone without a processor, as far as the kernel counts that."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple, Self

STAT = Path("/proc/stat")
STOLEN = 8
"""The column of /proc/stat, the name of the processor being column 0 (proc_stat(5)); in ticks of USER_HZ."""
MS_PER_TICK = 10.0
"""USER_HZ is 100 wherever the rig runs."""


class Starved(NamedTuple):
    """A device that is a process of this machine is late by as much."""

    waited_ms: float = 0.0
    """Its threads were ready to run, and others ran."""
    stolen_ms: Mapping[int, float] = MappingProxyType({})
    """By number of the processor, while a hypervisor gave it to other machines: a thread stands with the one it ran on."""

    def since(self, before: Starved) -> Self:
        """Not below 0: what a process has waited goes when it, or a thread of it, ends; a processor may count anew."""
        both = self.stolen_ms.keys() & before.stolen_ms.keys()
        stolen = {number: max(0.0, self.stolen_ms[number] - before.stolen_ms[number]) for number in both}
        return type(self)(max(0.0, self.waited_ms - before.waited_ms), stolen)


OWN_PROCESSOR = Starved()
"""A board's."""


def waited_ms(pid: int) -> float:
    """How long the threads of a process have waited for a processor so far (/proc/PID/schedstat, in ns); 0 without a process."""
    waited_ns = 0
    with contextlib.suppress(OSError):  # the process has ended, perhaps just now
        for thread in Path(f"/proc/{pid}/task").iterdir() if pid else ():
            with contextlib.suppress(OSError):  # this one has
                waited_ns += int((thread / "schedstat").read_text().split()[1])
    return waited_ns / 1e6


def stolen_ms() -> Mapping[int, float]:
    """Of each processor that we, and so our children, may run on, since the machine began; none where the kernel does not say."""
    try:
        lines = STAT.read_text().splitlines()
    except OSError:
        return {}
    of_one = (line.removeprefix("cpu").split() for line in lines if line.startswith("cpu") and line[3:4].isdigit())
    by_number = {int(columns[0]): int(columns[STOLEN]) * MS_PER_TICK for columns in of_one if len(columns) > STOLEN}
    return {number: by_number[number] for number in by_number.keys() & os.sched_getaffinity(0)}
