"""The table on the screen at the end of a run: requirements by device, then the counts."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path

from tabulate import tabulate

from rig.printable import printable
from rig.report.compare import Comparison
from rig.report.model import UNPROVED, RequirementResult, Run, TestResult
from rig.results.verdict import Verdict
from rig.timeline import SINCE

REASON_CHARS = 60
"""A reason on one line of a wide terminal; the reports have the whole of it."""

FILL_COLUMNS = 120
"""Of lists of requirements."""

MOST_TROUBLES = 20
"""More of them have one cause, or do not fit a screen."""


def render(run: Run, since: Comparison | None = None) -> str:
    """Covered requirements, a row each, a verdict column a device; what went wrong, once more; what changed; the counts."""
    devices = sorted({test.device for test in run.tests if test.device})
    reached = [result for result in run.covered if any(test.attempts for test in result.tests)]
    rows = [_row(result, devices) for result in reached]
    headers = ["requirement", "title", *(devices or ["verdict"]), "tests", "reason"]
    changes = [since.text] if since is not None else []
    table = [tabulate(rows, headers, tablefmt="simple")] if rows else []
    ended = _ended_before(len(run.covered) - len(reached))
    return "\n\n".join([*table, *ended, *unproved(run), *troubles(run), *changes, summary(run)])


def _ended_before(requirements: int) -> list[str]:
    """One line for all that an interrupted run did not come to."""
    counted = "1 requirement" if requirements == 1 else f"{requirements} requirements"
    return [f"{counted} more: the run ended before their tests"] if requirements else []


def unproved(run: Run) -> list[str]:
    """A paragraph: what was lacking, and which requirements are unproved for want of it, wholly or in part."""
    wanting: dict[str, list[str]] = {}
    for result in run.covered:
        if result.verdict in UNPROVED:
            for reason in result.lacking:
                wanting.setdefault(reason, []).append(result.requirement.id)
    lines = [_filled(f"{reason}: {', '.join(ids)}") for reason, ids in wanting.items()]
    return ["\n".join(["unproved, as tests of them were not possible here:", *lines])] if lines else []


def _filled(text: str) -> str:
    return textwrap.fill(text, FILL_COLUMNS, initial_indent="    ", subsequent_indent="        ", break_on_hyphens=False)


def troubles(run: Run) -> list[str]:
    """A paragraph for each test that went wrong: why, on which line, where its capture and its timeline are."""
    shown = [_trouble(run, test) for test in run.troubles[:MOST_TROUBLES]]
    more = len(run.troubles) - len(shown)
    return [*shown, f"... and {more} more, in report.html"] if more else shown


def _trouble(run: Run, test: TestResult) -> str:
    lines = [f"{test.verdict}: {test.id}", printable(test.reason.partition("\n")[0].removesuffix(SINCE))]
    lines += [f"at {test.at}"] if test.at else []
    lines += [f"files: {shown_path(run.directory / test.folder)}"] if test.folder else []
    return "\n    ".join(lines)


def files(run_dir: Path) -> str:
    """One line: where the reports are."""
    page = shown_path(run_dir / "report.html")
    return f"report: {page}   (also junit.xml, report.md, requirements.jsonl, results.jsonl)"


def shown_path(path: Path) -> Path:
    """Relative to here when it is below."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def summary(run: Run) -> str:
    """One line: requirements and tests by verdict, and the time."""
    requirements = f"{counted(run.requirement_counts)} ({len(run.requirements)} in the catalogue)"
    return f"requirements: {requirements}; tests: {counted(run.counts)}; {run.duration_s:.1f} s"


def counted(counts: Mapping[Verdict, int]) -> str:
    """ "1 failed, 12 passed"."""
    return ", ".join(f"{count} {verdict}" for verdict, count in counts.items()) or "none"


def _row(result: RequirementResult, devices: list[str]) -> list[str]:
    cells = [str(result.devices.get(device, "-")) for device in devices] or [str(result.verdict)]
    reason = printable(result.reason.partition("\n")[0])
    short = reason if len(reason) <= REASON_CHARS else reason[: REASON_CHARS - 1] + "…"
    return [result.requirement.id, result.requirement.title, *cells, str(len(result.tests)), short]
