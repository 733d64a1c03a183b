"""`rig bench --hours --websockets`: an hour of it on the real parts, and what is right of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from rig.bench import Bench
from rig.benchmarks.keep_alive_day import CHANNELS, WAYS, KeptAlive, Way, config, run
from rig.commands.bench_keep_alive_day import table


@pytest.mark.parametrize("way", [way for way in WAYS if way.offloaded == way.secure], ids=lambda way: way.name)
def test_the_device_wakes_nobody_for_keep_alives_that_the_task_wakes_for(tmp_path: Path, way: Way) -> None:
    hours: list[int] = []
    with Bench(config("native"), tmp_path) as bench:
        lived = run(bench, way, 1, hours.append)
    assert lived.right, lived
    assert lived.frames >= 2 * CHANNELS
    assert (lived.wakes == 0) == way.offloaded
    assert hours == [1]
    assert "no keep-alive missed" in table("native", [lived])


def test_a_channel_that_is_broken_or_missed_keep_alives_is_said() -> None:
    good = KeptAlive("plain", 24, 96, {}, 96, 1536, 96, 10.0, 0)
    assert good.right
    assert good.wakes_a_day == 96.0
    for bad in (replace(good, broken=1), replace(good, fewest_frames=90)):
        assert not bad.right
        assert "BROKEN" in table("native", [bad])
