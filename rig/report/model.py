"""A finished run, read back from its record.

Run ── tests: TestResult ── attempts: Attempt ── phases: Phase
 └──── requirements: RequirementResult, one for each line of the catalogue and each tested edge case
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from rig import catalogue
from rig.errors import UsageError
from rig.results import verdict as verdicts
from rig.results.record import RESULTS, read
from rig.results.verdict import Verdict

NOT_REACHED = "the run ended before"
NOT_SELECTED = "this run selected none of its tests"
UNPROVED = (Verdict.UNPROVED, Verdict.UNPROVED_IN_PART)


@dataclass(frozen=True)
class Phase:
    """Set-up, call or teardown of one attempt."""

    name: str
    verdict: Verdict
    duration_s: float
    error: str = ""
    """One or a few lines."""
    trace: str = ""
    """The whole traceback."""
    at: str = ""
    """`file:line: code` of the test."""


@dataclass(frozen=True)
class Attempt:
    """One try of a test."""

    number: int
    verdict: Verdict
    duration_s: float
    phases: list[Phase]
    artefacts: list[Path]
    """Relative to the run's directory."""
    output: list[tuple[str, str]] = field(default_factory=list)
    """(stream, the end of its text): what the test, the host's service and its apps wrote. Empty when it passed."""
    wakes: list[Mapping[str, Any]] = field(default_factory=list)
    """The device's wakes in it: reason, slot or pattern, frame, how the test planned it, what speaks against it."""
    properties: list[tuple[str, str]] = field(default_factory=list)
    """(name, value): what the test says of itself by pytest's `record_property`."""

    @property
    def reason(self) -> str:
        """The first error or skip reason."""
        return next((phase.error for phase in self.phases if phase.error), "")

    @property
    def trace(self) -> str:
        """The tracebacks of all phases."""
        return "\n\n".join(phase.trace for phase in self.phases if phase.trace)

    @property
    def at(self) -> str:
        """Where the first error was, `file:line: code`; empty for a skip."""
        return next((phase.at for phase in self.phases if phase.at), "")

    @property
    def folder(self) -> str:
        """Where its artefacts are, relative to the run's directory; empty where it left none."""
        return self.artefacts[0].parent.as_posix() if self.artefacts else ""


@dataclass
class TestResult:
    """One selected test with all of its attempts."""

    __test__ = False  # not a test class, whatever its name says to pytest

    id: str
    title: str
    requirements: list[str]
    device: str = ""
    topology: str = ""
    firmware: str = ""
    """What the device said that it runs; empty where it was not asked."""
    attempts: list[Attempt] = field(default_factory=list)

    @property
    def verdict(self) -> Verdict:
        return verdicts.of_test([attempt.verdict for attempt in self.attempts])

    @property
    def reason(self) -> str:
        if self.verdict is Verdict.NOT_RUN:
            return NOT_REACHED
        return next((attempt.reason for attempt in reversed(self.attempts) if attempt.reason), "")

    @property
    def lacking(self) -> str:
        """The first line of the reason."""
        return self.reason.partition("\n")[0]

    @property
    def duration_s(self) -> float:
        return sum(attempt.duration_s for attempt in self.attempts)

    @property
    def at(self) -> str:
        """Where the last attempt that went wrong did so."""
        return next((attempt.at for attempt in reversed(self.attempts) if attempt.at), "")

    @property
    def folder(self) -> str:
        """The artefacts of the last attempt that went wrong."""
        return next((attempt.folder for attempt in reversed(self.attempts) if attempt.reason), "")


@dataclass(frozen=True)
class RequirementResult:
    """What the run says about one requirement."""

    requirement: catalogue.Requirement
    verdict: Verdict
    tests: list[TestResult]

    @property
    def reason(self) -> str:
        """Why it is not simply passed: the reason of the test that decided, what was lacking, or why no test did."""
        if self.verdict is Verdict.PASSED:
            return ""
        if self.verdict is Verdict.NOT_COVERED:
            return self.requirement.reason or NOT_SELECTED
        if self.verdict in UNPROVED:
            return "; ".join(self.lacking)
        return next((test.reason for test in self.tests if test.verdict is self.verdict), "")

    @property
    def lacking(self) -> list[str]:
        """Why tests of it were skipped, each reason once, with the device where there were several."""
        several = len(self.devices) > 1
        skipped = [test for test in self.tests if test.verdict is Verdict.SKIPPED]
        words = (f"{test.device}: {test.lacking}" if several and test.device else test.lacking for test in skipped)
        return list(dict.fromkeys(words))

    @property
    def devices(self) -> dict[str, Verdict]:
        """Device -> what its tests alone say; empty where they name none."""
        names = sorted({test.device for test in self.tests if test.device})
        return {name: verdicts.of_requirement([test.verdict for test in self.tests if test.device == name]) for name in names}


