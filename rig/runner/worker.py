"""A run in several workers: what one worker does (`rig/runner/parallel.py` has the picture).

It runs its tests as a run without -n does, and appends each attempt to the record that the controller has started.
"""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Generator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from rig.process import die_with_parent
from rig.results.record import Attempts, Recorder
from rig.results.verdict import MAX_ATTEMPTS, Verdict
from rig.runner.endings import terminate
from rig.runner.limits import DEFAULT_LIMIT_S, limit
from rig.runner.parallel import END, Controller
from rig.runner.session import Runner
from rig.runner.suite_run import WorkersSuite


def runner_of(config: pytest.Config, items: list[pytest.Item]) -> Runner:
    """The Runner of this session: of one without workers, of the one that has them, of a worker."""
    if hasattr(config, "workerinput"):
        return Worker(config, items)
    workers = config.pluginmanager.get_plugin("rig-workers")
    return Runner(config, items) if workers is None else Controller(config, items, workers)


def told(config: pytest.Config) -> dict[str, Any]:
    """What the controller says; empty where this is no worker, or that of a run without an option of the rig."""
    found: dict[str, Any] = getattr(config, "workerinput", {}).get("rig", {})
    return found


def obey(config: pytest.Config) -> None:
    """Die with the controller, however it ends, and leave the user's signals to it: it says END to each worker, once."""
    controller = told(config)
    die_with_parent(controller["pid"])
    if "suite" in controller:
        config.pluginmanager.register(WorkersSuite(controller["suite"]), "rig-suite")
    own_pid = os.getpid()

    def not_mine(number: int, frame: FrameType | None) -> None:
        if os.getpid() != own_pid:  # a child that has not executed its program yet
            terminate(number, frame)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, not_mine)
    signal.signal(END, _end)


def _end(_number: int, _frame: FrameType | None) -> None:
    signal.signal(END, signal.SIG_IGN)
    raise KeyboardInterrupt("the run was interrupted")


class Worker(Runner):
    """The Runner of a worker."""

    def __init__(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        super().__init__(config, items)
        run_dir = told(config).get("run_dir")
        self._run_dir = Path(run_dir) if run_dir else None
        self._ended = Attempts(self._run_dir) if self._run_dir else None
        self._recorded: dict[str, list[Verdict]] = {}
        """Verdicts by a test's id, of all workers: this one may repeat what another has died of."""

    def pytest_runtestloop(self, session: pytest.Session) -> None:
        """The record is opened at the first test: it is there when the controller has handed that out."""
        self.session = session
        gc.collect()
        gc.freeze()  # thousands of tests, and what they import, live to the end: no collection need look through them

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
        if self._run_dir is not None and self.recorder is None:
            self.recorder = Recorder(self._run_dir)
        for line in self._ended.new() if self._ended else ():
            self._recorded.setdefault(line["id"], []).append(Verdict(line["verdict"]))
        if self._enough_failed():
            self.session.shouldfail = "stopping: enough tests of the run have failed"
            return True
        return super().pytest_runtest_protocol(item, nextitem)

    def _enough_failed(self) -> bool:
        """-x and --maxfail count the tests of all workers."""
        most: int = self.config.getoption("maxfail") or 0
        return 0 < most <= sum(_failed(attempts) for attempts in self._recorded.values())

    def first_attempt(self, item: pytest.Item) -> int:
        return min(len(self._recorded.get(item.nodeid, ())) + 1, MAX_ATTEMPTS)

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, object, object]:
        """No reports here: what the controller cannot read in the record is told to it."""
        with limit("the last teardown", DEFAULT_LIMIT_S):
            result = yield
        error = self.no_room
        no_room = error and [error.code, error.cause, error.fix]
        self.config.workeroutput["rig"] = {"misused": sorted(self.misused), "no_room": no_room}  # type: ignore[attr-defined]
        return result


def _failed(attempts: list[Verdict]) -> bool:
    return attempts[-1] is Verdict.FAILED or (attempts[-1] is Verdict.BENCH_ERROR and len(attempts) >= MAX_ATTEMPTS)
