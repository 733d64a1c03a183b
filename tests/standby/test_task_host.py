"""A process that hosts one run of a background task: it imports what it runs, and its end is the task's, not the app's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.standby.wire import from_app
from rig.standby.wire.supervision import TaskLimits
from rig.standby.wire.to_app import RunTask
from rig.standby.wire.triggers import Time
from rig.timeline import Timeline
from tests.standby.app_process import PATIENCE_S, AppProcess


@pytest.fixture
def host(tmp_path: Path) -> Iterator[AppProcess]:
    timeline = Timeline(tmp_path / "timeline.jsonl")
    with AppProcess(timeline, entry="", task=TaskLimits()) as host:
        yield host
    timeline.close()


def order(entry_point: str, number: int = 1) -> RunTask:
    return RunTask(number, "", "task", entry_point, Time(15))


def test_it_imports_what_it_runs_and_ends_when_the_system_closes_its_line(host: AppProcess) -> None:
    host.tell(order("small_tasks.Fine"))
    assert host.expect(from_app.TaskDone) == from_app.TaskDone(1, None)
    host.hang_up()
    assert host.process.wait(PATIENCE_S) == 0


@pytest.mark.parametrize(
    ("entry_point", "words"),
    [
        ("no_such_module.Task", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("small_tasks.NoSuchTask", "AttributeError: module 'small_tasks' has no attribute 'NoSuchTask'"),
        ("small_tasks.NeverMade", "RuntimeError: no mailbox"),
        ("small_tasks.RAN", "TypeError: 'list' object is not callable"),
        ("Fine", "LookupError: entry point 'Fine' is no module.Class"),
        (".Fine", "LookupError: entry point '.Fine' is no module.Class"),
        ("small_tasks.Exits", "SystemExit: 3"),
    ],
)
def test_what_cannot_be_imported_or_made_is_the_runs_fault(host: AppProcess, entry_point: str, words: str) -> None:
    host.tell(order(entry_point))
    assert host.expect(from_app.TaskDone).fault == words
    assert host.timeline.wait("RUN_EXIT", instance=1).fault == words


def test_a_crash_ends_it(host: AppProcess) -> None:
    host.tell(order("small_tasks.Crashes"))
    assert host.process.wait(PATIENCE_S) == -11
