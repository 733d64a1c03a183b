"""What a test says of itself by pytest's record_property: in the record, on the screen and in the reports."""

from __future__ import annotations

import io
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from rig.results.verdict import Verdict
from rig.runner.progress import Progress

from .conftest import FAKE_BENCH, Run


def test_each_attempt_has_those_that_it_said_itself(run_rig: Run, run_dir: Path) -> None:
    code, lines = run_rig(
        """
        import pytest
        from rig.errors import BenchError

        tries = []

        @pytest.mark.requirement("CCT-030")
        def test_one(record_property):
            tries.append(1)
            record_property(f"seed {len(tries)}", len(tries))
            if len(tries) == 1:
                raise BenchError("RIG-B03", "no answer")
        """
    )
    assert code == 0
    said = [line.get("properties") for line in lines if line["kind"] == "attempt"]
    assert said == [[["seed 1", "1"]], [["seed 2", "2"]]]
    case = ET.parse(run_dir / "junit.xml").getroot()[0].find("testcase")
    assert case is not None
    properties = {row.get("name"): row.get("value") for row in case.iterfind("properties/property")}
    assert "seed 1" not in properties
    assert properties["seed 2"] == "2"
    assert "seed 2 <code>2</code>" in (run_dir / "report.html").read_text()


ODD = """
import enum
import pytest

class Bad:
    def __str__(self):
        raise RuntimeError("no str")
    __repr__ = __str__

class Reason(enum.IntEnum):
    A = 1

def test_one(bench, record_property, request):
    record_property("bad", Bad())
    record_property(("a", 1), Reason.A)
    record_property("twice", 1)
    record_property("twice", "\\ud800" * 600)
    request.node.user_properties.append({"k": "v"})

def test_two(bench):
    pass
"""


@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "two workers"])
def test_an_odd_one_costs_its_test_nothing(run_rig: Run, run_dir: Path, workers: list[str]) -> None:
    """It ended the run: what has no text, what a worker cannot tell, what is no pair."""
    code, lines = run_rig(ODD, *workers)
    assert code == 0
    said = {line["id"]: line.get("properties", []) for line in lines if line["kind"] == "attempt"}
    bad, reason, once, again, none = said["test_it.py::test_one[native-flat]"]
    assert bad == ["bad", "a Bad of which str() raises RuntimeError"]
    assert reason == ["('a', 1)", "1"]
    assert once == ["twice", "1"]
    assert again[1].startswith("\\ud800" * 50)
    assert len(again[1]) == 500
    assert none == ["property", "{'k': 'v'}"]
    assert said["test_it.py::test_two[native-flat]"] == []
    assert (run_dir / "report.html").exists()


def test_a_test_does_not_speak_for_the_rig(run_rig: Run, run_dir: Path) -> None:
    run_rig(
        """
        def test_one(bench, record_property):
            record_property("verdict", "passed")
            record_property("\\x07", 1)
            assert False
        """
    )
    rows = ET.parse(run_dir / "junit.xml").getroot()[0].iterfind("testcase/properties/property")
    properties = [(row.get("name"), row.get("value")) for row in rows]
    assert [value for name, value in properties if name == "verdict"] == ["failed"]
    assert properties[-2:] == [("property verdict", "passed"), ("\ufffd", "1")]


def test_what_is_said_as_they_are_collected_stays(run_rig: Run, run_dir: Path, fake_bench: pytest.Pytester) -> None:
    hook = "def pytest_collection_modifyitems(items):\n    items[0].user_properties.append(('lot', 7))\n"
    fake_bench.makeconftest(FAKE_BENCH + hook)
    test = "def test_one(bench):\n    type(bench).fail_closes = 1\n"
    _, lines = run_rig(test, "--junitxml=theirs.xml")
    said = [line["properties"] for line in lines if line["kind"] == "attempt"]
    assert said == [[["lot", "7"]], [["lot", "7"]]]
    assert 'name="lot" value="7"' in (run_dir.parents[1] / "theirs.xml").read_text()


def test_the_screen_shows_them_below_the_verdict() -> None:
    out = io.StringIO()
    line = {"id": "one", "attempt": 1, "verdict": Verdict.PASSED, "duration_s": 0.1, "phases": []}
    Progress(out).pytest_rig_attempt(line | {"properties": [("seed\r", "7\x1b[2J")]})
    assert out.getvalue().splitlines()[1:] == ["      seed\\r 7\\x1b[2J"]
