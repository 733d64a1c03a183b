"""Background tasks: from the trigger to the first line of Run, and what a host with many apps costs.

A start counts from the record of the event that fires the task to RUN_ENTER. One start after another, on a host that is awake:
for a run in a process of its own one waits that has everything imported, a run in the app's process needs none.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rig.bench import Bench
from rig.process_tree import Outer, cpu_ticks
from rig.standby.wire.task_enums import SystemTriggerType

APP = "rig.benchmarks.task_app:TaskApp"
EVENTS = {True: SystemTriggerType.SMS_RECEIVED, False: SystemTriggerType.DEFAULT_SIGN_IN_ACCOUNT_CHANGE}
"""Out of process, in process: each event fires one task."""
TIMEOUT_S = 10.0
WARM_S = 0.05
"""Between two starts: the process for the next one is forked when the last one is in nobody's way any more."""
APPS, TASKS_EACH = 50, 4
FAR_OFF_MINUTES = 1440 * 7
"""Timers that do not end while the host is looked at."""
IDLE_S = 5.0
"""How long a host with nothing to do is looked at."""


@dataclass(frozen=True)
class Crowd:
    """A host with `APPS` apps and `TASKS_EACH` registrations each."""

    system_mib: float
    """Resident, what it shares with the process that it was forked from included."""
    idle_cpu_percent: float
    """Of one processor."""


def starts(bench: Bench, rounds: int, out_of_process: bool, progress: Callable[[int], None]) -> list[float]:
    """One time for each round, ms. Raises TimelineTimeout when a task does not start, or does not end."""
    app = bench.host.start_app(f"tasks-{out_of_process}", APP)
    event, name = EVENTS[out_of_process], "nothing"
    app.call("register", name=name, event=int(event), out_of_process=out_of_process)
    times_ms = []
    for number in range(rounds):
        after = bench.timeline.mark()
        bench.host.levers.event(event)
        fired = bench.timeline.wait("LEVER", after=after, timeout_s=TIMEOUT_S)
        ran = bench.timeline.wait("RUN_ENTER", task=name, after=after, timeout_s=TIMEOUT_S)
        bench.timeline.wait("TASK_END", task=name, after=ran.seq, timeout_s=TIMEOUT_S)
        times_ms.append((ran.t_ns - fired.t_ns) / 1e6)
        time.sleep(WARM_S)  # no effect is waited for: the next start is a warm one, too
        progress(number + 1)
    return times_ms


def crowd(bench: Bench, progress: Callable[[int], None]) -> Crowd:
    """On a fresh bench."""
    for number in range(APPS):
        app = bench.host.start_app(f"crowd-{number}", APP)
        app.call("register_timers", count=TASKS_EACH, minutes=FAR_OFF_MINUTES)
        progress(number + 1)
    before_s, began_s = _cpu_s(bench.host.pid), time.monotonic()
    time.sleep(IDLE_S)  # what is measured: nothing happens meanwhile
    percent = 100 * (_cpu_s(bench.host.pid) - before_s) / (time.monotonic() - began_s)
    return Crowd(resident_mib(bench.host.pid), percent)


def _cpu_s(pid: int) -> float:
    """User and system time."""
    return cpu_ticks(Outer(pid)) / os.sysconf("SC_CLK_TCK")


def resident_mib(pid: int) -> float:
    """Of a process, what it shares with others included."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024
