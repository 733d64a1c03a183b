"""A run whose files find no room ends with one error, exit code 6, and what was recorded stays readable."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rig import room

SOURCE = """
import pytest

@pytest.mark.parametrize("n", range(5))
def test_one(bench, n): pass
"""

FULL_AFTER_TWO = """
from rig import room
from rig.results.record import Recorder

calls = []
real = Recorder.add

def add(self, kind, **fields):
    calls.append(kind)
    if calls.count("attempt") > 2:
        raise OSError(28, "No space left on device")
    real(self, kind, **fields)

Recorder.add = add
"""


@pytest.mark.parametrize("workers", [[], ["-n", "1"]], ids=["here", "in a worker"])
def test_a_nearly_full_disk_ends_the_run_while_reports_can_be_drawn(fake_bench: pytest.Pytester, workers: list[str]) -> None:
    less = "\nfrom rig import room\nleft = iter([1 << 30] * 3)\n"
    fake = "room.lack = lambda path: None if next(left, 0) else room.no_room(path, '7 KiB are left')\n"
    fake_bench.makeconftest((fake_bench.path / "conftest.py").read_text() + less + fake)
    fake_bench.makepyfile(test_it=SOURCE)
    result = fake_bench.runpytest_subprocess("--rig-reports=reports", *workers)
    assert result.ret == 6
    text = result.stdout.str() + result.stderr.str()
    assert text.count("Traceback") == 0
    assert "RIG-R14 no room for this run's files in " in text
    assert "7 KiB are left" in text
    run_dir = fake_bench.path / "reports" / "latest"
    lines = [json.loads(line) for line in (run_dir / "results.jsonl").read_text().splitlines()]
    assert [line["kind"] for line in lines].count("attempt") == 3
    assert lines[-1]["exit"] == 6
    assert (run_dir / "report.html").is_file()


@pytest.mark.parametrize(("workers", "lines"), [([], 1 + 5 + 2), (["-n", "1"], 1 + 5 + 2 + 1)], ids=["here", "in a worker"])
def test_a_record_that_takes_no_more_ends_the_run_with_one_error(
    fake_bench: pytest.Pytester, workers: list[str], lines: int
) -> None:
    """Where workers write, the process that writes the last line still finds room here."""
    fake_bench.makeconftest((fake_bench.path / "conftest.py").read_text() + FULL_AFTER_TWO)
    fake_bench.makepyfile(test_it=SOURCE)
    result = fake_bench.runpytest_subprocess("--rig-reports=reports", *workers)
    assert result.ret == 6
    text = result.stdout.str() + result.stderr.str()
    assert text.count("Traceback") == 0
    assert "No space left on device" in text
    record = (fake_bench.path / "reports" / "latest" / "results.jsonl").read_text()
    assert len(record.splitlines()) == lines, "facts, tests, attempts, end"


def test_room_is_what_the_file_system_has_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert room.lack(tmp_path) is None
    monkeypatch.setattr(room, "RESERVE_BYTES", 1 << 62)
    assert "RIG-R14" in str(room.lack(tmp_path))


def test_what_led_to_an_error_counts() -> None:
    def wrapped() -> None:
        try:
            raise OSError(122, "Disk quota exceeded")
        except OSError as error:
            raise RuntimeError("no timeline") from error

    with pytest.raises(RuntimeError) as caught:
        wrapped()
    assert room.out_of_room(caught.value) is not None
    assert room.out_of_room(OSError(13, "Permission denied")) is None
