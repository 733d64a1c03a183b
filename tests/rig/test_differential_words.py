"""What the differential test says to a person: of a number that is none, and first of what the device did wrong."""

from __future__ import annotations

import os
from pathlib import Path
from random import Random
from typing import Any

import pytest

from rig import cli
from rig.errors import UsageError
from rig.exit_codes import Exit
from rig.suite import test_differential
from rig.suite.differential.asked import limit_s
from rig.suite.differential.random_traffic import Traffic
from tests import forked
from tests.engine import test_differential as engines

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("number", ["many", "239", "9999999999999"])
def test_a_number_of_segments_that_is_none_is_said_with_its_fix(tmp_path: Path, number: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "RIG_SEGMENTS": number, "COLUMNS": "200"}
    words = ["run", "-n", "0", "--device", "native", "-k", "differential and texts"]
    done = forked.run(lambda: cli.main(words), tmp_path, environment, timeout=180)
    assert done.returncode == Exit.USAGE
    assert f"RIG-C28 RIG_SEGMENTS={number} is no number of random segments" in done.stdout
    assert "fix: a whole number, 240 to 10000000" in done.stdout


def test_the_engines_own_says_so_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RIG_SEGMENTS", "many")
    with pytest.raises(UsageError, match=r"RIG-C28 RIG_SEGMENTS=many is no number of random segments.*\n?.*1 to 10000000"):
        engines.test_every_segment_does_what_the_texts_say()
    assert limit_s(10_000, segments_per_s=200) == 60


def test_a_failure_begins_with_what_the_device_did_and_ends_with_how_to_see_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables of a run show its first line alone."""
    sleep = Traffic(Random("1"), virtual=False, strict=True).sleep(3, 9)
    guilty = sleep.segments[1]

    def differences(_: Any, part: Any) -> list[str]:
        return ["woke, TCP_DATA by segment 1"] if guilty in part.segments else []

    monkeypatch.setattr(test_differential, "differences", differences)
    door: Any = None
    first, second, *_, last = test_differential.failure(door, sleep, ["woke"], "7").splitlines()
    assert first == "the device woke, TCP_DATA by segment 1"
    assert second == f"1 of {len(sleep.segments)} segments fail alone:"
    assert last == "seed 7; the same again: RIG_SEED=7 rig run -k differential"
