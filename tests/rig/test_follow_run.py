"""`rig monitor --run`: what a run does, from the files that it writes, while it goes on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rig.children import DIE_WITH_PARENT
from rig.commands.following import follow
from rig.net import userns
from rig.timeline import Timeline

WAIT_S = 120
"""For what takes five seconds on a machine that does nothing else."""


def begin(reports: Path, name: str = "one") -> Path:
    run = reports / name
    (run / "tests" / "test-a").mkdir(parents=True)
    (run / "results.jsonl").write_text('{"kind": "run"}\n')
    (reports / "latest").unlink(missing_ok=True)
    (reports / "latest").symlink_to(name)
    return run


def add(run: Path, **line: object) -> None:
    with (run / "results.jsonl").open("a") as file:
        file.write(json.dumps(line) + "\n")


def wake_in(run: Path) -> None:
    timeline = Timeline(run / "tests" / "test-a" / "timeline.jsonl")
    timeline.add("NIC_WAKE", reason="MAGIC")
    timeline.close()


def test_it_shows_what_comes_and_ends_with_the_run(tmp_path: Path) -> None:
    run = begin(tmp_path)
    timeline = Timeline(run / "tests" / "test-a" / "timeline.jsonl")
    timeline.add("NIC_WAKE", reason="MAGIC", data="00" * 400)
    timeline.add("FRAME", bytes=60)
    seen: list[str] = []

    def show(line: str) -> None:
        seen.append(line)
        if "NIC_WAKE" in line:  # what is written while it looks comes too
            later = Timeline(run / "tests" / "test-a" / "other.jsonl")
            later.close()
            timeline.add("SLEEP_EXIT", cause="wake")
        if "SLEEP_EXIT" in line:
            add(run, kind="attempt", id="test_a[native-flat]", verdict="passed")
            add(run, kind="end", exit=0)

    follow(tmp_path, show, 30)
    assert seen[:2] == [f"following {run}", "--- test-a"]
    assert "rig        NIC_WAKE reason=MAGIC data=000" in seen[2]
    assert "... (800 characters)" in seen[2]
    assert "SLEEP_EXIT cause=wake" in seen[3]
    assert seen[4:] == ["=== passed: test_a[native-flat]", "=== the run has ended, exit code 0"]
    timeline.close()


def test_what_is_no_record_is_passed_over(tmp_path: Path) -> None:
    """JSON that is no object, and brackets without an end."""
    run = begin(tmp_path)
    with (run / "results.jsonl").open("a") as results, (run / "tests" / "test-a" / "timeline.jsonl").open("a") as timeline:
        for file in (results, timeline):
            file.write("5\n[1]\nnull\n" + "[" * 100_000 + "\n")
        timeline.write('{"t": "noon", "src": "host", "ev": "SLEEP_ENTER"}\n')
    seen: list[str] = []

    def show(line: str) -> None:
        seen.append(line)
        if "SLEEP_ENTER" in line:
            add(run, kind="end", exit=0)

    follow(tmp_path, show, WAIT_S)
    assert seen[1] == "--- test-a"
    assert seen[3] == "=== the run has ended, exit code 0"


def test_a_devices_text_is_no_command_for_the_terminal(tmp_path: Path) -> None:
    timeline = Timeline(begin(tmp_path) / "tests" / "test-a" / "timeline.jsonl")
    timeline.add("SERIAL_LOG", line="\x1b[2J\x9bgone\n")
    timeline.close()
    seen: list[str] = []

    def show(line: str) -> None:
        seen.append(line)
        if "SERIAL_LOG" in line:
            add(tmp_path / "one", kind="end", exit=0)

    follow(tmp_path, show, WAIT_S)
    assert seen[2].endswith(r"SERIAL_LOG line=\x1b[2J\x9bgone\n")


def test_a_run_that_has_ended_is_not_followed(tmp_path: Path) -> None:
    add(begin(tmp_path), kind="end", exit=0)
    seen: list[str] = []

    def show(line: str) -> None:
        seen.append(line)
        if "waiting" in line:
            wake_in(begin(tmp_path, "two"))
        if "NIC_WAKE" in line:
            add(tmp_path / "two", kind="end", exit=0)

    follow(tmp_path, show, WAIT_S)
    assert seen[:2] == [f"no run goes on in {tmp_path}: waiting for one to begin", f"following {tmp_path / 'two'}"]


@pytest.mark.skipif(not userns.privileged(), reason="needs network namespaces")
def test_a_real_run_is_watched_by_a_second_process(tmp_path: Path) -> None:
    rig, reports = [*DIE_WITH_PARENT, str(os.getpid()), sys.executable, "-m", "rig"], str(tmp_path)
    with subprocess.Popen([*rig, "monitor", "--run", "--reports", reports], stdout=subprocess.PIPE, text=True) as watch:
        assert watch.stdout is not None
        waits = watch.stdout.readline()  # who comes late finds a run that has ended, and waits for the next
        try:
            run = subprocess.run(
                [*rig, "run", "-k", "test_an_app_killed_while_the_host_sleeps", "--device", "native", "--reports", reports],
                check=False, capture_output=True, timeout=WAIT_S,
            )  # fmt: skip
            out, _ = watch.communicate(timeout=WAIT_S)
        finally:
            watch.kill()
    assert waits.startswith("no run goes on in ")
    assert (run.returncode, watch.returncode) == (0, 0)
    for wanted in ("SLEEP_ENTER", "NIC_WAKE reason=", "=== passed: ", "=== the run has ended, exit code 0"):
        assert wanted in out
