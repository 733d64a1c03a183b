"""Where the processes of a test's host stood when it failed: processes.txt, a line for each of their threads.

A host that does nothing any more writes nothing either. What there is to see then is whether something was stopped (state T),
waited (S, D) and in which function of the kernel, or wanted a processor and got none (R). No line at all: the host is gone.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from tabulate import tabulate

from rig.printable import printable
from rig.process_tree import GONE, Outer, cpu_ticks, pid_inside, tree

FILE = "processes.txt"
COLUMNS = "pid", "in the host", "thread", "name", "state", "waits in", "cpu ticks"
"""Pid: as `Outer`. In the host: as its own PID namespace calls it. State and waits in: proc_pid_stat(5), proc_pid_wchan(5). Cpu
ticks: what the process has used, the same for each of its threads."""


def write(supervisor: int, folder: Path) -> None:
    """Of the whole host. Raises OSError."""
    rows = [row for process in tree([Outer(supervisor)]) for row in _threads(process)]
    (folder / FILE).write_text(tabulate(rows, COLUMNS, tablefmt="plain", disable_numparse=True) + "\n", "utf-8")


def _threads(process: Outer) -> Iterator[tuple[object, ...]]:
    inside, ticks = pid_inside(process), cpu_ticks(process)
    with contextlib.suppress(*GONE):
        for task in sorted(Path(f"/proc/{process}/task").iterdir()):
            with contextlib.suppress(*GONE):
                name, _, rest = (task / "stat").read_text(errors="replace").partition("(")[2].rpartition(")")
                yield process, inside, task.name, printable(name), rest.split()[0], _waits_in(task), ticks


def _waits_in(task: Path) -> str:
    """Nothing where the kernel does not say."""
    try:
        return (task / "wchan").read_text()
    except OSError:
        return ""
