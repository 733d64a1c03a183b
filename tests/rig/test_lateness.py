"""The sleeping process beside a benchmark says nothing of its own when the benchmark is ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rig.clock import Deadline

PROGRAM = """
import signal
from rig.benchmarks.lateness import lateness_ms
signal.signal(signal.SIGINT, lambda *_: exit(2))
lateness_ms(1, in_real_time=False)
"""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_an_ended_benchmark_is_silent(how: signal.Signals) -> None:
    """Ctrl-C goes to both; after a kill nobody reads the measurement any more."""
    command = [sys.executable, "-c", PROGRAM]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True) as benchmark:
        deadline = Deadline(60)
        while not sleeps_of(benchmark.pid):
            assert not deadline.expired
            time.sleep(0.01)
        if how is signal.SIGINT:
            os.killpg(benchmark.pid, how)
        else:
            benchmark.kill()
        _, err = benchmark.communicate(timeout=60)
    assert err == ""


def sleeps_of(pid: int) -> bool:
    """Whether the process has a child that has begun to measure: it sleeps in a timer."""
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        try:
            words = Path(f"/proc/{child}/cmdline").read_bytes()
            if b"rig.benchmarks.lateness" in words and "nanosleep" in Path(f"/proc/{child}/wchan").read_text():
                return True
        except OSError:
            continue
    return False
