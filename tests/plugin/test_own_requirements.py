"""Requirements of a user's own: from a file, in the reports like the rig's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .conftest import Run

OWN = '[MY]\narea = "My lamp"\n001 = "A command wakes it"\n[MY.002]\ntitle = "It sleeps again"\nreason = "no test yet"\n'
TEST = "import pytest\n@pytest.mark.requirement('MY-001', 'CCT-030')\ndef test_one(bench): pass\n"


@pytest.mark.parametrize("given", ["option", "ini", "bench.toml"])
def test_own_requirements_are_in_the_reports(
    run_rig: Run, run_dir: Path, fake_bench: pytest.Pytester, tmp_path: Path, given: str
) -> None:
    (tmp_path / "own.toml").write_text(OWN)
    (tmp_path / "bench.toml").write_text('[bench]\nrequirements = "own.toml"\n')
    (fake_bench.path / "beside.toml").write_text(OWN)
    if given == "ini":
        fake_bench.makeini("[pytest]\nrig_requirements = beside.toml\n")
    options = {
        "option": [f"--rig-requirements={tmp_path / 'own.toml'}"],
        "ini": [],
        "bench.toml": [f"--bench-config={tmp_path / 'bench.toml'}"],
    }
    code, lines = run_rig(TEST, *options[given])
    assert code == 0, lines
    told = {line["id"]: line for line in map(json.loads, (run_dir / "requirements.jsonl").read_text().splitlines())}
    assert (told["MY-001"]["title"], told["MY-001"]["verdict"]) == ("A command wakes it", "passed")
    assert told["MY-002"]["verdict"] == "not covered"
    assert told["CCT-030"]["verdict"] == "passed"
    assert "A command wakes it" in (run_dir / "report.html").read_text()


def test_a_report_drawn_again_has_them_without_the_file(run_rig: Run, run_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(OWN)
    run_rig(TEST, f"--rig-requirements={tmp_path / 'own.toml'}")
    (tmp_path / "own.toml").unlink()
    (run_dir / "requirements.jsonl").unlink()
    from rig.report import draw

    draw(run_dir.resolve())
    assert "My lamp" in (run_dir / "report.html").read_text()
    assert '"MY-001"' in (run_dir / "requirements.jsonl").read_text()


def test_an_unknown_id_is_refused_with_the_way_to_bring_it(run_rig: Run, capfd: pytest.CaptureFixture[str]) -> None:
    assert run_rig(TEST) == (4, [])
    text = "".join(capfd.readouterr())
    assert "RIG-C11 test_it.py::test_one[native-flat] names MY-001, which is not in the rig's catalogue" in text
    assert "fix: put it into a file (rig help requirements > mine.toml) and name that with --rig-requirements mine.toml" in text


@pytest.mark.parametrize(
    ("text", "words"),
    [("[MY]\nfirst = 'no'\n", "own.toml:2: "), ("[CCT]\n999 = 'ours'\n", "there is an area CCT already")],
)
def test_a_wrong_file_is_a_usage_error(
    run_rig: Run, tmp_path: Path, capfd: pytest.CaptureFixture[str], text: str, words: str
) -> None:
    (tmp_path / "own.toml").write_text(text)
    assert run_rig(TEST, f"--rig-requirements={tmp_path / 'own.toml'}") == (4, [])
    shown = "".join(capfd.readouterr())
    assert "RIG-C13" in shown
    assert words in shown
    assert "Traceback" not in shown