@dataclass
class Run:
    """Everything the reports are drawn from."""

    directory: Path
    facts: dict[str, str]
    tests: list[TestResult]
    exit_code: int | None
    """None when the run was killed."""
    duration_s: float
    own: dict[str, catalogue.Requirement] = field(default_factory=dict)
    """Requirements of the user's that are not in the rig's catalogue."""
    started_at: float = 0.0
    """Seconds since 1970, UTC."""

    @property
    def name(self) -> str:
        return self.directory.name

    @property
    def counts(self) -> dict[Verdict, int]:
        """Tests by verdict, worst first, without the empty ones."""
        return _count(test.verdict for test in self.tests)

    @property
    def requirement_counts(self) -> dict[Verdict, int]:
        """The same of the requirements that a selected test names."""
        return _count(result.verdict for result in self.covered)

    @property
    def troubles(self) -> list[TestResult]:
        """The tests that someone must look at, worst first."""
        return [test for test in self.worst_first if test.verdict in (Verdict.FAILED, Verdict.BENCH_ERROR, Verdict.FLAKY)]

    @property
    def worst_first(self) -> list[TestResult]:
        order = {verdict: place for place, verdict in enumerate(Verdict)}
        return sorted(self.tests, key=lambda test: order[test.verdict])

    @functools.cached_property
    def requirements(self) -> list[RequirementResult]:
        """One result for each requirement of the catalogue, in its order, then of the user's."""
        by_id: dict[str, list[TestResult]] = {}
        for test in self.tests:
            for id_ in test.requirements:
                by_id.setdefault(id_, []).append(test)
        known = {**catalogue.load(), **self.own}
        return [_judge(requirement, by_id.get(id_, [])) for id_, requirement in known.items()]

    @property
    def covered(self) -> list[RequirementResult]:
        """The requirements that a selected test names."""
        return [result for result in self.requirements if result.tests]


def _count(found: Iterable[Verdict]) -> dict[Verdict, int]:
    counted = Counter(found)
    return {verdict: counted[verdict] for verdict in Verdict if counted[verdict]}


def load(run_dir: Path) -> Run:
    """Read a run's record. Raises UsageError RIG-R11 when there is none, or a line that is none."""
    try:
        lines = read(run_dir)
    except OSError as error:
        raise UsageError("RIG-R11", f"{run_dir / RESULTS}: {error.strerror}", "rig report reports/<run>") from error
    run = Run(run_dir, {}, [], None, 0.0)
    tests: dict[str, TestResult] = {}
    for number, line in enumerate(lines, 1):
        try:
            _take(run, tests, line)
        except (KeyError, ValueError, TypeError, AttributeError, OverflowError) as error:  # damaged, or another version's
            cause = f"{run_dir / RESULTS}:{number}: is no line of a run's record: {type(error).__name__}: {error}"
            raise UsageError("RIG-R11", cause, "rig report reports/<run>") from error
    run.tests = list(tests.values())
    if lines:
        run.started_at, run.duration_s = lines[0]["at"], lines[-1]["at"] - lines[0]["at"]
    _say_what_ran(run)
    return run


def _say_what_ran(run: Run) -> None:
    """A test may bring a topology of its own, a board its own firmware: the facts name what was used, not what was asked for or
    built."""
    for fact, used in (("devices", {test.device for test in run.tests}), ("topologies", {test.topology for test in run.tests})):
        if used - {""}:
            run.facts[fact] = ", ".join(sorted(used - {""}))
    for device in sorted({test.device for test in run.tests if test.firmware}):
        said = {test.firmware for test in run.tests if test.device == device}
        run.facts[f"firmware {device}"] = "; ".join(sorted(said - {""}))


def _take(run: Run, tests: dict[str, TestResult], line: Mapping[str, Any]) -> None:
    match line["kind"]:
        case "run":
            run.facts = {key: str(value) for key, value in line.items() if key not in ("kind", "at")}
        case "requirement":
            run.own[line["id"]] = _requirement(line)
        case "test":
            tests[line["id"]] = TestResult(line["id"], str(line["title"]), [str(id_) for id_ in line["requirements"]])
        case "attempt":
            test = tests[line["id"]]
            test.device, test.topology = str(line.get("device", "")), str(line.get("topology", ""))
            test.firmware = str(line.get("firmware", ""))
            test.attempts.append(_attempt(line))
        case "end":
            run.exit_code = int(line["exit"])


def _requirement(line: Mapping[str, Any]) -> catalogue.Requirement:
    known = {part.name for part in fields(catalogue.Requirement)} - {"proved"}
    texts = {key: value for key, value in line.items() if key in known}
    return catalogue.Requirement(**texts, proved=tuple(line.get("proved", ())))


def _attempt(line: Mapping[str, Any]) -> Attempt:
    phases = [
        Phase(
            str(phase["name"]),
            Verdict(phase["verdict"]),
            float(phase["s"]),
            *(str(phase.get(key, "")) for key in ("error", "trace", "at")),
        )
        for phase in line["phases"]
    ]
    artefacts = [Path(path) for path in line.get("artefacts", [])]
    output = [(str(name), str(text)) for name, text in line.get("output", [])]
    wakes: list[Mapping[str, Any]] = [{"planned": "", "fault": "", **row} for row in line.get("wakes", []) if row["reason"]]
    properties = [(str(name), str(value)) for name, value in line.get("properties", [])]
    number, verdict, duration_s = int(line["attempt"]), Verdict(line["verdict"]), float(line["duration_s"])
    return Attempt(number, verdict, duration_s, phases, artefacts, output, wakes, properties)


def _judge(requirement: catalogue.Requirement, tests: list[TestResult]) -> RequirementResult:
    return RequirementResult(requirement, verdicts.of_requirement([test.verdict for test in tests]), tests)
