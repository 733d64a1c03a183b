"""What the plugin makes of what happens to a test: verdict, retries, exit code, files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rig.plugin import Hooks  # noqa: F401  (the plugin under test must be importable without the rig's other parts)
from rig.results import verdict as verdicts
from rig.results.verdict import Verdict

from .conftest import Run


def attempts(lines: list[dict[str, Any]]) -> list[str]:
    return [line["verdict"] for line in lines if line["kind"] == "attempt"]


def test_pass(run_rig: Run, run_dir: Path) -> None:
    code, lines = run_rig(
        """
        import pytest

        @pytest.mark.requirement("CCT-030", "CCT-031")
        @pytest.mark.edge(7)
        def test_one(bench):
            "A title."
        """
    )
    assert code == 0
    assert attempts(lines) == ["passed"]
    test = next(line for line in lines if line["kind"] == "test")
    assert test["requirements"] == ["CCT-030", "CCT-031", "EDGE-007"]
    assert test["title"] == "A title."
    assert lines[0]["kind"] == "run"
    assert lines[-1]["kind"] == "end"
    files = sorted(path.name for path in (run_dir / "tests").rglob("*") if path.is_file())
    assert files == ["timeline.jsonl"], "a passing test keeps its timeline only"
    assert {"report.html", "report.md", "junit.xml", "requirements.jsonl"} <= {path.name for path in run_dir.iterdir()}


def test_failure_is_not_repeated_and_keeps_its_files(run_rig: Run, run_dir: Path) -> None:
    code, lines = run_rig("def test_one(bench):\n    assert 1 == 2\n")
    assert code == 1
    assert attempts(lines) == ["failed"]
    files = sorted(path.name for path in (run_dir / "tests").rglob("*") if path.is_file())
    assert files == ["serial.log", "timeline.jsonl"]
    (attempt,) = (line for line in lines if line["kind"] == "attempt")
    assert attempt["phases"][1]["at"] == "test_it.py:2: assert 1 == 2"


def test_what_a_failing_test_and_its_processes_wrote_is_kept(run_rig: Run, run_dir: Path) -> None:
    _, lines = run_rig(
        """
        import subprocess, sys

        def test_good(bench):
            print("not needed")

        def test_bad(bench):
            print("tick")
            subprocess.run([sys.executable, "-c", "import chatt"])
            assert False
        """
    )
    (good, bad) = (line for line in lines if line["kind"] == "attempt")
    assert "output" not in good
    assert [name for name, _ in bad["output"]] == ["Captured stdout call", "Captured stderr call"]
    [output] = (run_dir / "tests").glob("test-it-py-test-bad-native-flat-*/output.txt")
    text = output.read_text()
    assert "tick" in text
    assert "ModuleNotFoundError: No module named 'chatt'" in text


def test_the_place_of_an_error_is_the_test_files_last_line_on_the_way(run_rig: Run) -> None:
    source = "import json\n\ndef deeper(text):\n    return json.loads(text)\n\ndef test_one(bench):\n    assert deeper('{')\n"
    _, lines = run_rig(source)
    (attempt,) = (line for line in lines if line["kind"] == "attempt")
    assert attempt["phases"][1]["at"] == "test_it.py:4: return json.loads(text)"


def test_a_bench_config_is_a_fact_of_the_run(run_rig: Run, tmp_path: Path) -> None:
    path = tmp_path / "bench.toml"
    path.write_text("[standby]\nlease_min = 60\n[clock]\nminute_us = 1000\n")
    _, lines = run_rig("def test_one(bench): pass\n", f"--bench-config={path}")
    assert lines[0]["bench config"] == "clock.minute_us = 1000, standby.lease_min = 60"


def test_bench_error_is_repeated_once_then_flaky(run_rig: Run) -> None:
    source = """
        def test_one(bench): pass
        def test_two(bench): pass
        import sys; sys.modules["rig.bench"].Bench.fail_setups = 1
        """
    code, lines = run_rig(source)
    assert attempts(lines) == ["bench error", "passed", "passed"]
    assert code == 0
    assert run_rig(source, "--rig-strict")[0] == 7


def test_two_bench_errors_are_exit_6(run_rig: Run) -> None:
    code, lines = run_rig('def test_one(bench): pass\nimport sys; sys.modules["rig.bench"].Bench.fail_setups = 2\n')
    assert attempts(lines) == ["bench error", "bench error"]
    assert code == 6


def test_bench_error_in_teardown(run_rig: Run) -> None:
    code, lines = run_rig('def test_one(bench): pass\nimport sys; sys.modules["rig.bench"].Bench.fail_closes = 2\n')
    assert attempts(lines) == ["bench error", "bench error"]
    assert code == 6


def test_failure_beats_bench_error(run_rig: Run) -> None:
    code, lines = run_rig(
        "def test_one(bench): pass\ndef test_two(bench): assert False\n"
        'import sys; sys.modules["rig.bench"].Bench.fail_setups = 2\n'
    )
    assert attempts(lines) == ["bench error", "bench error", "failed"]
    assert code == 1


def test_all_skipped_is_exit_5(run_rig: Run) -> None:
    code, lines = run_rig('import pytest\ndef test_one(bench): pytest.skip("no such thing here")\n')
    assert attempts(lines) == ["skipped"]
    assert next(line for line in lines if line["kind"] == "attempt")["phases"][1]["error"] == "no such thing here"
    assert code == 5


def test_each_device_and_topology(run_rig: Run) -> None:
    source = "import pytest\ndef test_one(bench): pass\n@pytest.mark.topology('dual-stack')\ndef test_two(bench): pass\n"
    _, lines = run_rig(source, "--device=native", "--device=board:/dev/none")
    setups = [(line["device"], line["topology"]) for line in lines if line["kind"] == "attempt"]
    assert setups == [
        ("native", "flat"),
        ("board:/dev/none", "flat"),
        ("native", "dual-stack"),
        ("board:/dev/none", "dual-stack"),
    ]


def test_where_the_device_has_no_part_one_will_do(run_rig: Run) -> None:
    source = "import pytest\n@pytest.mark.host_alone\n@pytest.mark.topology('flat', 'dual-stack')\ndef test_one(bench): pass\n"
    _, lines = run_rig(source, "--device=native", "--device=board:/dev/none")
    setups = [(line["device"], line["topology"]) for line in lines if line["kind"] == "attempt"]
    assert setups == [("native", "flat"), ("native", "dual-stack")]


def test_a_bench_toml_names_device_and_topology_where_no_option_does(run_rig: Run, tmp_path: Path) -> None:
    path = tmp_path / "bench.toml"
    path.write_text('[bench]\ndevice = "board"\nport = "/dev/ttyACM0"\nnic = "enp3s0"\ntopology = "routed"\n')
    source = "def test_one(bench):\n    assert bench.config.port == '/dev/ttyACM0'\n    assert bench.config.nic == 'enp3s0'\n"
    code, lines = run_rig(source, f"--bench-config={path}")
    assert (code, lines[0]["devices"], lines[0]["topologies"]) == (0, "board", "routed")
    assert [(line["device"], line["topology"]) for line in lines if line["kind"] == "attempt"] == [("board", "routed")]
    _, lines = run_rig("def test_one(bench): pass\n", f"--bench-config={path}", "--device=native", "--topology=flat")
    assert [(line["device"], line["topology"]) for line in lines if line["kind"] == "attempt"] == [("native", "flat")]


def test_bench_config_mark_reaches_inner_records(run_rig: Run) -> None:
    code, _ = run_rig(
        """
        import pytest

        @pytest.mark.bench_config(aoac=False, minute_us=1000)
        def test_one(bench):
            assert bench.config.standby.aoac is False
            assert bench.config.clock.minute_us == 1000
        """
    )
    assert code == 0


@pytest.mark.parametrize("option", ["--device=toaster", "--topology=nowhere", "--bench-config=missing.toml"])
def test_a_wrong_option_is_a_usage_error(run_rig: Run, option: str, capfd: pytest.CaptureFixture[str]) -> None:
    code, lines = run_rig("def test_one(bench): pass\n", option)
    assert (code, lines) == (4, [])
    text = "".join(capfd.readouterr())
    assert "ERROR: RIG-C" in text
    assert "Traceback" not in text


def test_nothing_selected_writes_no_reports(run_rig: Run) -> None:
    assert run_rig("def test_one(bench): pass\n", "-k", "nothing") == (5, [])


def test_reports_that_cannot_be_written_are_a_usage_error(run_rig: Run) -> None:
    assert run_rig("def test_one(bench): pass\n", "--rig-reports=/proc/reports") == (4, [])


def test_a_test_with_a_fixture_of_its_own_on_the_device_is_shown_with_its_verdict(run_rig: Run) -> None:
    """It counted as another plugin's: a run failed and nobody said of what."""
    own = "import pytest\n@pytest.fixture\ndef door(rig_combination): return rig_combination\n"
    code, lines = run_rig(own + "def test_one(door): assert door is None\n")
    assert (code, attempts(lines)) == (1, ["failed"])


