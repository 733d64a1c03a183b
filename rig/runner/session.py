"""Runs the rig's tests inside pytest: limits, retries of bench errors, the streamed record, exit codes.

Every attempt's line is written before the next begins. pytest itself is shown the last attempt only.
"""

from __future__ import annotations

import contextlib
import signal
import time
import traceback
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from _pytest.outcomes import Failed
from _pytest.runner import runtestprotocol

from rig import room
from rig.errors import BenchError, UsageError
from rig.exit_codes import Exit
from rig.ours import is_ours
from rig.results import properties
from rig.results import verdict as verdicts
from rig.results.artefacts import keep, write_output
from rig.results.record import Recorder, artefact_dir, new_run_dir
from rig.results.verdict import Verdict
from rig.runner import own_requirements
from rig.runner.about import requirements, title
from rig.runner.bench_fixture import ARTEFACTS, COMBINATION
from rig.runner.blame import verdict_of
from rig.runner.combinations import asked_devices, base, left_out, words_of_devices, words_of_topologies
from rig.runner.device_mark import check_device_marks, facts_of
from rig.runner.endings import terminate, usage_error
from rig.runner.levers_mark import check_levers
from rig.runner.limits import DEFAULT_LIMIT_S, limit, suspend
from rig.runner.preconditions import lease_boards
from rig.runner.profile_mark import check_profiles
from rig.runner.wakes import ledger
from rig.runner.witness import FILES, asked_for, on_wire

WORDS = {"setup": "set-up", "call": "the test", "teardown": "teardown"}


