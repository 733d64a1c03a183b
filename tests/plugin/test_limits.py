"""Limits, interruption, and being no burden to other people's pytest."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from .conftest import Run

HANG_S = 600
HANG = f"import threading; threading.Event().wait({HANG_S})"
READY = "import os; os.mkdir('ready')"
"""No open(): what a signal raises while a file that nobody keeps is closed, Python only warns of."""
LIMIT_S = 1.5
"""Of each phase, also of those that are over at once, on a machine that stalls too."""
PATIENCE_S = 120
"""With a pytest of its own: it starts in a second, and in twenty where thirty others compute."""


def test_hang_in_the_call_fails(run_rig: Run) -> None:
    started_s = time.monotonic()
    code, lines = run_rig(f"import pytest\n@pytest.mark.limit_s({LIMIT_S})\ndef test_one(bench):\n    {HANG}\n")
    assert code == 1
    attempt = next(line for line in lines if line["kind"] == "attempt")
    assert attempt["phases"][1]["error"].startswith(f"RIG-R02 the test did not end within {LIMIT_S} s")
    assert time.monotonic() - started_s < HANG_S / 2


@pytest.mark.parametrize(("before", "after", "phase"), [(HANG, "pass", "set-up"), ("pass", HANG, "teardown")])
def test_hang_around_the_call_is_a_bench_error_each_time(run_rig: Run, before: str, after: str, phase: str) -> None:
    code, lines = run_rig(
        f"import pytest\n@pytest.fixture\ndef slow(bench):\n    {before}\n    yield\n    {after}\n"
        f"@pytest.mark.limit_s({LIMIT_S})\ndef test_one(slow): pass\n"
    )
    found = [line for line in lines if line["kind"] == "attempt"]
    assert [line["verdict"] for line in found] == ["bench error", "bench error"]
    assert all(f"RIG-R02 {phase}" in json.dumps(line) for line in found)
    assert code == 6


OTHER_LIMIT = """
import signal
import pytest

@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    "What pytest-timeout does."
    def expired(*_):
        pytest.fail("the other limit")
    signal.signal(signal.SIGALRM, expired)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    return True

@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call():
    "Not before: the set-up takes what it takes."
    signal.setitimer(signal.ITIMER_REAL, 0.5)
    return (yield)
"""


def test_anothers_alarm_goes_on(run_rig: Run, fake_bench: pytest.Pytester) -> None:
    """SIGALRM has one handler and one timer: a plugin that limits tests with it works beside the rig's own limits."""
    conftest = fake_bench.path / "conftest.py"
    conftest.write_text(conftest.read_text() + OTHER_LIMIT)
    code, lines = run_rig(f"import pytest\n@pytest.mark.limit_s(60)\ndef test_one(bench):\n    {HANG}\n")
    (attempt,) = (line for line in lines if line["kind"] == "attempt")
    assert "the other limit" in attempt["phases"][1]["error"]
    assert code == 1


