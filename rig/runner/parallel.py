"""A run in several workers (`-n`, pytest-xdist): what the process that hands out the tests does.

    controller                                     worker, one for each of -n
    collects, prepares, starts the record     ->   collects the same tests, has benches of its own
    shows attempts as the record grows        <-   appends each attempt's line to the record
    draws the reports, gives the exit code         runs limits and retries as a run without -n

A worker that dies is a bench error of the test that it ran: retried as any other, by a worker that takes its place.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from rig.errors import BenchError
from rig.exit_codes import Exit
from rig.results.record import Attempts, artefacts_of, run_name
from rig.results.verdict import MAX_ATTEMPTS, Verdict
from rig.runner.dead_worker import died, repeat
from rig.runner.session import Runner

if TYPE_CHECKING:
    from xdist.workermanage import WorkerController

END = signal.SIGRTMIN + 6
"""Asks a worker to tear down and end. SIGINT, SIGTERM and SIGHUP may reach it beside the controller (a terminal sends them to
all): it leaves those to the controller, which ends its workers once, in order."""

TEARDOWN_S = 45.0
"""After that a worker that was asked to end is killed; what it started dies with it."""


def is_controller(config: pytest.Config) -> bool:
    """Whether the tests of this session run in workers."""
    return not hasattr(config, "workerinput") and bool(getattr(config.option, "tx", None)) and config.option.dist != "no"


class Workers:
    """Starts the workers with what they must know and ends them; without --rig-reports that is all there is to do."""

    def __init__(self, config: pytest.Config) -> None:
        reports = config.getoption("rig_reports")
        self.run_dir: Path | None = reports and Path(reports).resolve() / run_name()
        self.shared: dict[str, Any] = {}
        """What else they are told, in words that execnet can carry."""
        self.interrupted = False
        self._collected = False
        self._nodes: list[WorkerController] = []

    def pytest_configure_node(self, node: WorkerController) -> None:
        node.workerinput["rig"] = {"pid": os.getpid(), "run_dir": str(self.run_dir or ""), **self.shared}
        self._nodes.append(node)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self, session: pytest.Session) -> bool | None:
        """The record names all tests before the first runs, so this process collects them too; xdist alone would not."""
        if self.run_dir is None:
            return None
        if not self._collected:
            self._collected = True
            session.perform_collect()
        return True

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        self.interrupted = excinfo.type.__module__.partition(".")[0] != "xdist"  # its own is how it stops after -x

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Ask all workers at once; xdist waits for them and kills those that do not end."""
        xdist: Any = session.config.pluginmanager.get_plugin("dsession")
        xdist.nodemanager.EXIT_TIMEOUT = TEARDOWN_S
        if self.interrupted:
            for node in self._nodes:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(node.gateway._rinfo().pid, END)


class Controller(Runner):
    """The Runner of a session whose tests run elsewhere: it reads the record that they write."""

    def __init__(self, config: pytest.Config, items: list[pytest.Item], workers: Workers) -> None:
        super().__init__(config, items)
        assert workers.run_dir is not None
        self._workers, self.run_dir = workers, workers.run_dir
        self.run_name = self.run_dir.name
        self._ended = Attempts(self.run_dir)

    def pytest_runtestloop(self, session: pytest.Session) -> None:
        super().pytest_runtestloop(session)
        if session.testsfailed and not session.config.option.continue_on_collection_errors:  # as without workers
            raise session.Interrupted(f"{session.testsfailed} errors during collection")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logstart(self) -> None:
        self._take()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """An attempt's line is written before pytest is told of it."""
        self._take()
        super().pytest_runtest_logreport(report)

    def pytest_handlecrashitem(self, crashitem: str, report: pytest.TestReport, sched: Any) -> None:
        """A worker died. `crashitem` is the test that it ran, or would have run next."""
        self._take()
        attempts = self.attempts.get(crashitem)
        if attempts is None or self.recorder is None:  # none of the rig's: a failure, as xdist has it
            return
        if not attempts or attempts[-1] is Verdict.BENCH_ERROR:
            number = len(attempts) + 1
            self.recorder.add("attempt", **_died(crashitem, number, self.run_dir))
            self._take()
            if number < MAX_ATTEMPTS:
                repeat(crashitem, report, sched)
        else:
            report.outcome = "rerun"  # type: ignore[assignment]  # it had ended, and its line says how

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: WorkerController) -> None:
        """What a worker knows beside its attempts."""
        told: Mapping[str, Any] = getattr(node, "workeroutput", {}).get("rig", {})
        self.misused.update(told.get("misused", ()))
        if no_room := told.get("no_room"):
            self.no_room = self.no_room or BenchError(*no_room)

    def _exit_code(self, status: int) -> int:
        """xdist ends a run that it stops (-x, no room) as an interrupted one; what counts is why it stopped."""
        self._take()
        stopped = status == Exit.INTERRUPTED and not self._workers.interrupted
        return super()._exit_code(Exit.PASSED if stopped else status)

    def _take(self) -> None:
        for line in self._ended.new():
            self.attempts[line["id"]].append(Verdict(line["verdict"]))
            self.config.hook.pytest_rig_attempt(attempt=line)


def _died(test: str, number: int, run_dir: Path) -> dict[str, Any]:
    """The line of an attempt whose worker could not write it, as far as it is known."""
    phase = {"name": "call", "s": 0.0, "verdict": Verdict.BENCH_ERROR, "error": str(died())}
    files = [str(path.relative_to(run_dir)) for path in artefacts_of(run_dir, test, number)]
    return {
        "id": test,
        "attempt": number,
        "verdict": Verdict.BENCH_ERROR,
        "duration_s": 0.0,
        "phases": [phase],
        "artefacts": files,
    }
