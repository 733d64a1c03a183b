"""`rig bench --push`: a few sleeps on the real parts."""

from __future__ import annotations

from pathlib import Path

import pytest

from rig.bench import Bench
from rig.benchmarks import raw_push
from rig.benchmarks.raw_push import A_SLEEP, PushFigures
from rig.config import BenchConfig


def test_each_sleep_begins_with_a_wake_and_every_notification_has_its_fate(tmp_path: Path) -> None:
    with Bench(BenchConfig(), tmp_path) as bench:
        found = raw_push.run(bench, 2 * A_SLEEP, lambda _: None)
        wakes = bench.timeline.find("NIC_WAKE", app="push client")
    assert found.right
    assert (found.sleeps, found.dropped) == (2, 2 * A_SLEEP // raw_push.DROPPED_EACH)
    assert len(wakes) >= 2
    assert {where: len(times) for where, times in found.ms.items()} == {"in_process": 1, "out_of_process": 1}


@pytest.mark.parametrize(
    ("got", "dropped"),
    [(["1"], 1), (["1", "2", "2"], 1), (["2", "1"], 1), (["1", "2"], 0)],
    ids=["lost", "doubled", "out of order", "not dropped"],
)
def test_what_is_wrong_is_found(got: list[str], dropped: int) -> None:
    sent = {"inside": ["1", "2"], "deaf": ["9"]}
    assert PushFigures(sent=sent, got={"inside": ["1", "2"]}, dropped=1).right
    assert not PushFigures(sent=sent, got={"inside": got}, dropped=dropped).right
