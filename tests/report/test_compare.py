"""What a report says of the run before."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rig import report
from rig.cli import build
from rig.report import compare
from rig.report.model import Run, load
from rig.report.retention import prune
from rig.results.record import Recorder


def write_run(reports: Path, name: str, verdicts: dict[str, str]) -> Path:
    """A run of tests that took a second each."""
    directory = reports / name
    directory.mkdir()
    recorder = Recorder(directory)
    recorder.add("run", rig="0.1.0")
    for id_, verdict in verdicts.items():
        recorder.add("test", id=id_, title="", requirements=["CCT-030"])
        recorder.add("attempt", id=id_, attempt=1, verdict=verdict, duration_s=1.0, phases=[], artefacts=[])
    recorder.add("end", exit=0)
    recorder.close()
    return directory


@pytest.fixture
def now(tmp_path: Path) -> Path:
    write_run(tmp_path, "20260101-100000-aaaa", {"a": "passed", "b": "failed", "c": "passed", "d": "skipped"})
    write_run(tmp_path, "20260101-110000-bbbb", {"x": "passed"})
    verdicts = {"a": "failed", "b": "passed", "c": "passed", "d": "passed", "e": "failed"}
    directory = write_run(tmp_path, "20260101-120000-cccc", verdicts)
    (tmp_path / "latest").symlink_to(directory.name)
    write_run(tmp_path, "20260101-130000-dddd", {"a": "passed"})
    return directory


def test_what_broke_and_what_was_mended_since_the_newest_run_with_a_test_in_common(now: Path) -> None:
    """Later runs, links, runs of other tests, skipped and new tests do not count."""
    since = compare.with_last(load(now))
    assert since is not None
    assert (since.before, since.broken, since.mended, since.shared) == ("20260101-100000-aaaa", ["a"], ["b"], 3)
    line = "since 20260101-100000-aaaa: 1 newly broken, 1 newly mended in 3 tests of both, 1.00 times the time"
    assert since.text == line
    assert report.draw(now).since == since
    assert line in (now / "report.html").read_text()
    assert line in (now / "report.md").read_text()


def test_a_run_in_the_terminal_reads_the_runs_before_it_once(now: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = []

    def reading(directory: Path) -> Run:
        read.append(directory.name)
        return load(directory)

    monkeypatch.setattr(compare, "load", reading)
    outcome = CliRunner().invoke(build(), ["report", str(now)])
    assert "1 newly broken" in outcome.output
    assert read == ["20260101-110000-bbbb", "20260101-100000-aaaa"]


def test_the_first_run_has_nothing_to_be_compared_with(tmp_path: Path) -> None:
    assert compare.with_last(load(write_run(tmp_path, "20260101-100000-aaaa", {"a": "passed"}))) is None


@pytest.mark.parametrize("record", [b"", b"garbage\n", b'{"kind":"attempt","at":1,"id":"a"}\n'])
def test_a_damaged_record_costs_the_comparison_only(tmp_path: Path, record: bytes) -> None:
    write_run(tmp_path, "20260101-100000-aaaa", {"a": "passed"})
    damaged = tmp_path / "20260101-110000-bbbb"
    damaged.mkdir()
    (damaged / "results.jsonl").write_bytes(record)
    since = compare.with_last(load(write_run(tmp_path, "20260101-120000-cccc", {"a": "failed"})))
    assert since is not None
    assert since.broken == ["a"]


def test_the_run_that_was_asked_for_is_not_deleted_behind_its_reports(now: Path) -> None:
    oldest = now.parent / "20260101-100000-aaaa"
    outcome = CliRunner().invoke(build(), ["report", str(oldest), "--keep", "1"])
    assert outcome.exit_code == 0, outcome.output
    assert (oldest / "report.html").is_file()
    assert "deleted 2 older runs" in outcome.output


def test_old_runs_are_deleted_when_asked_and_nothing_else_is(now: Path) -> None:
    reports = now.parent
    (reports / "mine").mkdir()
    going_on = reports / "20260101-090000-9999"
    going_on.mkdir()
    Recorder(going_on).close()
    outcome = CliRunner().invoke(build(), ["report", str(now), "--keep", "2"])
    assert outcome.exit_code == 0, outcome.output
    left = {"20260101-090000-9999", "20260101-120000-cccc", "20260101-130000-dddd", "latest", "mine"}
    assert {path.name for path in reports.iterdir()} == left
    assert "deleted 2 older runs: 20260101-110000-bbbb, 20260101-100000-aaaa" in outcome.output


def test_a_run_without_an_end_is_taken_for_over_after_a_day(now: Path) -> None:
    """It may be going on until then, a directory that a link names is somebody's own."""
    reports = now.parent
    for hours in (23, 25):
        killed = reports / f"20260101-08{hours}00-9999"
        killed.mkdir()
        Recorder(killed).close()
        at_s = time.time() - hours * 3600
        os.utime(killed / "results.jsonl", (at_s, at_s))
    (reports / "20260101-070000-9999").symlink_to(write_run(reports, "elsewhere", {"a": "passed"}))
    assert [path.name for path in prune(reports, 4)] == ["20260101-082500-9999"]