class Runner:
    """The plugin object; registered only when a session has tests of the rig or wants its reports."""

    def __init__(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        self.config = config
        self.items = items
        self.recorder: Recorder | None = None
        self.run_name: str | None = None
        """Of the run's directory, where it is known before the run begins."""
        self.drawn: Path | None = None
        """The run's directory, once its reports are there."""
        self.phases: list[dict[str, Any]] = []
        self.properties: list[tuple[str, str]] = []
        """What the attempt has said of itself so far."""
        self.written: list[tuple[str, str]] = []
        """What the attempt wrote (its processes too), as pytest captured it: (section, text)."""
        self.attempts: dict[str, list[Verdict]] = {item.nodeid: [] for item in items}
        self.others: set[str] = set()
        """Outcomes of tests in the session that are not the rig's."""
        self.misused: set[str] = set()
        """Tests that met a UsageError, such as a wrong bench_config: the same words are wrong again, so they are not repeated."""
        self.no_room: BenchError | None = None
        """Why the run ended early: its files found no more room."""
        self.handlers = {ending: signal.getsignal(ending) for ending in (signal.SIGTERM, signal.SIGHUP)}
        """Of the signals that end the session, as they were before it."""
        own_requirements.check_ids(config, {item.nodeid: requirements(item) for item in items})
        check_levers(items)
        check_profiles(items)
        check_device_marks(items)
        ledger.check_marks(items)

    # --- the session ---

    def pytest_runtestloop(self, session: pytest.Session) -> None:
        """Before the first test."""
        for ending, handler in self.handlers.items():
            if handler is not signal.SIG_IGN:  # as nohup has it
                signal.signal(ending, terminate)
        reports = self.config.getoption("rig_reports")
        with usage_error():
            lease_boards(asked_devices(self.config), base(self.config))
            if reports is not None and session.items:
                self.recorder = self._start_record(reports)
        self.session = session
        self.config.hook.pytest_rig_start(run_dir=self.recorder and self.recorder.run_dir, tests=len(self.items))

    def _start_record(self, reports: Path) -> Recorder:
        from rig.runner.facts import collect

        recorder = Recorder(new_run_dir(reports, self.run_name))
        facts = collect(asked_devices(self.config), words_of_topologies(self.config), base(self.config))
        lacks = left_out() if "auto" in words_of_devices(self.config) else {}
        left = "; ".join(f"{name}: {lack.code} {lack.cause}" for name, lack in lacks.items())
        recorder.add("run", **facts, **({"left out": left} if left else {}))
        for requirement in own_requirements.brought(self.config).values():
            recorder.add("requirement", **asdict(requirement))
        for item in self.items:
            recorder.add("test", id=item.nodeid, title=title(item), requirements=requirements(item))
        return recorder

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, object, object]:
        """After the last teardown and before pytest's summary: reports, then the exit code."""
        with limit("the last teardown", DEFAULT_LIMIT_S):
            result = yield
        for ending in self.handlers:
            signal.signal(ending, signal.SIG_IGN)
        if self.recorder is not None:
            session.exitstatus = self._exit_code(int(session.exitstatus))
            with self._finding_room():
                self.recorder.add("end", exit=session.exitstatus)
                self._draw(self.recorder)
            if self.no_room is not None:
                session.exitstatus = Exit.BENCH_ERROR
                self.config.hook.pytest_rig_no_room(error=self.no_room)
        for ending, handler in self.handlers.items():
            signal.signal(ending, handler)
        return result

    def _draw(self, recorder: Recorder) -> None:
        from rig.report import draw

        recorder.close()
        drawn = draw(recorder.run_dir)
        self.drawn = recorder.run_dir
        self.config.hook.pytest_rig_reports(run_dir=recorder.run_dir, drawn=drawn)

    def _exit_code(self, status: int) -> int:
        if self.misused:
            return Exit.USAGE
        if self.no_room is not None:
            return Exit.BENCH_ERROR
        if status in (Exit.INTERRUPTED, Exit.BUG, Exit.USAGE):
            return status
        if "failed" in self.others:
            return Exit.FAILED
        tests = [verdicts.of_test(attempts) for attempts in self.attempts.values()]
        code = verdicts.exit_code(tests, strict=self.config.getoption("rig_strict"))
        return Exit.PASSED if code == Exit.NOTHING_RAN and "passed" in self.others else code

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.nodeid not in self.attempts and (report.failed or report.when == "call"):
            self.others.add(report.outcome)

    # --- one test ---

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
        if not is_ours(item):
            return None
        if not self._has_room():
            return True
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        reports: Iterable[pytest.TestReport] = ()
        for number in range(self.first_attempt(item), verdicts.MAX_ATTEMPTS + 1):
            with self._finding_room():
                reports = self._attempt(item, nextitem, number)
            if self.no_room is not None or item.nodeid in self.misused:
                break
            if self.attempts[item.nodeid][-1] is not Verdict.BENCH_ERROR:
                break
        for report in reports:
            item.ihook.pytest_runtest_logreport(report=report)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    def first_attempt(self, item: pytest.Item) -> int:
        """1, unless an earlier one was made elsewhere."""
        return 1

    def _attempt(self, item: pytest.Item, nextitem: pytest.Item | None, number: int) -> list[pytest.TestReport]:
        """Run set-up, call and teardown once and record them, also when Ctrl-C or SIGTERM cuts in."""
        self.phases, self.written, self.properties = [], [], []
        started, collected = time.monotonic(), list(item.user_properties)
        if self.recorder is not None:
            item.stash[ARTEFACTS] = artefact_dir(self.recorder.run_dir, item.nodeid, number)
        try:
            return runtestprotocol(item, log=False, nextitem=nextitem)
        finally:
            item.user_properties[:] = collected  # of the next attempt none is this one's
            with self._finding_room():
                self._record(item, number, time.monotonic() - started)

    @contextlib.contextmanager
    def _finding_room(self) -> Iterator[None]:
        """A file that finds no room ends the run, after this test, with one error instead of one a test."""
        try:
            yield
        except OSError as error:
            if self.recorder is None or (lacking := room.out_of_room(error)) is None:
                raise
            self._end_for_room(room.no_room(self.recorder.run_dir, room.words(lacking)))

    def _has_room(self) -> bool:
        """For one more test and the reports; if not, the run ends."""
        if self.recorder is not None and self.no_room is None and (lack := room.lack(self.recorder.run_dir)):
            self._end_for_room(lack)
        return self.no_room is None

    def _end_for_room(self, error: BenchError) -> None:
        self.no_room = self.no_room or error
        self.session.shouldfail = self.no_room.cause

    def _record(self, item: pytest.Item, number: int, duration_s: float) -> None:
        outcome = verdicts.of_attempt([Verdict(phase["verdict"]) for phase in self.phases])
        self.attempts[item.nodeid].append(outcome)
        line = {
            "id": item.nodeid,
            "attempt": number,
            "verdict": outcome,
            "duration_s": round(duration_s, 4),
            "phases": self.phases,
            **self._combination_fields(item),
        }
        if self.properties:
            line["properties"] = self.properties
        if wakes := item.stash.get(ledger.ROWS, []):
            line["wakes"] = wakes
            item.stash[ledger.ROWS] = []
        if self.recorder is not None:
            directory = item.stash[ARTEFACTS]
            if outcome not in (Verdict.PASSED, Verdict.SKIPPED):
                line["output"] = write_output(directory, self.written)
            line["artefacts"] = [str(path.relative_to(self.recorder.run_dir)) for path in keep(directory, outcome)]
            self.recorder.add("attempt", **line)
        self.config.hook.pytest_rig_attempt(attempt=line)

    def _combination_fields(self, item: pytest.Item) -> dict[str, str]:
        combination = item.stash.get(COMBINATION, None)
        if combination is None:
            return {}
        firmware = facts_of(self.config, combination.device).firmware
        fields = {"device": combination.device, "topology": combination.topology, "firmware": firmware}
        return {name: value for name, value in fields.items() if value}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        if is_ours(item):
            self.phases.append(self._phase(item, call, report))
            self.written = report.sections  # of all phases so far
            self.properties = properties.texts(report.user_properties)
            report.user_properties[:] = self.properties  # what a worker could not tell its controller would end the run
        return report

    def _phase(self, item: pytest.Item, call: pytest.CallInfo[None], report: pytest.TestReport) -> dict[str, Any]:
        phase: dict[str, Any] = {"name": report.when, "s": round(call.duration, 4), "verdict": Verdict.PASSED}
        if report.skipped:
            phase.update(verdict=Verdict.SKIPPED, error=_skip_reason(report))
        elif report.failed and call.excinfo is not None:
            error = call.excinfo.value
            if isinstance(error, UsageError):
                self.misused.add(item.nodeid)
            phase.update(verdict=verdict_of(call.when, error), error=_short(error), trace=report.longreprtext)
            phase.update(at=_place(item, error))
        return phase

    # --- limits ---

    def pytest_enter_pdb(self) -> None:
        """Somebody looks at this test: no limit may kill it under them."""
        suspend()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, object, object]:
        try:
            return (yield from self._limited("setup", item))
        except (Exception, Failed):
            if is_ours(item):
                _leave_files(item)
            raise

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        """Its wakes are judged while its bench stands: of a test that failed they say more than it can."""
        try:
            result = yield from self._limited("call", item)
        except (Exception, Failed) as error:
            if is_ours(item):
                _tell_all(item, error, ledger.close, asked_for, on_wire)
            raise
        if is_ours(item) and (wrong := ledger.close(item)):
            unplanned = ledger.UnplannedWake(wrong)
            _tell_all(item, unplanned, asked_for, on_wire)
            raise unplanned
        return result

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, object, object]:
        return (yield from self._limited("teardown", item))

    def _limited(self, phase: str, item: pytest.Item) -> Generator[None, object, object]:
        if not is_ours(item):
            return (yield)
        mark = item.get_closest_marker("limit_s")
        with limit(WORDS[phase], mark.args[0] if mark else DEFAULT_LIMIT_S):
            return (yield)


