"""The wakes that rig bench measures beside a busy system are wakes, and the system is busy."""

from __future__ import annotations

from pathlib import Path

import pytest

from rig.bench import Bench
from rig.benchmarks import busy
from rig.clock import Deadline
from rig.config import BenchConfig
from rig.net import userns

pytestmark = pytest.mark.skipif(not userns.privileged(), reason="needs namespaces")

CALLS = 200


def times_woken(pid: int) -> int:
    """The system sleeps between two calls of one thread."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("voluntary_ctxt_switches"))


def test_the_app_wakes_as_often_as_it_is_pushed_to_and_calls_the_system_all_the_while(tmp_path: Path) -> None:
    with Bench(BenchConfig(), tmp_path) as bench:
        cycles = busy.run(bench, 3, lambda _: None)
        assert (len(cycles.wake_latency_ms), cycles.delivered_once_in_order, cycles.out_of_order) == (3, True, 0)
        before, deadline = times_woken(bench.host.pid), Deadline(10)
        while times_woken(bench.host.pid) < before + CALLS:
            assert not deadline.expired, "the system sleeps"
