"""junit.xml, written from the record in the form of Maven Surefire, which CI systems read.

A test is one test case, whatever it took: its last attempt decides. An earlier attempt is a `flakyError` of a test that
passed in the end and a `rerunError` of one that did not, so that a flaky run counts no error and still shows what
happened. Each requirement is a property of the case, and so is what the test says of itself by `record_property`.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from xml.etree import ElementTree as ET

from rig.report.model import Attempt, Run, TestResult
from rig.results.verdict import Verdict

UNSAFE = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 does not allow, not even escaped."""

ELEMENTS = {Verdict.FAILED: "failure", Verdict.BENCH_ERROR: "error", Verdict.SKIPPED: "skipped", Verdict.NOT_RUN: "skipped"}
UNKNOWN_HOST = "localhost"
"""What junit.xml's schema asks for where it is not known: the machine that draws may be another than the one that ran."""

COUNTED = {"failures": "failure", "errors": "error", "skipped": "skipped", "flakes": "flakyError"}
"""Attribute of the suite -> the element that counts for it, once a case."""

OWN_PROPERTIES = {"requirement", "device", "topology", "verdict"}
"""A test that has properties of these names does not speak for the rig."""


def render(run: Run) -> str:
    started = datetime.fromtimestamp(run.started_at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    suite = ET.Element("testsuite", name="rig", timestamp=started, hostname=_safe(run.facts.get("host") or UNKNOWN_HOST))
    suite.set("time", f"{run.duration_s:.3f}")
    if run.facts:
        properties = ET.SubElement(suite, "properties")
        for name, value in run.facts.items():
            ET.SubElement(properties, "property", name=name, value=_safe(value))
    for test in run.tests:
        _add_test(suite, test)
    _count(suite)
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _add_test(suite: ET.Element, test: TestResult) -> None:
    *earlier, last = test.attempts or [Attempt(1, Verdict.NOT_RUN, 0.0, [], [])]
    case = ET.SubElement(suite, "testcase", classname=_classname(test), name=_safe(test.id.partition("::")[2] or test.id))
    case.set("time", f"{test.duration_s:.3f}")
    _add_properties(case, test, last)
    _add_outcome(case, test, last)
    for attempt in earlier:
        _add_earlier(case, attempt, "flakyError" if last.verdict is Verdict.PASSED else "rerunError")
    _add_output(case, last)


def _classname(test: TestResult) -> str:
    return _safe(test.id.partition("::")[0].removesuffix(".py").replace("/", "."))


def _add_properties(case: ET.Element, test: TestResult, last: Attempt) -> None:
    named = [("requirement", id_) for id_ in test.requirements]
    named += [(name, value) for name, value in (("device", test.device), ("topology", test.topology)) if value]
    said = [(f"property {name}" if name in OWN_PROPERTIES else name, value) for name, value in last.properties]
    if named or said:
        properties = ET.SubElement(case, "properties")
        for name, value in [*named, ("verdict", str(test.verdict)), *said]:
            ET.SubElement(properties, "property", name=_safe(name), value=_safe(value))


def _add_outcome(case: ET.Element, test: TestResult, attempt: Attempt) -> None:
    element = ELEMENTS.get(attempt.verdict)
    if element is None:
        return
    reason = attempt.reason or test.reason
    outcome = ET.SubElement(case, element, message=_safe(reason.partition("\n")[0]))
    if element != "skipped":
        outcome.set("type", str(attempt.verdict))
    outcome.text = _safe(attempt.trace or reason)


def _add_earlier(case: ET.Element, attempt: Attempt, element: str) -> None:
    again = ET.SubElement(case, element, message=_safe(attempt.reason.partition("\n")[0]), type=str(attempt.verdict))
    ET.SubElement(again, "stackTrace").text = _safe(attempt.trace or attempt.reason)
    _add_output(again, attempt)


def _add_output(parent: ET.Element, attempt: Attempt) -> None:
    """pytest's sections: its stderr, and as `out` all the others (stdout, log)."""
    for element, texts in (
        ("system-out", [f"{name}\n{text}" for name, text in attempt.output if "stderr" not in name]),
        ("system-err", [f"{name}\n{text}" for name, text in attempt.output if "stderr" in name]),
    ):
        if texts:
            ET.SubElement(parent, element).text = _safe("\n".join(texts))


def _count(suite: ET.Element) -> None:
    suite.set("tests", str(len(suite.findall("testcase"))))
    for attribute, element in COUNTED.items():
        suite.set(attribute, str(len(suite.findall(f"testcase[{element}]"))))


def _safe(text: str) -> str:
    return UNSAFE.sub("\N{REPLACEMENT CHARACTER}", text)
