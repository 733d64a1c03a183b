"""Reports are drawn from a record alone, whatever stands in it."""

from __future__ import annotations

import json
import platform
import re
import subprocess
import sys
from datetime import datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from rig import report
from rig.errors import UsageError
from rig.report import markdown, table
from rig.report.model import Run, load
from rig.results.record import Recorder
from rig.results.tail import Tail
from rig.results.verdict import Verdict
from rig.runner.last_run import LastRun
from rig.timeline import SINCE

NASTY = "<b>\x00\x1b[31m | ``` ]]> & \ud7ff é"
"""Text that each format must escape in its own way."""


def phases(verdict: str = "passed", error: str = "") -> list[dict[str, Any]]:
    call = {"name": "call", "s": 0.2, "verdict": verdict, "error": error, "trace": error}
    if verdict in ("failed", "bench error"):
        call["at"] = "test_it.py:77: assert 1 == 2"
    return [{"name": "setup", "s": 0.1, "verdict": "passed"}, call]


def attempt(recorder: Recorder, id_: str, verdict: str, *, number: int = 1, error: str = "", device: str = "native") -> None:
    fields = {"duration_s": 0.3, "phases": phases(verdict, error), "device": device, "topology": "flat", "artefacts": []}
    if verdict == "failed":
        fields["artefacts"] = ["tests/bad-one/wire.pcapng"]
    recorder.add("attempt", id=id_, attempt=number, verdict=verdict, **fields)


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    """A run with one test of each verdict."""
    recorder = Recorder(tmp_path)
    recorder.add("run", rig="0.1.0", command=NASTY)
    tests = {"good": "CCT-010", "bad": "CCT-020", "shaky": "CCT-030", "never": "CCT-040", "away": "CCT-041"}
    for id_, requirement in tests.items():
        recorder.add("test", id=f"test_it.py::{id_}", title="", requirements=[requirement, "EDGE-001"])
    attempt(recorder, "test_it.py::good", "passed")
    attempt(recorder, "test_it.py::bad", "failed", error=NASTY, device="qemu")
    attempt(recorder, "test_it.py::shaky", "bench error", error="RIG-B03 no answer")
    attempt(recorder, "test_it.py::shaky", "passed", number=2)
    attempt(recorder, "test_it.py::away", "skipped", error="no TAP here")
    recorder.close()
    return tmp_path


@pytest.fixture
def run(run_dir: Path) -> Run:
    return report.draw(run_dir).run


def test_verdicts(run: Run) -> None:
    found = {result.requirement.id: result.verdict for result in run.covered}
    assert found == {
        "CCT-010": Verdict.PASSED,
        "CCT-020": Verdict.FAILED,
        "CCT-030": Verdict.FLAKY,
        "CCT-040": Verdict.NOT_RUN,
        "CCT-041": Verdict.UNPROVED,
        "EDGE-001": Verdict.FAILED,
    }
    assert run.exit_code is None, "no end line: the run was killed"


ATTEMPT = b'{"kind": "attempt", "at": 1, "id": "test_it.py::good", '


@pytest.mark.parametrize(
    "line",
    [
        b"garbage",
        b"\xff\xfe",
        b"7",
        b'{"at": 1}',
        b"[" * 100_000,
        b'{"kind": "test", "at": "noon"}',
        b'{"kind": "end", "at": 1e400, "exit": 0}',
        b'{"kind": "end", "at": 1, "exit": {}}',
        b'{"kind": "test", "at": 1, "id": "t::x"}',
        b'{"kind": "test", "at": 1, "id": [], "title": "", "requirements": []}',
        b'{"kind": "attempt", "at": 1, "id": "of no test", "attempt": 1}',
        ATTEMPT + b'"attempt": 1, "verdict": "fine", "duration_s": 1, "phases": []}',
        ATTEMPT + b'"attempt": 1, "verdict": "passed", "duration_s": "", "phases": []}',
        ATTEMPT + b'"attempt": 1e400, "verdict": "passed", "duration_s": 1, "phases": []}',
    ],
)
def test_a_record_with_another_line_in_it_is_refused_by_number(run_dir: Path, line: bytes) -> None:
    path = run_dir / "results.jsonl"
    path.write_bytes(path.read_bytes() + line + b"\n")
    number = path.read_bytes().count(b"\n")
    with pytest.raises(UsageError, match=rf"RIG-R11 .*results.jsonl:{number}: is no line of a run's record"):
        load(run_dir)


def test_a_damaged_last_run_is_no_obstacle_to_the_next(run_dir: Path) -> None:
    """Every `rig run` reads it, for what failed and how long each test took."""
    (run_dir / "reports").mkdir()
    (run_dir / "reports" / "latest").symlink_to(run_dir)
    assert LastRun.of(run_dir / "reports").failed
    with (run_dir / "results.jsonl").open("a") as record:
        record.write('{"kind": "attempt", "at": 1, "id": "of no test"}\n')
    assert LastRun.of(run_dir / "reports") == LastRun()