def test_other_tests_of_the_session_count(run_rig: Run) -> None:
    skipped = "import pytest\ndef test_one(bench): pytest.skip()\n"
    assert run_rig(skipped + "def test_other(): pass\n")[0] == 0
    assert run_rig(skipped + "def test_other(): assert False\n")[0] == 1


@pytest.mark.parametrize(
    ("attempts", "expected"),
    [
        ([], Verdict.NOT_RUN),
        ([Verdict.PASSED], Verdict.PASSED),
        ([Verdict.BENCH_ERROR, Verdict.PASSED], Verdict.FLAKY),
        ([Verdict.BENCH_ERROR, Verdict.FAILED], Verdict.FAILED),
    ],
)
def test_verdict_of_a_test(attempts: list[Verdict], expected: Verdict) -> None:
    assert verdicts.of_test(attempts) is expected


def test_worst_test_decides_a_requirement() -> None:
    assert verdicts.of_requirement([Verdict.PASSED, Verdict.FAILED, Verdict.SKIPPED]) is Verdict.FAILED
    assert verdicts.of_requirement([Verdict.PASSED, Verdict.PASSED]) is Verdict.PASSED
    assert verdicts.of_requirement([]) is Verdict.NOT_COVERED


def test_what_a_skipped_test_would_have_shown_is_unproved() -> None:
    assert verdicts.of_requirement([Verdict.SKIPPED, Verdict.PASSED]) is Verdict.UNPROVED_IN_PART
    assert verdicts.of_requirement([Verdict.SKIPPED, Verdict.SKIPPED]) is Verdict.UNPROVED
    assert verdicts.of_requirement([Verdict.SKIPPED, Verdict.FLAKY, Verdict.PASSED]) is Verdict.FLAKY
    assert verdicts.of_requirement([Verdict.SKIPPED, Verdict.NOT_RUN]) is Verdict.NOT_RUN


def test_files_that_somebody_has_deleted_end_nothing_but_the_test(run_rig: Run) -> None:
    code, lines = run_rig(
        """
        import shutil

        def test_one(bench):
            shutil.rmtree(bench.artefacts)

        def test_two(bench):
            shutil.rmtree(bench.artefacts)
            print("last words")
            assert 1 == 2

        def test_three(bench):
            pass
        """
    )
    assert code == 1
    assert attempts(lines) == ["passed", "failed", "passed"]
