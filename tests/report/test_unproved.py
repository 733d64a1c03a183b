"""A requirement of which a test was skipped is not proved, and each report says so, and what was lacking."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rig import report
from rig.report import catalogue_pages, markdown, table
from rig.report.model import Run
from rig.report.overview import look
from rig.results.record import Recorder

LACKS = "the device has no protocol offload ARP (capabilities)"
FEW = "the device has 4 TCP slots, not 16 (capabilities)"
TESTS = {
    "whole[native]": ("passed", "CCT-010"),
    "whole[reference]": ("passed", "CCT-010"),
    "part[native]": ("passed", "EDGE-051"),
    "part[reference]": ("passed", "EDGE-051"),
    "rest[native]": ("passed", "EDGE-051"),
    "rest[reference]": (LACKS, "EDGE-051"),
    "none[reference]": (LACKS, "EDGE-052"),
    "many[reference]": (FEW, "EDGE-052"),
    "bad[reference]": ("failed", "EDGE-053"),
    "gone[reference]": (LACKS, "EDGE-053"),
}
"""Test -> its verdict, or why it was skipped; what it proves."""


@pytest.fixture
def run(tmp_path: Path) -> Run:
    directory = tmp_path / "20260101-000000-0000"
    directory.mkdir()
    (tmp_path / "latest").symlink_to(directory)
    recorder = Recorder(directory)
    recorder.add("run", rig="0.1.0")
    for name, (outcome, requirement) in TESTS.items():
        verdict, error = (outcome, "") if outcome in ("passed", "failed") else ("skipped", outcome)
        call = {"name": "call", "s": 0.1, "verdict": verdict, "error": error}
        phases = [{"name": "setup", "s": 0.1, "verdict": "passed"}, call]
        device = name.partition("[")[2].rstrip("]")
        recorder.add("test", id=f"test_it.py::{name}", title="", requirements=[requirement])
        fields = {"duration_s": 0.2, "phases": phases, "device": device, "topology": "flat", "artefacts": []}
        recorder.add("attempt", id=f"test_it.py::{name}", attempt=1, verdict=verdict, **fields)
    recorder.add("end", exit=1)
    recorder.close()
    return report.draw(directory).run


def test_scripts_read_it_for_each_device(run: Run) -> None:
    lines = map(json.loads, (run.directory / "requirements.jsonl").read_text().splitlines())
    found = {line["id"]: (line["verdict"], line["devices"], line["reason"]) for line in lines if line["tests"]}
    assert found == {
        "CCT-010": ("passed", {"native": "passed", "reference": "passed"}, ""),
        "EDGE-051": ("unproved in part", {"native": "passed", "reference": "unproved in part"}, f"reference: {LACKS}"),
        "EDGE-052": ("unproved", {"reference": "unproved"}, f"{LACKS}; {FEW}"),
        "EDGE-053": ("failed", {"reference": "failed"}, ""),
    }


def test_the_screen_counts_them_and_names_what_was_lacking(run: Run) -> None:
    text = table.render(run)
    row = next(line for line in text.splitlines() if line.startswith("EDGE-051"))
    assert row.index("passed") < row.index("unproved in part")
    assert table.summary(run).startswith("requirements: 1 failed, 1 unproved, 1 unproved in part, 1 passed (")
    paragraph = text[text.index("unproved, as tests of them") :].split("\n\n")[0].splitlines()
    assert [line.strip() for line in paragraph[1:]] == [
        f"reference: {LACKS}: EDGE-051", f"{LACKS}: EDGE-052", f"{FEW}: EDGE-052",
    ]  # fmt: skip


def test_the_pages_name_it_too(run: Run) -> None:
    assert f"{FEW}: EDGE-052" in markdown.render(run)
    page = (run.directory / "report.html").read_text()
    row = page[page.index('id="EDGE-051"') :].split("</tr>")[0]
    assert '<span class="badge unproved-in-part">unproved in part</span>' in row
    assert f"reference: {LACKS}" in row


def test_the_catalogue_shows_it_as_what_the_last_run_said(run: Run) -> None:
    seen = look(run.directory.parent)
    page = catalogue_pages.requirement(seen, "EDGE-051")
    assert "last run  unproved in part\n" in page
    assert seen.reason("EDGE-051") == f"reference: {LACKS}"
    assert "unproved in part" in catalogue_pages.area(seen, "EDGE")


def test_without_a_skip_nothing_is_said(run: Run) -> None:
    """The negative control."""
    run.tests = [test for test in run.tests if "whole" in test.id]
    del run.__dict__["requirements"]
    assert "unproved" not in table.render(run)
    assert "unproved" not in markdown.render(run)