def _tell_all(item: pytest.Item, error: BaseException, *notes: Callable[[pytest.Item], str]) -> None:
    """What the bench knows of a failure: as files first, as no process waits for the notes; then as notes, unplanned wakes, the
    texts that ask for it, the device's wire. What cannot be had, such as the frames of a capture that is closed, is left out: the
    test's own words stand first."""
    _leave_files(item)
    for note in notes:
        with contextlib.suppress(Exception):
            if text := note(item):
                error.add_note(text)


def _leave_files(item: pytest.Item) -> None:
    files, directory = item.stash.get(FILES, None), item.stash.get(ARTEFACTS, None)
    if files is not None and directory is not None:
        with contextlib.suppress(Exception):
            directory.mkdir(parents=True, exist_ok=True)
            files(directory)


def _skip_reason(report: pytest.TestReport) -> str:
    if getattr(report, "wasxfail", None):
        return f"expected failure: {report.wasxfail}"
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longreprtext
    return reason.removeprefix("Skipped: ")


def _place(item: pytest.Item, error: BaseException) -> str:
    """`file:line: code` of the test file's last line on the way to the error, else of the one that raised it."""
    if isinstance(error, ledger.UnplannedWake):
        return f"{item.path.name}:{(item.location[1] or 0) + 1}: {item.name}"
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename == str(item.path)]
    if not frames:
        return ""
    frame = (own or frames)[-1]
    return f"{Path(frame.filename).name}:{frame.lineno}: {frame.line}"


def _short(error: BaseException) -> str:
    """The message; its class too when it is none of the rig's own."""
    text = "\n".join([str(error).strip(), *getattr(error, "__notes__", ())])
    return text if text.startswith("RIG-") else f"{type(error).__name__}: {text}"
