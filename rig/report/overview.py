"""The catalogue beside the last run: what of it has a test, and what that run said."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rig import catalogue
from rig.catalogue import Area, Requirement
from rig.catalogue.places import proving
from rig.errors import UsageError
from rig.report.model import RequirementResult, Run, load
from rig.results.record import RESULTS

NO_TEST, PROJECT, NOT_SELECTED = "no test", "project", "not selected"


@dataclass(frozen=True)
class Overview:
    """All requirements: the rig's, those of files of the user's, and those that the last run knew."""

    reports: Path
    """Where runs leave their reports."""
    run: Run | None
    areas: Mapping[str, Area]
    requirements: Mapping[str, Requirement]
    results: Mapping[str, RequirementResult]
    """Those that the last run selected a test of."""
    trouble: str = ""
    """Why the last run could not be read; the catalogue is shown without it."""

    def in_area(self, prefix: str) -> list[Requirement]:
        return [entry for entry in self.requirements.values() if entry.prefix == prefix]

    def in_suite(self, entry: Requirement) -> bool:
        """Whether a test of the suite proves it, of a user's own requirement: whether the last run had a test of it."""
        return not entry.reason if entry.id in catalogue.load() else entry.id in self.results

    def said(self, id_: str) -> str:
        """The last run's verdict, or in a word why it has none; empty without a run."""
        if id_ in self.results:
            return str(self.results[id_].verdict)
        if not self.in_suite(self.requirements[id_]):
            return PROJECT if self.requirements[id_].proved else NO_TEST
        return NOT_SELECTED if self.run is not None else ""

    def reason(self, id_: str) -> str:
        """Why it has no test in the suite, or did not simply pass."""
        return self.results[id_].reason if id_ in self.results else self.requirements[id_].reason

    def counts(self, prefix: str) -> dict[str, Any]:
        """Of an area: how many requirements, how many with tests of which kind, and the last run's verdicts."""
        entries = self.in_area(prefix)
        in_suite = sum(self.in_suite(entry) for entry in entries)
        elsewhere = sum(bool(entry.proved) and not self.in_suite(entry) for entry in entries)
        verdicts = Counter(str(self.results[entry.id].verdict) for entry in entries if entry.id in self.results)
        without = len(entries) - in_suite - elsewhere
        kinds = {"in_suite": in_suite, "in_project_tests_only": elsewhere, "without_test": without}
        return {"requirements": len(entries), **kinds, "last_run": dict(verdicts)}

    def run_facts(self) -> dict[str, Any] | None:
        """Which run is the last one, and when it was."""
        if self.run is None:
            return None
        started = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(self.run.started_at))
        return {"name": self.run.name, "directory": str(self.run.directory), "started": started, "exit_code": self.run.exit_code}

    def as_json(self, id_: str, *, tests: bool) -> dict[str, Any]:
        """One requirement with every field; `tests`: with the names of those that prove it, read from the test files."""
        last = {"verdict": self.said(id_), "reason": self.reason(id_)} if self.run is not None else None
        found = {"tests": proving(id_)} if tests else {}
        return {**asdict(self.requirements[id_]), "in_suite": self.in_suite(self.requirements[id_]), "last_run": last, **found}


def look(reports: Path, own: tuple[Path, ...] = ()) -> Overview:
    """Read the catalogue, files of the user's, and the last run in `reports`, if there is one.

    Raises UsageError RIG-C01 or RIG-C13 for those files. A record that is damaged costs its verdicts alone.
    """
    requirements, areas = dict(catalogue.load(own)), dict(catalogue.areas(own))
    latest = reports / "latest"
    if not (latest / RESULTS).is_file():
        return Overview(reports, None, areas, requirements, {})
    try:
        run = load(latest.resolve())
    except UsageError as error:
        return Overview(reports, None, areas, requirements, {}, f"cannot be read: {error.code} {error.cause}")
    for id_, entry in run.own.items():
        requirements.setdefault(id_, entry)
        areas.setdefault(entry.prefix, Area(entry.prefix, entry.area))
    return Overview(reports, run, areas, requirements, {result.requirement.id: result for result in run.covered})
