"""The system dies at random moments and is started anew; `rig bench --kills` does the same a thousand times."""

from __future__ import annotations

from pathlib import Path

from rig.bench import Bench
from rig.benchmarks import kills
from rig.config import BenchConfig

KILLS = 25


def test_no_byte_is_lost_when_the_system_is_killed_at_random_moments(tmp_path: Path) -> None:
    with Bench(BenchConfig(), tmp_path) as bench:
        killed = kills.run(bench, KILLS, lambda _number: None)
        assert sum(killed.kills.values()) == KILLS
        assert killed.delivered_once_in_order
        assert killed.slots_left == 0
        assert not bench.timeline.find("SERVICE_FAULT")
