"""Runs of background tasks in an app's process: side by side, cancelled, deferred, activated, without network."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.net import userns
from rig.standby.wire import app_tasks
from rig.standby.wire.task_enums import BackgroundTaskCancellationReason as Reason
from rig.standby.wire.to_app import CancelRun, RunTask, TaskCompleted, TaskProgressed
from rig.standby.wire.triggers import Time
from rig.timeline import Timeline
from tests.standby.app_process import AppProcess, server


def order(app: AppProcess, number: int, entry_point: str | None, *, task_id: str = "t", network: bool = True) -> None:
    app.tell(RunTask(number, task_id, "task", entry_point, Time(15), network=network))


def begun(app: AppProcess, number: int, entry_point: str, task_id: str = "t") -> None:
    order(app, number, entry_point, task_id=task_id)
    app.timeline.wait("Begun", instance=number)


def done(app: AppProcess) -> tuple[int, str | None]:
    ended = app.expect(app_tasks.TaskDone)
    return ended.instance, ended.fault


# -- side by side --------------------------------------------------------------------------------------------------------


def test_a_run_that_waits_for_its_deferral_does_not_hold_up_another_registrations(app: AppProcess) -> None:
    order(app, 1, "defers", task_id="one")
    assert app.expect(app_tasks.TaskReturned).instance == 1
    order(app, 2, "fine", task_id="two")
    assert done(app) == (2, None)
    app.ask("complete")
    app.ask("complete")
    assert done(app) == (1, None)


def test_nor_does_one_that_is_busy(app: AppProcess) -> None:
    begun(app, 1, "blocks", "one")
    order(app, 2, "fine", task_id="two")
    assert done(app) == (2, None)
    app.ask("let_go")
    assert done(app) == (1, None)


def test_runs_of_one_registration_keep_their_order(app: AppProcess) -> None:
    begun(app, 1, "waits")
    for number in range(2, 20):
        order(app, number, "fine")
    order(app, 20, "fine", task_id="another")
    assert done(app) == (20, None)
    app.ask("let_go")
    assert [done(app)[0] for _ in range(19)] == list(range(1, 20))
    assert app.ask("runs") == [20, *range(2, 20)]


# -- cancellation ----------------------------------------------------------------------------------------------------------


def test_a_run_that_waits_hears_of_its_cancellation_and_ends(app: AppProcess) -> None:
    begun(app, 1, "waits")
    app.tell(CancelRun(1, Reason.CONDITION_LOSS))
    assert app.expect(app_tasks.CancelHandled).instance == 1
    assert done(app) == (1, None)
    assert app.ask("what_was_told") == ["1 CONDITION_LOSS"]


def test_one_that_is_busy_hears_of_it_too_and_a_handler_that_raises_is_a_fault_of_its_own(app: AppProcess) -> None:
    begun(app, 1, "blocks")
    app.tell(CancelRun(1, Reason.EXECUTION_TIME_EXCEEDED))
    assert app.expect(app_tasks.CancelHandled).instance == 1
    assert app.timeline.wait("APP_FAULT", where="cancellation handler").error == "RuntimeError: no mailbox"
    assert app.ask("what_was_told") == ["1 EXECUTION_TIME_EXCEEDED"]
    app.ask("let_go")
    assert done(app) == (1, None)


def test_a_run_is_told_of_one_cancellation(app: AppProcess) -> None:
    begun(app, 1, "blocks")
    app.tell(CancelRun(1, Reason.ABORT))
    app.tell(CancelRun(1, Reason.TERMINATING))
    app.expect(app_tasks.CancelHandled)
    app.expect(app_tasks.CancelHandled)
    assert app.ask("what_was_told") == ["1 ABORT"]


def test_a_run_that_has_not_begun_begins_cancelled(app: AppProcess) -> None:
    begun(app, 1, "blocks")
    order(app, 2, "waits")
    app.tell(CancelRun(2, Reason.IDLE_TASK))
    order(app, 3, "fine", task_id="another")  # behind it on the same line, so that it is heard by then
    assert done(app) == (3, None)
    app.ask("let_go")
    assert [done(app), done(app)] == [(1, None), (2, None)]
    assert app.expect(app_tasks.CancelHandled).instance == 2
    assert app.ask("what_was_told") == ["2 IDLE_TASK"]


def test_a_cancellation_that_comes_before_its_run_holds_for_it(app: AppProcess) -> None:
    app.tell(CancelRun(1, Reason.UNINSTALL))
    order(app, 1, "waits")
    assert done(app) == (1, None)
    assert app.ask("what_was_told") == ["1 UNINSTALL"]


def test_a_handler_that_is_added_after_the_cancellation_is_called_all_the_same(app: AppProcess) -> None:
    app.tell(CancelRun(1, Reason.ENERGY_SAVER))
    order(app, 1, "listens late")
    assert app.expect(app_tasks.CancelHandled).instance == 1
    assert app.ask("what_was_told") == ["1 ENERGY_SAVER"]


def test_a_cancellation_of_a_run_that_is_done_changes_nothing(app: AppProcess) -> None:
    order(app, 1, "fine")
    done(app)
    app.tell(CancelRun(1, Reason.ABORT))
    order(app, 2, "fine")
    assert done(app) == (2, None)


# -- what is run -----------------------------------------------------------------------------------------------------------


def test_a_class_that_is_no_entry_point_is_imported_in_the_apps_process(app: AppProcess) -> None:
    """As a manifest with an Executable has it."""
    order(app, 1, "small_tasks.OwnPid")
    assert done(app) == (1, f"RuntimeError: {app.process.pid}")
    order(app, 2, "small_tasks.Nobody")
    assert done(app) == (2, "AttributeError: module 'small_tasks' has no attribute 'Nobody'")
    order(app, 3, "nobody")
    assert done(app) == (3, "LookupError: the app has no entry point 'nobody' any more")


# -- activation ------------------------------------------------------------------------------------------------------------


def test_an_in_process_run_is_the_apps_activation(app: AppProcess) -> None:
    order(app, 1, None)
    assert done(app) == (1, None)
    assert app.ask("what_was_told") == ["activated by 1"]


def test_an_app_without_an_activation_handler_says_so(tmp_path: Path) -> None:
    timeline = Timeline(tmp_path / "timeline.jsonl")
    with AppProcess(timeline, "small_apps:NoActivation") as app:
        order(app, 1, None)
        words = "LookupError: NoActivation has no method on_background_activated, which runs in-process tasks"
        assert done(app) == (1, words)
    timeline.close()


# -- progress and followers ------------------------------------------------------------------------------------------------


def test_progress_is_told_and_its_range_is_that_of_the_platform(app: AppProcess) -> None:
    order(app, 1, "defers")
    assert app.expect(app_tasks.TaskProgress) == app_tasks.TaskProgress(1, 7)
    app.ask("complete")
    app.ask("complete")


def test_handlers_of_a_registration_hear_of_progress_and_completion_in_order(app: AppProcess) -> None:
    task_id = "6" * 36
    app.answers[app_tasks.RegisterTask] = lambda call: task_id
    app.ask("register_and_follow")
    app.tell(TaskProgressed(task_id, 1, 10))
    app.timeline.wait("Progressed", value=10)
    app.tell(TaskProgressed("of another registration", 2, 99))
    app.tell(TaskProgressed(task_id, 1, 20))
    for _ in range(2):  # a system that is a new one tells again what the one before may have told
        app.tell(TaskCompleted(task_id, 1, None))
    app.tell(TaskCompleted(task_id, 3, "ValueError: no letters"))
    app.timeline.wait("Completed", count=2)
    ok, failed = "completed", "FAIL (0x80004005): ValueError: no letters"
    assert app.ask("what_was_told") == ["progress 10", "progress 20", ok, failed]
    assert app.timeline.wait("APP_FAULT", where="handler of TaskProgressed").error == "RuntimeError: no mailbox"


def test_a_handler_that_is_slower_than_its_task_hears_of_the_latest_progress(app: AppProcess) -> None:
    task_id = "6" * 36
    app.answers[app_tasks.RegisterTask] = lambda call: task_id
    app.ask("register_and_follow", slowly=True)
    app.tell(TaskProgressed(task_id, 1, 1))
    app.timeline.wait("Progressed", value=1)
    for value in range(2, 1000):
        app.tell(TaskProgressed(task_id, 1, value))
        app.tell(TaskProgressed(task_id, 2, 5000 + value))
    app.tell(TaskCompleted(task_id, 1, None))
    order(app, 9, "fine")
    assert done(app) == (9, None), "all of that was heard"
    app.ask("let_go")
    app.timeline.wait("Completed")
    assert app.ask("what_was_told") == ["progress 1", "progress 999", "progress 5999", "completed"]


# -- network ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with server() as sock:
        yield sock


@pytest.mark.skipif(not userns.privileged(), reason="needs namespaces")
def test_a_run_without_network_has_none_and_the_rest_of_the_app_keeps_it(app: AppProcess, listener: socket.socket) -> None:
    app.ask("set_port", port=listener.getsockname()[1])
    order(app, 1, "connects", network=False)
    assert done(app) == (1, "OSError: [Errno 101] Network is unreachable")
    app.ask("connect_now")
    order(app, 2, "connects")
    assert done(app) == (2, None)
