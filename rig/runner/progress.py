"""What `rig run` shows: a line the moment a test ends, the table and the reports' place at the end."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

import pytest

from rig.runner.verdict import MAX_ATTEMPTS, Verdict

COLOURS = {Verdict.PASSED: "32", Verdict.FAILED: "31;1", Verdict.BENCH_ERROR: "33;1", Verdict.FLAKY: "33", Verdict.SKIPPED: "36"}


class Progress:
    """Writes to `out`; in colour on a terminal, without NO_COLOR (no-color.org)."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._colour = out.isatty() and not os.environ.get("NO_COLOR")
        self._done = 0
        self._tests = 0

    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str]:
        """pytest's own letters are not shown."""
        return report.outcome, "", ""

    def pytest_rig_start(self, run_dir: Path | None, tests: int) -> None:
        self._tests = tests
        counted = "1 test" if tests == 1 else f"{tests} tests"
        self._say(counted if tests else "RIG-R01 nothing ran: no test matches -k\n  fix: rig run --list shows the names")

    def pytest_rig_attempt(self, attempt: Mapping[str, Any]) -> None:
        verdict = Verdict(attempt["verdict"])
        repeats = verdict is Verdict.BENCH_ERROR and attempt["attempt"] < MAX_ATTEMPTS
        self._done += not repeats
        if verdict is Verdict.PASSED and attempt["attempt"] > 1:
            verdict = Verdict.FLAKY
        counter = f"{self._done:>{len(str(self._tests))}}/{self._tests}"
        self._say(f"{counter} {self._word(verdict)} {attempt['duration_s']:6.2f} s  {attempt['id']}")
        for phase in attempt["phases"]:
            if error := phase.get("error"):
                self._say("\n".join(f"      {line}" for line in error.splitlines()[:6]))
            if at := phase.get("at"):
                self._say(f"      at {at}")
        if repeats:
            self._say("      once more: a bench error says nothing about the device")

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self._say(f"cannot load {report.nodeid}:\n{report.longreprtext}")

    def pytest_internalerror(self, excrepr: object) -> None:
        self._say(f"a bug of the rig, please report it:\n{excrepr}")

    @pytest.hookimpl(wrapper=True)
    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> Any:
        self._say(f"interrupted: {excinfo.value or 'Ctrl-C'}; tearing down, then the reports")
        return (yield)

    def pytest_rig_reports(self, run_dir: Path) -> None:
        from rig.commands.run import say_reports
        from rig.report import table
        from rig.report.compare import with_last
        from rig.report.model import load

        run = load(run_dir)
        self._say("\n" + table.render(run, with_last(run)))
        say_reports(run_dir)
        if run.exit_code == 5:
            self._say("RIG-R01 nothing ran: every selected test was skipped; the reasons stand above")

    def pytest_rig_no_room(self, error: Exception) -> None:
        print(f"error: {error}", file=sys.stderr)

    def _word(self, verdict: Verdict) -> str:
        text = f"{verdict:<11}"
        return f"\x1b[{COLOURS.get(verdict, '0')}m{text}\x1b[0m" if self._colour else text

    def _say(self, text: str) -> None:
        try:
            print(text, file=self._out, flush=True)
        except BrokenPipeError:  # `rig run | head`: who reads has enough; the run and its reports go on
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._out.fileno())
            os.close(nowhere)


class Listing:
    """Prints the collected tests with their requirements."""

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        from rig.runner.session import requirements

        if exitstatus not in (0, 5):  # such as a wrong -k, after which everything counts as selected
            return
        for item in session.items:
            print(f"{item.nodeid}  {' '.join(requirements(item))}".rstrip())
        if not session.items:
            print("no test matches -k", file=sys.stderr)
