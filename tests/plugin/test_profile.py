"""Which Windows the host behaves as: bench.toml, the option, the test's mark; the nearer one wins, and the record has it."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import Run

TEST = "def test_one(bench):\n    assert bench.config.standby.profile == {!r}\n"
MARKED = "import pytest\n@pytest.mark.profile({})\n"


def facts(lines: list[dict[str, object]]) -> object:
    return next(line["profile"] for line in lines if line["kind"] == "run")


def test_it_is_windows_10_unless_something_is_said(run_rig: Run) -> None:
    code, lines = run_rig(TEST.format("win10"))
    assert (code, facts(lines)) == (0, "win10")


@pytest.mark.parametrize("option", ["--profile=win8", "--rig-profile=win8"])
def test_the_option(run_rig: Run, option: str) -> None:
    code, lines = run_rig(TEST.format("win8"), option)
    assert (code, facts(lines)) == (0, "win8")


def test_the_option_wins_over_the_file_and_the_mark_over_both(run_rig: Run, tmp_path: Path) -> None:
    (tmp_path / "bench.toml").write_text('[standby]\nprofile = "win8"\n')
    file = f"--bench-config={tmp_path / 'bench.toml'}"
    assert run_rig(TEST.format("win8"), file)[0] == 0
    assert run_rig(TEST.format("win10"), file, "--profile=win10")[0] == 0
    assert run_rig(MARKED.format("'win8'") + TEST.format("win8"), file, "--profile=win10")[0] == 0


@pytest.mark.parametrize("arguments", ["'win9'", "", "name='win8'", "'win8', 'win10'"])
def test_a_wrong_mark_is_said_before_anything_runs(run_rig: Run, capfd: pytest.CaptureFixture[str], arguments: str) -> None:
    code, lines = run_rig(MARKED.format(arguments) + TEST.format("win8"))
    said = capfd.readouterr()
    assert (code, lines) == (4, [])
    assert f"RIG-C24 test_it.py::test_one[native-flat]: profile({arguments})" in said.err + said.out


def test_two_marks_at_one_test_are_one_too_many(run_rig: Run, capfd: pytest.CaptureFixture[str]) -> None:
    code, lines = run_rig(MARKED.format("'win8'") + "@pytest.mark.profile('win10')\n" + TEST.format("win8"))
    said = capfd.readouterr()
    assert (code, lines) == (4, [])
    assert "RIG-C24 test_it.py::test_one[native-flat] has two profiles, 'win10' and 'win8'" in said.err + said.out
