"""A process that hosts one run of a background task: it imports what it runs, and its end is the task's, not the app's."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from rig.net import userns
from rig.standby.app.crew import DEAF_STATUS
from rig.standby.wire import app_tasks
from rig.standby.wire.supervision import TaskLimits
from rig.standby.wire.task_enums import BackgroundTaskCancellationReason
from rig.standby.wire.to_app import CancelRun, RunTask
from rig.standby.wire.triggers import Time
from rig.timeline import Timeline
from tests.standby.app_process import PATIENCE_S, AppProcess, server


@contextmanager
def hosting(folder: Path, limits: TaskLimits) -> Iterator[AppProcess]:
    timeline = Timeline(folder / "timeline.jsonl")
    with AppProcess(timeline, entry="", task=limits) as host:
        yield host
    timeline.close()


@pytest.fixture
def host(tmp_path: Path) -> Iterator[AppProcess]:
    with hosting(tmp_path, TaskLimits()) as host:
        yield host


def order(entry_point: str, number: int = 1) -> RunTask:
    return RunTask(number, "", "task", entry_point, Time(15))


def test_it_imports_what_it_runs_and_ends_when_the_system_closes_its_line(host: AppProcess) -> None:
    host.tell(order("small_tasks.Fine"))
    assert host.expect(app_tasks.TaskDone) == app_tasks.TaskDone(1, None)
    host.hang_up()
    assert host.process.wait(PATIENCE_S) == 0


def test_it_ends_with_its_line_in_the_middle_of_its_run(host: AppProcess) -> None:
    host.tell(order("small_tasks.Waits"))
    host.expect(app_tasks.TaskProgress)
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
    assert host.expect(app_tasks.TaskDone).fault == words
    assert host.timeline.find("APP_FAULT", error=words, run=1)
    assert bool(host.timeline.find("RUN_ENTER")) is (entry_point == "small_tasks.Exits"), "its Run alone was called"


def test_a_signal_that_comes_late_is_the_runs_fault(host: AppProcess) -> None:
    """On the main thread, where Python calls the handler that the run has left behind."""
    host.tell(order("small_tasks.Alarmed"))
    host.expect(app_tasks.TaskReturned)
    assert host.expect(app_tasks.TaskDone).fault == "RuntimeError: too late"


def test_one_that_closes_what_is_not_its_own_ends(host: AppProcess) -> None:
    host.tell(order("small_tasks.ClosesAll"))
    assert host.process.wait(PATIENCE_S) == DEAF_STATUS


def test_a_crash_ends_it(host: AppProcess) -> None:
    host.tell(order("small_tasks.Crashes"))
    assert host.process.wait(PATIENCE_S) == -11


@pytest.fixture
def listener(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    with server() as sock:
        monkeypatch.setenv("SERVER", str(sock.getsockname()[1]))
        yield sock


@pytest.mark.skipif(not userns.privileged(), reason="needs namespaces")
@pytest.mark.parametrize("entry_point", ["small_tasks.Connects", "small_tasks.ConnectsElsewhere"])
@pytest.mark.parametrize("network", [True, False])
def test_without_network_nothing_is_reached(tmp_path: Path, listener: socket.socket, network: bool, entry_point: str) -> None:
    """BGT-016."""
    with hosting(tmp_path, TaskLimits(network=network)) as host:
        host.tell(replace(order(entry_point), network=network))
        assert host.expect(app_tasks.TaskDone).fault == (None if network else "OSError: [Errno 101] Network is unreachable")


LIMITS = TaskLimits(memory_bytes=32 << 20)


def test_a_task_that_stays_within_its_memory_runs(tmp_path: Path) -> None:
    with hosting(tmp_path, LIMITS) as host:
        host.tell(order("small_tasks.Frugal"))
        assert host.expect(app_tasks.TaskDone).fault is None


def test_a_task_may_handle_that_it_gets_no_more_memory(tmp_path: Path) -> None:
    """BGT-029."""
    with hosting(tmp_path, LIMITS) as host:
        host.tell(order("small_tasks.Handles"))
        assert [host.expect(app_tasks.TaskProgress).value for _ in range(2)] == [1, 8]
        assert host.expect(app_tasks.TaskDone).fault is None


def test_a_task_that_does_not_handle_it_is_to_be_ended(tmp_path: Path) -> None:
    """BGT-029."""
    with hosting(tmp_path, LIMITS) as host:
        host.tell(order("small_tasks.Hoards"))
        assert host.expect(app_tasks.OutOfMemory).instance == 1
        assert host.timeline.wait("APP_FAULT", where="run").error.startswith("MemoryError")
        assert not host.timeline.find("RUN_EXIT")


def test_a_task_that_has_used_up_its_memory_hears_of_its_cancellation(tmp_path: Path) -> None:
    with hosting(tmp_path, LIMITS) as host:
        host.tell(order("small_tasks.Brimful"))
        host.expect(app_tasks.TaskProgress)
        host.tell(CancelRun(1, BackgroundTaskCancellationReason.ABORT))
        assert host.expect(app_tasks.TaskDone).fault is None
        assert not host.timeline.find("APP_FAULT")


def test_without_a_limit_a_task_that_meets_the_machines_is_one_that_failed(host: AppProcess) -> None:
    host.tell(order("small_tasks.WantsTooMuch"))
    assert (host.expect(app_tasks.TaskDone).fault or "").startswith("MemoryError")
