"""The catalogue on a screen: all areas, one area, one requirement. Fits terminals from 60 columns on."""

from __future__ import annotations

import shutil
import textwrap
from collections import Counter
from typing import Any

from tabulate import tabulate

from rig.catalogue.places import folders, proving
from rig.report.overview import Overview

NARROWEST, WIDEST = 60, 150
"""Columns: below the first words break, above the second lines are too long to read."""
COMMON = 4
"""As many requirements of an area with the same reason share one line for it."""
LABEL = 10
"""Columns of the labels of one requirement's page."""
ONE_LINE = 80
"""Columns from which a row of the table of areas has all of its texts side by side."""
NUMBERS = 43
"""Columns of the table of areas besides its two texts."""


def areas(seen: Overview) -> str:
    """A row an area: how many requirements, with which tests, and what the last run said."""
    rows: list[list[Any]] = []
    for prefix, area in seen.areas.items():
        counts = seen.counts(prefix)
        kinds = [counts["requirements"], counts["in_suite"], counts["in_project_tests_only"], counts["without_test"]]
        rows.append([prefix, area.title, *(number or "-" for number in kinds), _verdicts(counts["last_run"])])
    all_of = [sum(row[column] for row in rows if isinstance(row[column], int)) for column in (2, 3, 4, 5)]
    rows.append(["", "all", *all_of, ""])
    headers = ["", "area", "all", "suite", "project", "none", "last run"]
    if _width() < ONE_LINE:
        headers, rows = headers[:-1], [[row[0], f"{row[1]}\n{row[6].strip('-')}", *row[2:6]] for row in rows]
    room = (_width() - NUMBERS) // (len(headers) - 5)
    wrapped = [[_wrap(cell, room) if isinstance(cell, str) and place else cell for place, cell in enumerate(row)] for row in rows]
    align = ["left", "left", "right", "right", "right", "right", "left"]
    table = tabulate(wrapped, headers, tablefmt="simple", colalign=align[: len(headers)])
    legend = (
        "suite: with a test that rig run runs on a device; project: with tests of this project alone (tests/, make test); "
        "none: without a test, rig requirements AREA says why."
    )
    return "\n\n".join([table, _wrap(legend, _width()), _last_run(seen)])


def area(seen: Overview, prefix: str) -> str:
    """What the area is, and a row a requirement: its verdict in the last run, its title, why there is no more."""
    verdicts = {entry.id: seen.said(entry.id) for entry in seen.in_area(prefix)}
    reasons = {id_: seen.reason(id_) for id_ in verdicts}
    common = [
        reason
        for reason, number in Counter(text for id_, text in reasons.items() if id_ not in seen.results).items()
        if reason and number >= COMMON
    ]
    about = seen.areas[prefix]
    indent = max(len(id_) for id_ in verdicts) + max(len(said) for said in verdicts.values()) + 4
    rows = []
    for entry in seen.in_area(prefix):
        reason = reasons[entry.id]
        lines = [entry.title, *([f"- {reason}"] if reason and reason not in common[:1] else [])]
        rows.append([entry.id, verdicts[entry.id], "\n".join(_wrap(line, _width() - indent) for line in lines)])
    head = f"{prefix}: {about.title}" + (f"\n\n{_wrap(about.about, _width())}" if about.about else "")
    table = tabulate(rows, ["", "last run", "requirement"] if seen.run else ["", "", "requirement"], tablefmt="simple")
    shared = [
        _wrap(f"{_said_of(reason, seen, prefix)}, where no reason stands above: {reason}.", _width()) for reason in common[:1]
    ]
    return "\n\n".join([head, table, *shared, _last_run(seen)])


def _said_of(reason: str, seen: Overview, prefix: str) -> str:
    return next(seen.said(entry.id) for entry in seen.in_area(prefix) if entry.reason == reason)


def requirement(seen: Overview, id_: str) -> str:
    """Everything about one."""
    entry = seen.requirements[id_]
    away = [f"tests/{folder}, in the source tree" for folder in entry.proved if folder not in folders()]
    tests = [*proving(id_), *away]
    result = seen.results.get(id_)
    ran = list(dict.fromkeys(f"{test.verdict}  {test.id}" for test in result.tests)) if result else []
    said = [seen.said(id_), *ran] if seen.run else []
    parts = {
        "area": [f"{entry.prefix}, {entry.area}"],
        "profile": [] if entry.profile == "both" else [f"{entry.profile}: a host that behaves as Windows {entry.profile[3:]}"],
        "when": [entry.condition],
        "required": [entry.required],
        "seen by": [entry.observable],
        "source": [entry.source],
        "tests": tests,
        "left out": [entry.remains],
        "reason": [entry.reason],
        "last run": said,
    }
    lines = [_wrap(f"{id_}  {entry.title}", _width(), "         "), ""]
    lines += [_labelled(label, [text for text in texts if text]) for label, texts in parts.items() if any(texts)]
    hint = f"What {entry.prefix} is: rig requirements {entry.prefix}" if seen.areas[entry.prefix].about else ""
    return "\n".join([*lines, "", *filter(None, [_last_run(seen), hint])])


def _labelled(label: str, texts: list[str]) -> str:
    """The label once, its texts beside it; long names of tests stay whole, so that they can be copied."""
    room = _width() - LABEL
    lines = [line for text in texts for line in ([text] if "::" in text else _wrap(text, room).split("\n"))]
    return "\n".join(f"{label if number == 0 else '':{LABEL}}{line}" for number, line in enumerate(lines))


def _verdicts(counts: dict[str, int]) -> str:
    return ", ".join(f"{number} {verdict}" for verdict, number in counts.items()) or "-"


def _last_run(seen: Overview) -> str:
    facts = seen.run_facts()
    if facts is None or seen.run is None:
        return f"last run: {seen.trouble or f'none in {seen.reports}'}"
    end = "killed" if facts["exit_code"] is None else f"exit code {facts['exit_code']}"
    where = ", ".join(seen.run.facts[fact] for fact in ("devices", "topologies") if seen.run.facts.get(fact))
    return _wrap(f"last run: {facts['name']}, {facts['started']}" + (f", {where}" if where else "") + f", {end}", _width())


def _wrap(text: str, width: int, indent: str = "") -> str:
    """Line ends that are there stay."""
    wrapper = textwrap.TextWrapper(max(width, 10), subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    return "\n".join(line for part in text.split("\n") for line in wrapper.wrap(part))


def _width() -> int:
    """Of the terminal; a file gets 120."""
    return max(NARROWEST, min(WIDEST, shutil.get_terminal_size((120, 24)).columns))
