"""`rig bench`: the order of a wake, as it is judged in every round."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from rig.bench import Bench
from rig.benchmarks import cycles
from rig.config import BenchConfig
from rig.timeline import Record


def judged(*events: str) -> bool:
    return cycles.in_order(Record(seq, seq, "app", event, {}) for seq, event in enumerate(events))


def test_only_one_order_of_the_four_is_right() -> None:
    right = [order for order in itertools.permutations(cycles.ORDER) if judged(*order)]
    assert right == [cycles.ORDER]


@pytest.mark.parametrize("missing", cycles.ORDER)
def test_none_of_them_may_be_missing(missing: str) -> None:
    assert not judged(*(event for event in cycles.ORDER if event != missing))


def test_a_second_read_after_run_began_is_the_next_one() -> None:
    assert judged(*cycles.ORDER, "READ_COMPLETE_ENTER")


def test_rounds_on_the_real_parts_are_in_order(tmp_path: Path) -> None:
    with Bench(BenchConfig(), tmp_path) as bench:
        assert cycles.run(bench, 3, lambda _: None).out_of_order == 0
