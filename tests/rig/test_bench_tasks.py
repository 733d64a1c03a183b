"""`rig bench --tasks`: starts of tasks on the real parts."""

from __future__ import annotations

from pathlib import Path

import pytest

from rig.bench import Bench
from rig.benchmarks import tasks
from rig.config import BenchConfig


@pytest.mark.parametrize("out_of_process", [True, False], ids=["out-of-process", "in-process"])
def test_each_round_is_one_start_of_one_task(tmp_path: Path, out_of_process: bool) -> None:
    with Bench(BenchConfig(), tmp_path) as bench:
        times_ms = tasks.starts(bench, 3, out_of_process, lambda _: None)
        ran = bench.timeline.find("RUN_ENTER")
        hosts = bench.timeline.find("TASK_HOST_START")
    assert len(times_ms) == len(ran) == 3
    assert min(times_ms) > 0
    assert len(hosts) == (3 if out_of_process else 0)
