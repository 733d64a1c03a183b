"""A run in workers (-n) beside the same run without: record, verdicts, exit codes, what is left when one is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from rig.clock import Deadline

from .conftest import Run

MARK = "RIG_TEST_PARALLEL_RUN"
PATIENCE_S = 120
"""With a pytest of its own, and its workers."""

EVERY_VERDICT = """
import pathlib, pytest, sys
Bench = sys.modules["rig.bench"].Bench

@pytest.fixture
def first_fails(request):
    seen = pathlib.Path(request.node.name)
    Bench.fail_setups = 0 if seen.exists() else 1
    seen.touch()

@pytest.fixture
def always_fails():
    Bench.fail_setups = 1

@pytest.mark.requirement("CCT-030")
@pytest.mark.parametrize("number", range(5))
def test_good(bench, number):
    "A title."

def test_bad(bench): assert 1 == 2
def test_not_here(bench): pytest.skip("no such thing")
def test_flaky(first_fails, bench): pass
def test_broken(always_fails, bench): pass
def test_of_another_kind(): pass
"""


def attempts(lines: list[dict[str, Any]]) -> Counter[tuple[Any, ...]]:
    """What is the same in every run: not when, how long, and in which order."""
    return Counter(
        (line["id"], line["attempt"], line["verdict"], line["device"], line["topology"], tuple(map(phase, line["phases"])))
        for line in lines
        if line["kind"] == "attempt"
    )


def phase(found: dict[str, Any]) -> tuple[Any, ...]:
    return found["name"], found["verdict"], found.get("error"), found.get("at")


def words(lines: list[dict[str, Any]]) -> list[str]:
    return sorted(
        f"{line['id'].partition('::')[2]} {line['attempt']} {line['verdict']}" for line in lines if line["kind"] == "attempt"
    )


def test_workers_write_the_record_of_a_run_without_them(run_rig: Run, run_dir: Path) -> None:
    code, alone = run_rig(EVERY_VERDICT)
    for seen in run_dir.parents[1].glob("test_*[[]*"):
        seen.unlink()
    again, beside = run_rig(EVERY_VERDICT, "-n", "3")
    assert (code, again) == (1, 1)
    assert attempts(alone) == attempts(beside)
    tests = [[line["id"], line["title"], line["requirements"]] for line in alone if line["kind"] == "test"]
    assert tests == [[line["id"], line["title"], line["requirements"]] for line in beside if line["kind"] == "test"]
    assert [line["kind"] for line in beside if line["kind"] in ("run", "end")] == ["run", "end"]
    assert {"report.html", "report.md", "junit.xml", "requirements.jsonl"} <= {path.name for path in run_dir.iterdir()}
    assert len(list((run_dir.parent).glob("2*"))) == 2, "one directory a run"


@pytest.mark.parametrize(
    ("source", "options", "expected"),
    [
        ("def test_a(bench): pass\ndef test_b(bench): pass\n", [], 0),
        ("import pytest\ndef test_a(bench): pytest.skip('no')\ndef test_b(bench): pytest.skip('no')\n", [], 5),
        ("import pytest\ndef test_a(bench): pytest.skip('no')\ndef test_other(): pass\n", [], 0),
        ("import pytest\ndef test_a(bench): pytest.skip('no')\ndef test_other(): assert False\n", [], 1),
        ('import sys\nsys.modules["rig.bench"].Bench.fail_setups = 9\ndef test_a(bench): pass\n', [], 6),
        ("import pytest\n@pytest.mark.bench_config(nonsense=1)\ndef test_a(bench): pass\n", [], 4),
        ("import pytest\n@pytest.mark.requirement('ABC-1')\ndef test_a(bench): pass\n", [], 4),
        ("def test_a(bench): pass\n", ["-k", "nothing"], 5),
        ("def test_a(bench: pass\n", [], 2),
    ],
)
def test_exit_codes_are_those_of_a_run_without_workers(run_rig: Run, source: str, options: list[str], expected: int) -> None:
    assert run_rig(source, *options, "-n", "2")[0] == expected


KILLED = """
import os, pathlib, pytest, signal

@pytest.mark.parametrize("number", range(6))
def test_one(bench, number):
    if number == 2 and (not pathlib.Path("killed").exists() or pathlib.Path("always").exists()):
        pathlib.Path("killed").touch()
        os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_worker_that_dies_is_a_bench_error_of_its_test(run_rig: Run, run_dir: Path) -> None:
    others = [f"test_one[native-flat-{number}] 1 passed" for number in (0, 1, 3, 4, 5)]
    code, lines = run_rig(KILLED, "-n", "2")
    assert words(lines) == sorted([*others, "test_one[native-flat-2] 1 bench error", "test_one[native-flat-2] 2 passed"])
    assert code == 0
    (died,) = (line for line in lines if line.get("verdict") == "bench error")
    assert died["phases"][0]["error"].startswith("RIG-R15 the worker that ran this test died")
    assert [Path(path).name for path in died["artefacts"]] == ["serial.log", "timeline.jsonl"]
    (run_dir.parents[1] / "killed").unlink()
    assert run_rig(KILLED, "-n", "2", "--rig-strict", "--dist=loadscope")[0] == 7


def test_a_test_that_kills_each_worker_is_exit_6(run_rig: Run, fake_bench: pytest.Pytester) -> None:
    (fake_bench.path / "always").touch()
    code, lines = run_rig(KILLED, "-n", "2")
    others = [f"test_one[native-flat-{number}] 1 passed" for number in (0, 1, 3, 4, 5)]
    assert words(lines) == sorted([*others, *(f"test_one[native-flat-2] {number} bench error" for number in (1, 2))])
    assert code == 6


