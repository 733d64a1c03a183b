"""report.html: one page that holds everything it shows; it opens from a disk, an archive or a CI artefact alike."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

import jinja2

from rig.errors import RigError
from rig.report import picture
from rig.report.compare import Comparison
from rig.report.markdown import headline
from rig.report.model import RequirementResult, Run, TestResult
from rig.report.table import MOST_TROUBLES, summary
from rig.report.wakes import HEARD, ledger_of
from rig.results.artefacts import TIMELINE
from rig.timeline import Record
from rig.timeline import load as load_timeline

TEMPLATES = Path(__file__).with_name("templates")

LAST_RECORDS = 40
"""Records shown as text below a failing test's picture."""


def render(run: Run, since: Comparison | None = None) -> str:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    anchors = {test.id: f"t{number}" for number, test in enumerate(run.tests)}
    return environment.get_template("report.html.j2").render(
        run=run,
        headline=headline(run),
        summary=summary(run),
        since=since,
        titles={result.requirement.id: result.requirement.title for result in run.requirements},
        anchors=anchors,
        sections=[_section(run, test, anchors[test.id]) for test in run.worst_first],
        areas=_areas(run),
        wakes=ledger_of(run),
        heard=HEARD,
        plot_width=picture.WIDTH_PX,
        most_troubles=MOST_TROUBLES,
    )


def _section(run: Run, test: TestResult, anchor: str) -> dict[str, object]:
    """What the page shows of one test."""
    records = _records(run, test)
    failed = test.verdict not in ("passed", "skipped", "not run")
    return {
        "test": test,
        "anchor": anchor,
        "picture": picture.draw(records),
        "records": records[-LAST_RECORDS:] if failed else [],
        "files": [path.as_posix() for attempt in test.attempts for path in attempt.artefacts],
        "open": failed,
    }


def _records(run: Run, test: TestResult) -> list[Record]:
    """The timeline of the last attempt that left one."""
    for attempt in reversed(test.attempts):
        for path in attempt.artefacts:
            if path.name == TIMELINE:
                return _load(run.directory / path)
    return []


def _load(path: Path) -> list[Record]:
    """A timeline that is damaged or gone costs its picture, not the report."""
    try:
        return list(load_timeline(path))
    except (OSError, RigError):
        return []


def _areas(run: Run) -> list[tuple[str, list[RequirementResult], int]]:
    """(area, its requirements, how many are covered), in the order of the catalogue."""
    found = []
    for area, results in groupby(run.requirements, key=lambda result: result.requirement.area):
        listed = list(results)
        found.append((area, listed, sum(bool(result.tests) for result in listed)))
    return found
