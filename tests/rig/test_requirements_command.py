"""`rig requirements`: what a person sees of the catalogue, with and without a run. Real command lines, no test is run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from rig import catalogue
from rig.cli import main
from rig.results.record import Recorder

ROOT = Path(__file__).parents[2]
PHASES = [{"name": name, "s": 0.1, "verdict": "passed"} for name in ("setup", "call", "teardown")]
FAILED = [PHASES[0], {"name": "call", "s": 0.1, "verdict": "failed", "error": "it did not wake"}, PHASES[2]]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    return tmp_path


@pytest.fixture
def last_run(folder: Path) -> str:
    """One test of CCT-030 that passed, one of EDGE-001 that failed, a requirement of the user's own. Returns its name."""
    run_dir = folder / "reports" / "20260102-030405-abcd"
    run_dir.mkdir(parents=True)
    (folder / "reports" / "latest").symlink_to(run_dir.name)
    recorder = Recorder(run_dir)
    recorder.add("run", devices="native", topologies="flat")
    recorder.add("requirement", id="MY-001", area="My product", title="Its lamp is on")
    for id_, ids, phases in (("test_a.py::one", ["CCT-030", "MY-001"], PHASES), ("test_a.py::two", ["EDGE-001"], FAILED)):
        recorder.add("test", id=id_, title="", requirements=ids)
        verdict = "failed" if phases is FAILED else "passed"
        recorder.add(
            "attempt", id=id_, attempt=1, verdict=verdict, duration_s=0.3, phases=phases, device="native", topology="flat"
        )
    recorder.add("end", exit=1)
    recorder.close()
    return run_dir.name


