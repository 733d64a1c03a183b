"""How a run is cancelled: the reason is heard once, who obeys ends by itself, who stays is killed."""

from __future__ import annotations

import pytest

from rig.config import StandbyConfig
from rig.standby.api import BackgroundTaskCancellationReason as Reason
from rig.suite.task_scene import TaskScene

pytestmark = pytest.mark.host_alone

GRACE_S = 0.3
RULES = StandbyConfig(cancel_grace_s=GRACE_S)
WHERE = pytest.mark.parametrize("own_process", [True, False], ids=["out-of-process", "in-process"])


@pytest.mark.requirement("BGT-032")
@pytest.mark.parametrize("reason", list(Reason), ids=[reason.name for reason in Reason])
def test_each_reason_reaches_the_handler_of_the_task_once(tasks: TaskScene, reason: Reason) -> None:
    tasks.register("Reports")
    after = tasks.fire()
    tasks.run("Reports")
    for _ in range(2):
        tasks.host.levers.cancel_tasks("tasks", reason)
    assert tasks.cancelled("Reports", after=after) == (reason.name, int(reason))
    assert tasks.timeline.wait("RUN_EXIT", task="Reports", after=after).fault == f"InterruptedError: {[reason.name]}"
    tasks.ended("Reports", after=after)
    assert len(tasks.timeline.find("CANCEL_SENT", after=after)) == 1
    assert not tasks.timeline.find("TASK_KILLED")


@pytest.mark.requirement("BGT-032")
@pytest.mark.bench_config(standby=RULES)
@WHERE
def test_a_run_that_does_not_listen_is_killed_after_the_grace_and_in_process_the_app_with_it(
    tasks: TaskScene, own_process: bool
) -> None:
    tasks.register("Stubborn", own_process=own_process)
    after = tasks.fire()
    tasks.run("Stubborn")
    tasks.host.levers.cancel_tasks("tasks", Reason.SYSTEM_POLICY)
    sent = tasks.timeline.wait("CANCEL_SENT", after=after)
    killed = tasks.timeline.wait("TASK_KILLED", after=after)
    assert killed.t_ns - sent.t_ns >= GRACE_S * 0.95e9
    assert killed.process == ("task host" if own_process else "app")
    tasks.ended("Stubborn", after=after)
    if own_process:
        assert len(tasks.app.call("all_tasks")) == 1
        assert not tasks.timeline.find("APP_TERMINATED")
    else:
        assert "SIGKILL" in tasks.timeline.wait("APP_TERMINATED", app="tasks").status


@pytest.mark.requirement("BGT-032")
@WHERE
def test_a_run_that_listens_ends_by_itself_and_its_app_lives(tasks: TaskScene, own_process: bool) -> None:
    """In the usual grace: in a short one a busy machine gives it no processor."""
    tasks.register("Waits", own_process=own_process)
    after = tasks.fire()
    tasks.run("Waits")
    tasks.host.levers.cancel_tasks("tasks", Reason.SYSTEM_POLICY)
    assert tasks.timeline.wait("RUN_EXIT", task="Waits", after=after).fault is None
    tasks.ended("Waits", after=after)
    assert not tasks.timeline.find("TASK_KILLED")
    assert len(tasks.app.call("all_tasks")) == 1


@pytest.mark.requirement("BGT-032")
def test_other_apps_runs_are_not_cancelled(tasks: TaskScene) -> None:
    other = tasks.start("other")
    other.call("register", task="Defers other")
    tasks.register("Waits")
    tasks.fire()
    tasks.run("Waits")
    tasks.host.levers.cancel_tasks("tasks", Reason.ABORT)
    tasks.ended("Waits")
    assert tasks.ended("Defers other").reason == "done"
    assert not tasks.timeline.find("CANCEL_SENT", task="Defers other")
