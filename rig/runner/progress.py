"""What `rig run` shows: the test that runs and the time left, a line the moment a test ends, at the end table and reports."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import pytest

from rig.exit_codes import Exit
from rig.printable import printable
from rig.results.verdict import MAX_ATTEMPTS, Verdict
from rig.runner.about import requirements, title
from rig.runner.gist import gist
from rig.runner.pace import Pace
from rig.runner.screen import Screen

if TYPE_CHECKING:
    from rig.report import Drawn

COLOURS = {Verdict.PASSED: "32", Verdict.FAILED: "31;1", Verdict.BENCH_ERROR: "33;1", Verdict.FLAKY: "33", Verdict.SKIPPED: "36"}


class Progress:
    """`verbose`: also what each test proves, how long its phases took, and whole tracebacks."""

    def __init__(self, out: TextIO, pace: Pace | None = None, *, verbose: bool = False) -> None:
        self._screen = Screen(out)
        self._say = self._screen.say
        self._pace = pace or Pace()
        self._verbose = verbose
        self._about: dict[str, str] = {}
        """In words, what each test proves."""
        self._option: object = None
        """pytest's own: how many workers there are, among others."""
        self._done = 0
        self._tests = 0

    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str]:
        """pytest's own letters are not shown."""
        return report.outcome, "", ""

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """Workers that start collect too: some ten seconds where they are many."""
        self._screen.status("collecting the tests")

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self._screen.status("")  # who prepares the devices says so himself
        self._about = {item.nodeid: f"{title(item)} {' '.join(requirements(item))}".strip() for item in session.items}
        self._option = session.config.option

    def pytest_rig_start(self, run_dir: Path | None, tests: int) -> None:
        self._tests = tests
        self._pace.start(self._about, len(getattr(self._option, "tx", None) or [""]))
        counted = "1 test" if tests == 1 else f"{tests} tests"
        self._say(counted if tests else "RIG-R01 nothing ran: no test matches -k\n  fix: rig run --list shows the names")
        if tests:
            self._screen.status(f"0/{tests}")

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._screen.status(", ".join(filter(None, (f"{self._done}/{self._tests}", str(self._pace), nodeid))))

    def pytest_rig_attempt(self, attempt: Mapping[str, Any]) -> None:
        verdict = Verdict(attempt["verdict"])
        repeats = verdict is Verdict.BENCH_ERROR and attempt["attempt"] < MAX_ATTEMPTS
        self._done += not repeats
        if not repeats:
            self._pace.ended(attempt["id"], attempt["duration_s"])
        if verdict is Verdict.PASSED and attempt["attempt"] > 1:
            verdict = Verdict.FLAKY
        counter = f"{self._done:>{len(str(self._tests))}}/{self._tests}"
        self._say(f"{counter} {self._word(verdict)} {attempt['duration_s']:6.2f} s  {attempt['id']}")
        if self._verbose:
            took = ", ".join(f"{phase['name']} {phase['s']:.2f} s" for phase in attempt["phases"])
            self._say(f"      {self._about.get(attempt['id'], '')}\n      {took}")
        for name, value in attempt.get("properties", ()):
            self._say(f"      {printable(name)} {printable(value)}")
        for phase in attempt["phases"]:
            if error := phase.get("error"):
                lines = (phase.get("trace") or error).splitlines() if self._verbose else gist(error)
                self._say("\n".join(f"      {printable(line)}" for line in lines))
            if at := phase.get("at"):
                self._say(f"      at {at}")
        if repeats:
            self._say("      once more: a bench error says nothing about the device")

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        if self._done:
            self._screen.status("drawing the reports")

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self._say(f"cannot load {report.nodeid}:\n{report.longreprtext}")

    def pytest_internalerror(self, excrepr: object) -> None:
        self._say(f"a bug of the rig, please report it:\n{excrepr}")

    @pytest.hookimpl(wrapper=True)
    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> Any:
        if excinfo.type.__module__ == "xdist.dsession":  # how it stops after -x
            return (yield)
        self._say(f"interrupted: {str(excinfo.value) or 'Ctrl-C'}; tearing down, then the reports")
        return (yield)

    def pytest_rig_reports(self, run_dir: Path, drawn: Drawn) -> None:
        from rig.report import table

        run = drawn.run
        self._say(f"\n{table.render(run, drawn.since)}\n\n{table.files(run_dir)}")
        if run.exit_code == Exit.NOTHING_RAN:
            self._say("RIG-R01 nothing ran: every selected test was skipped; the reasons stand above")

    def pytest_rig_no_room(self, error: Exception) -> None:
        self._screen.status("")
        print(f"error: {error}", file=sys.stderr)

    def _word(self, verdict: Verdict) -> str:
        return self._screen.coloured(f"{verdict:<11}", COLOURS.get(verdict, "0"))


class Listing:
    """Prints the collected tests with their requirements, a line each or as one JSON list."""

    def __init__(self, *, as_json: bool = False) -> None:
        self._as_json = as_json

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        if exitstatus not in (0, 5):  # such as a wrong -k, after which everything counts as selected
            return
        if self._as_json:
            print(json.dumps([{"id": item.nodeid, "requirements": list(requirements(item))} for item in session.items]))
            return
        for item in session.items:
            print(f"{item.nodeid}  {' '.join(requirements(item))}".rstrip())