def test_what_no_file_takes_is_drawn_all_the_same(run_dir: Path) -> None:
    """A file's name that is no UTF-8 comes as half a surrogate pair, written in one of three ways; a control character may."""
    recorder = Recorder(run_dir)
    failed = phases("failed", "assert '\udcff' == '\x1b'")
    recorder.add(
        "attempt", id="test_it.py::good", attempt=1, verdict="failed", duration_s=1.0, phases=failed, topology="\x1b.toml"
    )
    recorder.close()
    line = b'"test_it.py::good", "attempt": 1, "verdict": "passed", "duration_s": 1, "phases": [], "device": "%s"}\n'
    with (run_dir / "results.jsonl").open("ab") as record:
        for half in (b"\\uD800", b"\xed\xa0\x80"):
            record.write(b'{"kind": "attempt", "at": 1, "id": ' + line % half)
    report.draw(run_dir)
    assert ET.parse(run_dir / "junit.xml").getroot() is not None
    assert "assert &#39;?&#39;" in (run_dir / "report.html").read_text()


def test_a_line_that_finds_no_room_leaves_nothing_of_it(run_dir: Path) -> None:
    """The next one, when there is room again, is whole: else the whole record could not be read."""
    program = """
import resource, signal, sys
from pathlib import Path
from rig.results.record import RESULTS, Recorder
folder = Path(sys.argv[1])
recorder = Recorder(folder)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, ((folder / RESULTS).stat().st_size + 20, resource.RLIM_INFINITY))
try:
    recorder.add("test", id="t::x", title="T", requirements=[])
except OSError as error:
    print(error.errno)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
recorder.add("end", exit=6)
"""
    done = subprocess.run([sys.executable, "-c", program, str(run_dir)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "28\n"), done.stderr
    assert load(run_dir).exit_code == 6


@pytest.mark.parametrize("left", [b'{"kind": "attempt", "at": 1, "id"', b"{", b'{"kind": "attempt", "at": 1}'])
def test_what_a_killed_worker_left_of_a_line_goes_with_the_next_one(run_dir: Path, left: bytes) -> None:
    with (run_dir / "results.jsonl").open("ab") as record:
        record.write(left)
    recorder = Recorder(run_dir)
    recorder.add("end", exit=6)
    recorder.close()
    assert load(run_dir).exit_code == 6


def test_who_looks_for_a_failure_finds_reason_line_and_files_at_once(run: Run) -> None:
    """On the screen after the table, in the page above the facts, in the summary."""
    last = table.render(run).split("\n\n")[-3:]
    assert last[0].startswith("failed: test_it.py::bad\n")
    assert "\n    at test_it.py:77: assert 1 == 2\n    files: " in last[0]
    assert last[0].endswith("tests/bad-one")
    assert last[1].startswith("flaky: test_it.py::shaky\n    RIG-B03 no answer\n    at test_it.py:77")
    page = (run.directory / "report.html").read_text()
    listed = page[: page.index("This run")]
    assert "test_it.py::bad" in listed
    assert "test_it.py:77: assert 1 == 2" in listed
    assert "test_it.py::good" not in listed
    assert "files: `tests/bad-one`" in (run.directory / "report.md").read_text()


def test_of_a_reason_with_many_lines_the_first_is_shown_and_promises_none(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    recorder.add("test", id="test_it.py::late", title="", requirements=[])
    attempt(recorder, "test_it.py::late", "failed", error=f"PUSH did not come{SINCE}\n    1 host RUN_ENTER {{}}")
    recorder.close()
    shown = next(part for part in table.render(report.draw(tmp_path).run).split("\n\n") if part.startswith("failed: "))
    assert shown.splitlines()[1] == "    PUSH did not come"


def test_json_has_a_line_for_each_requirement(run: Run) -> None:
    lines = [json.loads(line) for line in (run.directory / "requirements.jsonl").read_text().splitlines()]
    assert len(lines) == len({line["id"] for line in lines}) == 308
    by_id = {line["id"]: line for line in lines}
    assert by_id["CCT-041"]["reason"] == "no TAP here"
    assert by_id["CCT-040"]["reason"] == "the run ended before"
    assert by_id["CCT-001"]["verdict"] == "not covered"
    assert by_id["CCT-001"]["reason"] == "this run selected none of its tests"
    assert by_id["BTR-001"]["reason"] == "this run selected none of its tests"
    assert [line["id"] for line in lines if not line["reason"] and line["verdict"] != "passed"] == []


def test_junit_counts_a_test_once_and_keeps_every_attempt(run: Run) -> None:
    """As Surefire writes it: a flaky test is no error, and the attempt that went wrong is inside its case."""
    suite = ET.parse(run.directory / "junit.xml").getroot()[0]
    assert {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped", "flakes")} == {
        "tests": "5",
        "failures": "1",
        "errors": "0",
        "skipped": "2",
        "flakes": "1",
    }
    assert [case.get("name") for case in suite.iter("testcase")] == ["good", "bad", "shaky", "never", "away"]
    shaky = suite.find("testcase[@name='shaky']")
    assert shaky is not None
    (earlier,) = shaky.findall("flakyError")
    assert (earlier.get("message"), earlier.get("type")) == ("RIG-B03 no answer", "bench error")
    assert earlier.findtext("stackTrace") == "RIG-B03 no answer"
    properties = [(p.get("name"), p.get("value")) for p in suite.findall("testcase[1]/properties/property")]
    assert ("requirement", "CCT-010") in properties


def test_junit_says_when_and_where(run: Run) -> None:
    suite = ET.parse(run.directory / "junit.xml").getroot()[0]
    assert suite.get("hostname")
    written = datetime.fromisoformat(suite.attrib["timestamp"])
    assert abs(written.timestamp() - run.started_at) < 1


def test_junit_names_the_machine_that_ran_not_the_one_that_draws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "node", lambda: "my-desk")
    for facts, said in (({"host": "lab-7"}, "lab-7"), ({}, "localhost")):
        directory = tmp_path / said
        directory.mkdir()
        recorder = Recorder(directory)
        recorder.add("run", rig="0.1.0", **facts)
        recorder.close()
        report.draw(directory)
        assert ET.parse(directory / "junit.xml").getroot()[0].get("hostname") == said


def test_a_record_that_grows_gives_each_whole_line_once(tmp_path: Path) -> None:
    file = tmp_path / "lines.jsonl"
    tail = Tail(file)
    assert tail.lines() == []
    file.write_bytes(b'{"a":1}\n[2]\nnone of ours\n{"a":')
    assert tail.lines() == [{"a": 1}]
    with file.open("ab") as more:
        more.write(b'"\xe2\x80\xa8"}\n')  # a line separator of Unicode's ends no line here
    assert tail.lines() == [{"a": "\u2028"}]
    assert tail.lines() == []
    assert Tail(file, from_end=True).lines() == []


def test_who_follows_a_run_loses_no_line_by_what_a_killed_worker_left(tmp_path: Path) -> None:
    """The next writer takes it back: the file gets shorter."""
    recorder = Recorder(tmp_path)
    recorder.add("run", rig="0.1.0")
    with (tmp_path / "results.jsonl").open("ab") as record:
        record.write(b'{"kind":"attempt","at":1,"output":"' + b"x" * 8192)
    tail = Tail(tmp_path / "results.jsonl", from_end=True)
    recorder.add("attempt", id="t::x")
    recorder.add("end", exit=0)
    recorder.close()
    assert [line["kind"] for line in tail.lines()] == ["attempt", "end"]


def test_a_bench_error_that_stays_is_an_error_with_its_repetition(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    recorder.add("test", id="test_it.py::sick", title="", requirements=[])
    for number in (1, 2):
        attempt(recorder, "test_it.py::sick", "bench error", number=number, error=f"RIG-B03 number {number}")
    recorder.close()
    report.draw(tmp_path)
    suite = ET.parse(tmp_path / "junit.xml").getroot()[0]
    assert (suite.get("tests"), suite.get("errors"), suite.get("flakes")) == ("1", "1", "0")
    error, again = suite.find("testcase/error"), suite.find("testcase/rerunError")
    assert error is not None
    assert again is not None
    assert (error.get("message"), again.get("message")) == ("RIG-B03 number 2", "RIG-B03 number 1")


def test_what_was_written_is_in_every_report(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    recorder.add("test", id="test_it.py::bad", title="", requirements=[])
    output = [("Captured stdout call", "tick\n"), ("Captured stderr setup", "ModuleNotFoundError: no 'chatt' </pre>\x00\n")]
    fields = {"duration_s": 0.3, "phases": phases("failed", "no"), "artefacts": [], "output": output}
    recorder.add("attempt", id="test_it.py::bad", attempt=1, verdict="failed", **fields)
    recorder.close()
    report.draw(tmp_path)
    case = ET.parse(tmp_path / "junit.xml").getroot()[0].find("testcase")
    assert case is not None
    assert "ModuleNotFoundError: no 'chatt'" in (case.findtext("system-err") or "")
    assert "tick" in (case.findtext("system-out") or "")
    assert "ModuleNotFoundError: no 'chatt'" in (tmp_path / "report.md").read_text()
    assert "no &#39;chatt&#39; &lt;/pre&gt;" in (tmp_path / "report.html").read_text()


def test_a_flaky_run_does_not_say_that_nothing_passed(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    recorder.add("test", id="test_it.py::shaky", title="", requirements=["CCT-030"])
    attempt(recorder, "test_it.py::shaky", "bench error", error="RIG-B03 no answer")
    attempt(recorder, "test_it.py::shaky", "passed", number=2)
    recorder.close()
    assert table.summary(load(tmp_path)).startswith("requirements: 1 flaky (308 in the catalogue); tests: 1 flaky; ")


def test_facts_name_the_topologies_that_tests_ran_on(run: Run, run_dir: Path) -> None:
    recorder = Recorder(run_dir)
    fields = {"duration_s": 0.3, "phases": phases(), "device": "native", "topology": "routed", "artefacts": []}
    recorder.add("attempt", id="test_it.py::never", attempt=1, verdict="passed", **fields)
    recorder.close()
    assert load(run_dir).facts["topologies"] == "flat, routed"
    assert load(run_dir).facts["devices"] == "native, qemu"


def test_facts_name_the_firmware_that_a_device_said_it_runs_instead_of_what_was_built(run: Run, run_dir: Path) -> None:
    recorder = Recorder(run_dir)
    recorder.add("run", rig="0.1.0", **{"firmware native": "0.1.0, image 1234", "firmware qemu": "0.1.0, image 5678"})
    for number, said in enumerate(["2.0.0+0 on theirs", "2.0.0+0 on theirs", "2.0.1+0 on theirs"], 1):
        fields = {"duration_s": 0.3, "phases": phases(), "device": "native", "topology": "flat", "artefacts": []}
        recorder.add("test", id=f"test_it.py::{number}", title="", requirements=[])
        recorder.add("attempt", id=f"test_it.py::{number}", attempt=1, verdict="passed", firmware=said, **fields)
    recorder.close()
    facts = load(run_dir).facts
    assert facts["firmware native"] == "2.0.0+0 on theirs; 2.0.1+0 on theirs"
    assert facts["firmware qemu"] == "0.1.0, image 5678"


class Outside(HTMLParser):
    """Finds what a page would load from elsewhere, and elements that only an unescaped text can have made."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.loaded += [str(value) for name, value in attrs if name == "src" or (tag == "link" and name == "href")]


def test_html_is_one_file_and_escapes(run: Run) -> None:
    page = (run.directory / "report.html").read_text()
    parser = Outside()
    parser.feed(page)
    assert parser.loaded == []
    assert "&lt;b&gt;" in page
    assert page.index("test_it.py::bad") < page.index("test_it.py::good"), "failed tests come first"


def test_a_link_to_a_test_leads_to_it(run: Run) -> None:
    page = (run.directory / "report.html").read_text()
    linked = set(re.findall(r'href="#(t\d+)" title="(test_it\.py::\w+)', page))
    linked |= set(re.findall(r'href="#(t\d+)"><code>(test_it\.py::\w+)', page))
    shown = re.findall(r'<details class="test" id="(t\d+)".*?<code>(test_it\.py::\w+)', page, re.DOTALL)
    assert linked <= set(shown)
    assert len(linked) >= 2
    assert len({at for at, _ in shown}) == len(shown) == len(run.tests)


def test_markdown_stays_below_the_limit(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = markdown.render(run)
    assert "CCT-020" in whole
    monkeypatch.setattr(markdown, "LIMIT_BYTES", 300)
    short = markdown.render(run)
    assert len(short) < len(whole)
    assert short.endswith("see report.html.\n")


def test_table_has_a_column_for_each_device(run: Run) -> None:
    text = table.render(run)
    header = text.splitlines()[0]
    assert "native" in header
    assert "qemu" in header
    assert "1 failed" in text


def test_no_record_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="RIG-R11"):
        load(tmp_path)


def test_line_that_a_kill_cut_short_is_left_out(run_dir: Path) -> None:
    with (run_dir / "results.jsonl").open("a") as record:
        record.write('{"kind":"atte')
    assert len(load(run_dir).tests) == 5


def test_damaged_timeline_costs_the_picture_only(run_dir: Path) -> None:
    directory = run_dir / "tests" / "good"
    directory.mkdir(parents=True)
    (directory / "timeline.jsonl").write_text("no json\n")
    recorder = Recorder(run_dir)
    fields = {"duration_s": 0.3, "phases": phases(), "artefacts": ["tests/good/timeline.jsonl"]}
    recorder.add("attempt", id="test_it.py::good", attempt=1, verdict="passed", **fields)
    recorder.close()
    report.draw(run_dir)
    assert "No timeline was left" in (run_dir / "report.html").read_text()
