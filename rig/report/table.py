"""The table on the screen at the end of a run: requirements by device, then the counts."""

from __future__ import annotations

from tabulate import tabulate

from rig.report.model import RequirementResult, Run
from rig.runner import verdict as verdicts
from rig.runner.verdict import Verdict

REASON_CHARS = 60
"""A reason on one line of a wide terminal; the reports have the whole of it."""


def render(run: Run) -> str:
    """Covered requirements, one row each, one verdict column a device, then the counts."""
    devices = sorted({test.device for test in run.tests if test.device})
    rows = [_row(result, devices) for result in run.covered]
    headers = ["requirement", "title", *(devices or ["verdict"]), "tests", "reason"]
    return f"{tabulate(rows, headers, tablefmt='simple')}\n\n{summary(run)}"


def summary(run: Run) -> str:
    """One line: requirements and tests by verdict, and the time."""
    covered = run.covered
    passed = sum(result.verdict is Verdict.PASSED for result in covered)
    tests = ", ".join(f"{count} {verdict}" for verdict, count in run.counts.items()) or "none"
    requirements = f"{passed} of {len(covered)} passed ({len(run.requirements)} in the catalogue)"
    return f"requirements: {requirements}; tests: {tests}; {run.duration_s:.1f} s"


def _row(result: RequirementResult, devices: list[str]) -> list[str]:
    cells = [_cell(result, device) for device in devices] or [str(result.verdict)]
    reason = result.reason.partition("\n")[0]
    short = reason if len(reason) <= REASON_CHARS else reason[: REASON_CHARS - 1] + "…"
    return [result.requirement.id, result.requirement.title, *cells, str(len(result.tests)), short]


def _cell(result: RequirementResult, device: str) -> str:
    tests = [test.verdict for test in result.tests if test.device == device]
    return str(verdicts.of_requirement(tests)) if tests else "-"
