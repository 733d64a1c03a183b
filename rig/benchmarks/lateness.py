"""What the machine itself adds to every timer: how late a sleep of a process that does nothing else ends.

Run as a program: `python -m rig.benchmarks.lateness SECONDS` prints the lateness of each sleep in ms, as a JSON list. With
the word "real-time" behind it, it is scheduled as such.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import nullcontext

from rig.benchmarks.real_time import real_time
from rig.children import DIE_WITH_PARENT

INTERVAL_S = 0.005


def lateness_ms(duration_s: float, *, in_real_time: bool) -> list[float]:
    """Measured in a process of its own, beside whatever else goes on; returns when it is over."""
    argv = [sys.executable, "-m", "rig.benchmarks.lateness", str(duration_s), *(["real-time"] if in_real_time else [])]
    command = [*DIE_WITH_PARENT, str(os.getpid()), *argv]
    late_ms: list[float] = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    return late_ms


def _measure(duration_s: float) -> list[float]:
    """Of sleeps until moments INTERVAL_S apart."""
    start_s = due_s = time.monotonic()
    late_ms = []
    while due_s < start_s + duration_s:
        due_s = max(due_s, time.monotonic()) + INTERVAL_S
        time.sleep(max(0.0, due_s - time.monotonic()))
        late_ms.append((time.monotonic() - due_s) * 1e3)
    return late_ms


if __name__ == "__main__":
    with real_time(os.getpid()) if "real-time" in sys.argv else nullcontext():
        print(json.dumps(_measure(float(sys.argv[1]))))