@pytest.mark.parametrize("options", [[], ["--rig-device=native"], ["--dist=loadscope"]])
def test_without_a_record_a_worker_that_dies_costs_one_repetition_too(fake_bench: pytest.Pytester, options: list[str]) -> None:
    fake_bench.makepyfile(test_it=KILLED)
    done = fake_bench.runpytest_subprocess("-n", "2", *options)
    assert done.ret == 0
    done.assert_outcomes(passed=6)


@pytest.mark.parametrize("source", [KILLED, KILLED.replace("bench, ", "")], ids=["with a bench", "without"])
def test_without_a_record_a_test_that_kills_each_worker_fails(fake_bench: pytest.Pytester, source: str) -> None:
    (fake_bench.path / "always").touch()
    fake_bench.makepyfile(test_it=source)
    done = fake_bench.runpytest_subprocess("-n", "2")
    assert done.ret == 1
    done.assert_outcomes(passed=5, failed=1)
    assert ("RIG-R15 the worker that ran this test died" in done.stdout.str()) is ("bench" in source)


def test_x_starts_no_test_after_one_that_failed(run_rig: Run) -> None:
    """None of the others is so quick that many of them are over before the one that fails has begun."""
    source = "import pytest, time\n@pytest.mark.parametrize('number', range(60))\ndef test_one(bench, number):\n"
    source += "    assert number != 1\n    time.sleep(0.3 * (number > 1))\n"
    code, lines = run_rig(source, "-n", "2", "-x", "--maxschedchunk=1")
    assert code == 1
    found = words(lines)
    assert "test_one[native-flat-1] 1 failed" in found
    assert len(found) < 20


ALONE = """
import os, pytest, time

def step(what, number):
    fd = os.open("steps", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(fd, f"{what} {number}\\n".encode())
    os.close(fd)

@pytest.mark.parametrize("number", [pytest.param(n, marks=[pytest.mark.alone] if n < 3 else []) for n in range(9)])
def test_one(bench, number):
    step("begins", number)
    time.sleep(0.1)
    step("ends", number)
"""


@pytest.mark.parametrize("reports", [True, False])
def test_one_marked_alone_runs_beside_none(fake_bench: pytest.Pytester, reports: bool) -> None:
    fake_bench.makepyfile(test_it=ALONE)
    options = ["--rig-reports=reports"] if reports else []
    assert fake_bench.runpytest_subprocess("-n", "3", *options).ret == 0
    steps = [step.split() for step in (fake_bench.path / "steps").read_text().splitlines()]
    assert sorted(number for what, number in steps if what == "ends") == list("012345678")
    assert steps[0][1] not in "012", "they come last"
    for place, (what, number) in enumerate(steps):
        if number in "012" and what == "begins":
            assert steps[place + 1] == ["ends", number]


def test_a_board_is_not_for_workers(run_rig: Run, capfd: pytest.CaptureFixture[str]) -> None:
    assert run_rig("def test_a(bench): pass\n", "--device=native", "--device=board:/dev/ttyACM0", "-n", "2") == (4, [])
    assert "RIG-C16 board:/dev/ttyACM0 is one board" in "".join(capfd.readouterr())


ENDLESS = """
import pathlib, pytest, time

@pytest.mark.parametrize("number", range(6))
def test_one(bench, number):
    pathlib.Path(f"running-{number}").touch()
    time.sleep(100)
"""


def start(folder: pytest.Pytester) -> subprocess.Popen[bytes]:
    """A run in which two workers are in the middle of a test."""
    folder.makepyfile(test_it=ENDLESS)
    command = [sys.executable, "-m", "pytest", "-n", "2", "--rig-reports=reports", "-p", "no:cacheprovider", "--basetemp=tmp"]
    environment = {**os.environ, MARK: str(folder.path)}
    run = subprocess.Popen(command, cwd=folder.path, env=environment, stdout=subprocess.DEVNULL, start_new_session=True)
    deadline = Deadline(PATIENCE_S)
    while len(list(folder.path.glob("running-*"))) < 2:
        assert not deadline.expired
        assert run.poll() is None
        time.sleep(0.02)
    return run


def processes_of(mark: Path) -> set[int]:
    found = set()
    for entry in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"{MARK}={mark}".encode() in entry.read_bytes().split(b"\0"):
                found.add(int(entry.parts[2]))
        except OSError:
            continue
    return found


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("to_all", [False, True], ids=["to the controller", "to all"])
def test_a_signal_tears_all_benches_down_and_draws_the_reports(
    fake_bench: pytest.Pytester, number: signal.Signals, to_all: bool
) -> None:
    run = start(fake_bench)
    (os.killpg if to_all else os.kill)(run.pid, number)
    assert run.wait(PATIENCE_S) == 2
    assert not processes_of(fake_bench.path)
    (run_dir,) = (fake_bench.path / "reports").glob("2*")
    lines = [json.loads(line) for line in (run_dir / "results.jsonl").read_text().splitlines()]
    assert lines[-1]["exit"] == 2
    assert Counter(line["verdict"] for line in lines if line["kind"] == "attempt") == {"not run": 2}
    timelines = [path.read_text() for path in run_dir.rglob("timeline.jsonl")]
    assert len(timelines) == 2
    assert all("CLOSED" in text for text in timelines)
    assert (run_dir / "report.html").exists()


def test_workers_die_with_a_controller_that_is_killed(fake_bench: pytest.Pytester) -> None:
    run = start(fake_bench)
    run.kill()
    run.wait()
    deadline = Deadline(PATIENCE_S)
    while processes_of(fake_bench.path):
        assert not deadline.expired
        time.sleep(0.02)
