"""junit.xml, written from the record: every attempt is a test case of its own, so that a flaky test shows as such.

The last attempt carries the test's name, earlier ones "name (attempt n)". Each requirement is a property of the case.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from rig.report.model import Attempt, Run, TestResult
from rig.runner.verdict import Verdict

UNSAFE = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 does not allow, not even escaped."""

ELEMENTS = {Verdict.FAILED: "failure", Verdict.BENCH_ERROR: "error", Verdict.SKIPPED: "skipped", Verdict.NOT_RUN: "skipped"}


def render(run: Run) -> str:
    suite = ET.Element("testsuite", name="rig", time=f"{run.duration_s:.3f}")
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
    attempts = test.attempts or [Attempt(1, Verdict.NOT_RUN, 0.0, [], [])]
    for attempt in attempts:
        last = attempt is attempts[-1]
        case = ET.SubElement(suite, "testcase", classname=_classname(test), name=_name(test, attempt, last))
        case.set("time", f"{attempt.duration_s:.3f}")
        _add_properties(case, test)
        _add_outcome(case, test, attempt)


def _classname(test: TestResult) -> str:
    return _safe(test.id.partition("::")[0].removesuffix(".py").replace("/", "."))


def _name(test: TestResult, attempt: Attempt, last: bool) -> str:
    name = _safe(test.id.partition("::")[2] or test.id)
    return name if last else f"{name} (attempt {attempt.number})"


def _add_properties(case: ET.Element, test: TestResult) -> None:
    named = [("requirement", id_) for id_ in test.requirements]
    named += [(name, value) for name, value in (("device", test.device), ("topology", test.topology)) if value]
    if named:
        properties = ET.SubElement(case, "properties")
        for name, value in [*named, ("verdict", str(test.verdict))]:
            ET.SubElement(properties, "property", name=name, value=value)


def _add_outcome(case: ET.Element, test: TestResult, attempt: Attempt) -> None:
    element = ELEMENTS.get(attempt.verdict)
    if element is None:
        return
    reason = attempt.reason or test.reason
    outcome = ET.SubElement(case, element, message=_safe(reason.partition("\n")[0]))
    outcome.text = _safe("\n\n".join(phase.trace for phase in attempt.phases if phase.trace) or reason)


def _count(suite: ET.Element) -> None:
    suite.set("tests", str(len(suite.findall("testcase"))))
    for attribute, element in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(attribute, str(len(suite.findall(f"testcase/{element}"))))


def _safe(text: str) -> str:
    return UNSAFE.sub("\N{REPLACEMENT CHARACTER}", text)
