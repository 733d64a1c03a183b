"""Where the processes of a test's host stood when it failed: processes.txt, a line for each of their threads.

A host that does nothing any more writes nothing either. Whether something was stopped (T), waited and in which function of the
kernel (S, D), or wanted a processor and got none (R) is then what there is to see.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from tabulate import tabulate

from rig.process_tree import GONE, Outer, cpu_ticks, pid_inside, tree

FILE = "processes.txt"
COLUMNS = "pid", "in the host", "thread", "name", "state", "waits in", "cpu ticks"
"""As `Outer`, and as its own PID namespace calls it; wchan of proc_pid_wchan(5); of the process, in clock ticks."""


def write(supervisor: int, folder: Path) -> None:
    """Of the whole host. Raises OSError."""
    rows = [row for process in tree([Outer(supervisor)]) for row in _threads(process)]
    (folder / FILE).write_text(tabulate(rows, COLUMNS, tablefmt="plain", disable_numparse=True) + "\n")


def _threads(process: Outer) -> Iterator[tuple[object, ...]]:
    inside, ticks = pid_inside(process), cpu_ticks(process)
    with contextlib.suppress(*GONE):
        for task in sorted(Path(f"/proc/{process}/task").iterdir()):
            name, _, rest = (task / "stat").read_text().partition("(")[2].rpartition(")")
            yield process, inside, task.name, name, rest.split()[0], _word(task / "wchan"), ticks


def _word(file: Path) -> str:
    """Nothing where the kernel does not say."""
    try:
        return file.read_text()
    except OSError:
        return ""