def said(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    assert main(["requirements", *arguments]) == code
    out, err = capsys.readouterr()
    return out if code == 0 else err


def test_all_areas_are_counted(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = said(capsys)
    rows = {line.split()[0]: line for line in out.splitlines() if line[:3].isupper()}
    assert list(rows) == list(catalogue.areas())
    assert rows["CWS"].split() == ["CWS", *"Channels with WebSockets 14 14 - - -".split()]
    assert rows["RAW"].split() == ["RAW", *"Raw push notifications 17 17 - - -".split()]
    suite = sum(not entry.reason for entry in catalogue.load().values())
    assert next(line.split()[:3] for line in out.splitlines() if line.strip().startswith("all")) == ["all", "308", str(suite)]
    assert "last run: none in reports" in out


def test_the_last_run_is_named_and_counted(last_run: str, capsys: pytest.CaptureFixture[str]) -> None:
    out = said(capsys)
    assert f"last run: {last_run}, 20" in out
    assert ", native, flat, exit code 1" in out
    assert [line.split("  ")[-1] for line in out.splitlines() if line.startswith(("CCT", "EDGE", "MY", "BTR"))] == [
        "1 passed",
        "-",
        "1 failed",
        "1 passed",
    ]


def test_a_damaged_run_costs_its_verdicts_alone(last_run: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "reports" / last_run / "results.jsonl").write_text("garbage\n")
    out = said(capsys, "CCT-030")
    assert "\nrequired  " in out
    assert "last run: cannot be read: RIG-R11 " in out


def test_an_area_has_a_row_for_each_with_verdict_or_reason(last_run: str, capsys: pytest.CaptureFixture[str]) -> None:
    out = said(capsys, "cct")
    assert "WinRT, the Windows Runtime, is" in out
    rows = {line[:7]: " ".join(line[7:].split()) for line in out.splitlines() if line.startswith("CCT-")}
    assert list(rows) == [id_ for id_ in catalogue.load() if id_.startswith("CCT")]
    assert rows["CCT-030"] == "passed Data for a suspended app: resume, read completes, then the push task"
    assert rows["CCT-031"].startswith("not selected The task waits")
    assert rows["CCT-032"].startswith("not selected")
    edge = said(capsys, "EDGE")
    assert "EDGE-001  failed" in edge
    assert "- it did not wake" in edge
    assert "MY-001  passed      Its lamp is on" in said(capsys, "MY")


def test_a_reason_of_a_whole_area_is_said_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As of an area that is not built yet."""
    all_of_it = catalogue.load()
    unbuilt = {
        id_: replace(entry, reason="not built yet: the host has no background transfers") if entry.prefix == "BTR" else entry
        for id_, entry in all_of_it.items()
    }
    monkeypatch.setattr(catalogue, "load", lambda own=(): unbuilt)
    out = said(capsys, "BTR")
    assert " ".join(out.split()).count("the host has no background transfers") == 1
    assert "BTR-001  no test" in out


def test_one_is_explained_with_its_tests(last_run: str, capsys: pytest.CaptureFixture[str]) -> None:
    out = said(capsys, "CCT-030")
    entry = catalogue.load()["CCT-030"]
    flowing = " ".join(out.split())
    for text in (entry.title, entry.condition, entry.required, entry.observable, entry.source):
        assert text in flowing
    assert "\ntests     rig/suite/test_delivery.py::test_" in out
    assert "passed  test_a.py::one" in out


def test_an_edge_case_has_the_engines_tests_too(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = said(capsys, "edge-1")
    assert out.startswith("EDGE-001  ")
    assert "rig/suite/test_keep_alive.py::" in out
    assert "tests/engine/test_keepalive.py::" in out


def test_json_has_every_field(last_run: str, capsys: pytest.CaptureFixture[str]) -> None:
    everything = json.loads(said(capsys, "--json"))
    assert everything["run"]["name"] == last_run
    assert len(everything["requirements"]) == len(catalogue.load()) + 1
    assert next(area for area in everything["areas"] if area["prefix"] == "CCT")["last_run"] == {"passed": 1}
    [one] = json.loads(said(capsys, "EDGE-001", "--json"))["requirements"]
    assert one["last_run"] == {"verdict": "failed", "reason": "it did not wake"}
    assert all(one[name] for name in catalogue.FIELDS)
    assert any(test.startswith("tests/engine/") for test in one["tests"])


@pytest.mark.parametrize(
    ("name", "near"), [("CTT-030", "CCT-030"), ("EGDE-007", "EDGE-007"), ("SATT", "SAT"), ("Ω", "one of the areas CCT, CWS")]
)
def test_an_unknown_id_is_refused_with_the_nearest(
    folder: Path, capsys: pytest.CaptureFixture[str], name: str, near: str
) -> None:
    err = said(capsys, name, code=4)
    assert err.startswith(f"error: RIG-C18 no requirement and no area {name}\n  fix: ")
    assert near in err


def test_a_file_of_ones_own_is_read_and_checked(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "mine.toml").write_text("[LAMP]\n001 = 'It is on'\n")
    assert "It is on" in said(capsys, "LAMP", "--requirements", "mine.toml")
    (folder / "mine.toml").write_text("[LAMP]\n001 = 3\n")
    assert "RIG-C13 mine.toml:2: LAMP.001 = 3" in said(capsys, "--requirements", "mine.toml", code=4)
    assert "RIG-C01 none.toml: cannot be read" in said(capsys, "--requirements", "none.toml", code=4)


@pytest.mark.parametrize("columns", [20, 60, 80, 300])
@pytest.mark.parametrize("name", ["", "CCT", "EDGE", "EDGE-070"])
def test_lines_fit_the_terminal(
    last_run: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str, columns: int
) -> None:
    """Names of tests stay whole, to be copied."""
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = [line for line in said(capsys, *filter(None, [name])).splitlines() if "::" not in line]
    assert max(len(line.rstrip()) for line in lines) <= max(60, min(columns, 150))


def test_an_installation_without_the_tree_has_the_suites_tests(tmp_path: Path) -> None:
    """As in a wheel: the package alone, beside a folder of tests that is somebody else's."""
    shutil.copytree(ROOT / "rig", tmp_path / "rig", ignore=shutil.ignore_patterns("firmware_images", "__pycache__"))
    (tmp_path / "tests" / "engine").mkdir(parents=True)
    (tmp_path / "tests" / "engine" / "test_theirs.py").write_text("import pytest\n@pytest.mark.edge(1)\ndef test_x(): ...\n")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-m", "rig.cli", "requirements", "EDGE-001"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path, env=environment, timeout=60)
    assert "rig/suite/test_keep_alive.py::" in done.stdout
    assert "test_theirs" not in done.stdout
    assert "tests/engine, in the source tree" in done.stdout