@pytest.mark.parametrize("stop", ["breakpoint()", "import pdb; pdb.Pdb().set_trace()"], ids=["pytest's", "own"])
def test_at_a_breakpoint_there_is_no_limit(fake_bench: pytest.Pytester, stop: str) -> None:
    """Longer than the limit and its repeat, at pytest's debugger and at one that pytest does not know of."""
    fake_bench.makepyfile(
        "import pytest, rig.runner.limits as limits\nlimits.REPEAT_S = limits.LAST_RESORT_S = 0.2\n"
        f"@pytest.mark.limit_s(0.2)\ndef test_one(bench):\n    {stop}\n    print('went on')\n"
    )
    command = [sys.executable, "-m", "pytest", "-s", "--rig-reports=reports"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=fake_bench.path, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT) as child:
        assert child.stdout is not None
        seen = b""
        while b"(Pdb)" not in seen:
            byte = child.stdout.read(1)
            assert byte, seen.decode()
            seen += byte
        time.sleep(1)  # the time that somebody thinks: there is no effect to wait for
        out, _ = child.communicate(b"c\n", timeout=PATIENCE_S)
    assert b"went on" in out, out.decode()
    assert b"1 passed" in out
    assert child.returncode == 0


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_that_ends_tears_down_and_reports(fake_bench: pytest.Pytester, how: signal.Signals) -> None:
    fake_bench.makepyfile(test_it=f"def test_one(bench):\n    {READY}\n    {HANG}\ndef test_two(bench): pass\n")
    child = _start(fake_bench)
    child.send_signal(how)
    assert child.wait(PATIENCE_S) == 2
    run_dir = fake_bench.path / "reports" / "latest"
    lines = [json.loads(line) for line in (run_dir / "results.jsonl").read_text().splitlines()]
    assert [line["verdict"] for line in lines if line["kind"] == "attempt"] == ["not run"]
    assert lines[-1]["kind"] == "end"
    assert "not run" in (run_dir / "report.html").read_text()
    timeline = next((run_dir / "tests").rglob("timeline.jsonl")).read_text()
    assert "CLOSED" in timeline


def test_sigkill_loses_nothing_that_happened(fake_bench: pytest.Pytester) -> None:
    fake_bench.makepyfile(test_it=f"def test_one(bench): pass\ndef test_two(bench):\n    {READY}\n    {HANG}\n")
    child = _start(fake_bench)
    child.kill()
    child.wait()
    from rig.report import draw

    run = draw((fake_bench.path / "reports" / "latest").resolve()).run
    assert [test.verdict for test in run.tests] == ["passed", "not run"]
    assert run.exit_code is None


def _start(directory: pytest.Pytester) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "pytest", "--rig-reports=reports"]
    child = subprocess.Popen(command, cwd=directory.path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    end_s = time.monotonic() + PATIENCE_S
    while not (directory.path / "ready").exists():
        assert time.monotonic() < end_s
        assert child.poll() is None
        time.sleep(0.01)
    return child


def test_harmless_without_its_fixtures(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import sys

        def test_one(request):
            assert not any(name.startswith("rig.runner") for name in sys.modules)
            assert not request.config.pluginmanager.has_plugin("rig-runner")
        """
    )
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*RIG-*")
    assert not (pytester.path / "reports").exists()


def test_fixtures_work_without_reports(fake_bench: pytest.Pytester) -> None:
    fake_bench.makepyfile("def test_one(bench, device, host, server, inject, timeline, capture): pass\n")
    result = fake_bench.runpytest_subprocess()
    result.assert_outcomes(passed=1)
    assert not (fake_bench.path / "reports").exists()


def test_import_is_cheap() -> None:
    """The plugin is loaded into every pytest of the environment, and loads nothing that pytest has not."""
    code = "import pytest, sys; before = set(sys.modules); import rig.plugin; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
    assert done.stdout.split() == ["rig", "rig.ours", "rig.plugin"]


def test_artefact_directories_of_alike_names_do_not_meet(tmp_path: Path) -> None:
    """However many there are, and however long; and those that a test has left are found by whoever knows no more than its id."""
    from rig.results.record import artefact_dir, artefacts_of

    ids = ["a.py::t[x/y]", "a.py::t[x-y]", "a.py::t[\udcff]", *(f"a.py::{'t' * 300}[{number}]" for number in range(200))]
    attempts = [(test_id, attempt) for test_id in ids for attempt in (1, 2)]
    left = [artefact_dir(tmp_path, *attempt) / "left" for attempt in attempts]
    for path in left:
        path.touch()
    assert len(set(left)) == len(attempts)
    assert [artefacts_of(tmp_path, *attempt) for attempt in attempts] == [[path] for path in left]
    assert artefacts_of(tmp_path, "a.py::t[x:y]", 1) == [], "it never began"
    assert artefact_dir(tmp_path, *attempts[0]) == left[0].parent
    assert left[0].parent.name.startswith("a-py-t-x-y-")
