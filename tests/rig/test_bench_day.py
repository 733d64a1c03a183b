"""`rig bench --hours`: what it counts, and an hour of it on the real parts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rig.bench import Bench
from rig.benchmarks import day
from rig.commands.bench_day import table
from rig.timeline import Record


def test_an_hour_passes_and_every_message_arrives_once(tmp_path: Path) -> None:
    hours: list[int] = []
    with Bench(day.config("native"), tmp_path) as bench:
        lived = day.run(bench, 1, hours.append)
    assert (lived.lost_or_doubled, lived.runs_for_nothing) == (0, 0)
    assert lived.pushed == round(day.PUSHES_AN_HOUR)
    assert lived.runs["push"] >= 1
    assert lived.nat_forgot == 1
    assert lived.connections >= len(day.INTERVALS_MIN)
    assert 0 < lived.awake_ms < lived.wall_s * 1000
    assert any(why.endswith("push tasks") for why in lived.held_ms)
    assert hours[-1] == 1
    assert "every message once and in order" in table("native", lived)


@pytest.mark.parametrize(
    ("got", "wrong"),
    [([b"1", b"2", b"3"], 0), ([b"1", b"2"], 1), ([b"1", b"2", b"2", b"3"], 2), ([b"2", b"1", b"3"], 2), ([], 3)],
    ids=["all", "lost", "doubled", "out of order", "none"],
)
def test_what_is_lost_doubled_or_out_of_order_counts(got: list[bytes], wrong: int) -> None:
    assert day._differences([b"1", b"2", b"3"], got) == wrong


def record(at_ms: float, event: str, **detail: Any) -> Record:
    return Record(0, round(at_ms * 1e6), "host", event, detail)


def test_time_awake_is_between_a_wake_and_the_next_sleep() -> None:
    woken = [record(5, "SLEEP_EXIT"), record(8, "SLEEP_ENTER"), record(20, "SLEEP_EXIT"), record(21, "SLEEP_ENTER")]
    assert day.awake_ms(woken) == pytest.approx(4)
    assert day.awake_ms(woken[:1]) == 0


def test_holds_add_up_by_what_they_were_for() -> None:
    reasons = ("task box-15-push, instance 7", "task box-20-push, instance 9", "the completion of a read")
    held = day._held_ms([record(0, "HELD", holder="app/1", reason=reason, held_ms=1.5) for reason in reasons])
    assert held == {"push tasks": 3.0, "the completion of a read": 1.5}
