"""ApplicationTrigger: the app itself asks for a run."""

from __future__ import annotations

import pytest

from rig.config import StandbyConfig
from rig.standby.api import ApplicationTriggerResult as Result
from rig.standby.api import SystemConditionType
from rig.standby.wire.hresult import HResult
from rig.suite.task_scene import TaskScene

pytestmark = pytest.mark.host_alone

WALL_S = 0.4
"""Of an application trigger's run here; everybody else's is shorter."""


@pytest.mark.requirement("APT-001")
def test_without_access_no_run(tasks: TaskScene) -> None:
    tasks.register("Quick", trigger="application")
    tasks.app.call("remove_access")
    after = tasks.timeline.mark()
    assert tasks.app.call("request") == Result.DISABLED_BY_POLICY
    tasks.assert_no_run("Quick", after)
    tasks.app.call("request_access")
    assert tasks.app.call("request") == Result.ALLOWED
    tasks.ended("Quick")


@pytest.mark.requirement("APT-002")
@pytest.mark.parametrize("fresh", [False, True], ids=["stored", "fresh"])
def test_a_request_of_any_trigger_object_runs_the_registered_task_once(tasks: TaskScene, fresh: bool) -> None:
    task_id = tasks.register("Quick", trigger="application")
    assert tasks.app.call("request", fresh=fresh) == Result.ALLOWED
    tasks.ended("Quick")
    assert tasks.runs("Quick") == 1
    tasks.app.call("unregister", task_id=task_id, cancel=False)
    after = tasks.timeline.mark()
    assert tasks.app.call("request", fresh=fresh) != Result.ALLOWED
    tasks.assert_no_run("Quick", after)


@pytest.mark.requirement("APT-003")
@pytest.mark.parametrize("arguments", [{"account": "work", "": "\u20ac\n"}, {}, None], ids=["some", "empty", "none"])
def test_the_arguments_of_the_request_reach_the_task_unchanged(tasks: TaskScene, arguments: dict[str, str] | None) -> None:
    tasks.register("Tells", trigger="application")
    assert tasks.app.call("request", arguments=arguments) == Result.ALLOWED
    assert tasks.timeline.wait("RUN_EXIT", task="Tells").fault == f"LookupError: {arguments!r}"


@pytest.mark.requirement("APT-004")
def test_while_one_runs_there_is_no_second(tasks: TaskScene) -> None:
    task_id = tasks.register("Waits", trigger="application")
    assert [tasks.app.call("request") for _ in range(3)] == [Result.ALLOWED, *[Result.CURRENTLY_RUNNING] * 2]
    tasks.run("Waits")
    assert tasks.app.call("request") == Result.CURRENTLY_RUNNING
    tasks.app.call("unregister", task_id=task_id, cancel=True)
    tasks.ended("Waits")
    assert tasks.runs("Waits") == 1
    tasks.register("Quick", trigger="application")
    for _ in range(2):
        after = tasks.timeline.mark()
        assert tasks.app.call("request") == Result.ALLOWED
        tasks.ended("Quick", after=after)


@pytest.mark.requirement("APT-005")
def test_the_users_policy_forbids_it(tasks: TaskScene) -> None:
    tasks.register("Quick", trigger="application")
    tasks.host.levers.set(application_triggers=False)
    assert tasks.app.call("request") == Result.DISABLED_BY_POLICY
    tasks.assert_no_run("Quick")
    tasks.host.levers.set(application_triggers=True)
    assert tasks.app.call("request") == Result.ALLOWED
    tasks.ended("Quick")


@pytest.mark.requirement("APT-006")
@pytest.mark.parametrize("own_process", [True, False], ids=["out-of-process", "in-process"])
def test_no_task_may_ask(tasks: TaskScene, own_process: bool) -> None:
    tasks.register("Quick", trigger="application")
    tasks.register("Asks", own_process=own_process)
    after = tasks.fire()
    assert "ILLEGAL_METHOD_CALL" in tasks.timeline.wait("RUN_EXIT", task="Asks", after=after).fault
    tasks.assert_no_run("Quick")
    assert tasks.app.call("request") == Result.ALLOWED


@pytest.mark.requirement("APT-006")
def test_an_app_in_the_background_may_not_ask_though_it_runs(tasks: TaskScene) -> None:
    """A task in its process keeps it from being suspended."""
    tasks.register("Quick", trigger="application")
    tasks.register("Waits", own_process=False)
    tasks.fire()
    tasks.run("Waits")
    tasks.app.leave()
    tasks.refused(HResult.ILLEGAL_METHOD_CALL, "request")
    tasks.assert_no_run("Quick")
    tasks.app.resume()
    assert tasks.app.call("request") == Result.ALLOWED


@pytest.mark.requirement("APT-007")
def test_the_task_goes_on_when_the_user_closes_the_app(tasks: TaskScene) -> None:
    tasks.register("Defers", trigger="application")
    assert tasks.app.call("request") == Result.ALLOWED
    tasks.run("Defers")
    tasks.app.close_by_user()
    assert tasks.timeline.wait("RUN_EXIT", task="Defers").fault is None
    assert tasks.ended("Defers").reason == "done"


@pytest.mark.requirement("APT-008")
@pytest.mark.bench_config(standby=StandbyConfig(app_trigger_wall_s=WALL_S, wall_clock_s=WALL_S / 8))
def test_it_may_take_longer_than_others_and_is_cancelled_then(tasks: TaskScene) -> None:
    tasks.register("Waits long", trigger="application")
    tasks.register("Waits short")
    assert tasks.app.call("request") == Result.ALLOWED
    tasks.fire()
    for name, limit_s in (("Waits short", WALL_S / 8), ("Waits long", WALL_S)):
        started = tasks.timeline.wait("TASK_START", task=name)
        cancelled = tasks.timeline.wait("CANCEL_SENT", task=name)
        assert (cancelled.reason, cancelled.value) == ("EXECUTION_TIME_EXCEEDED", 9)
        assert cancelled.t_ns - started.t_ns >= limit_s * 1e9 * 0.95
        assert tasks.ended(name).reason != "killed"


@pytest.mark.requirement("APT-009")
@pytest.mark.levers(internet=False)
def test_a_condition_keeps_an_allowed_run_waiting(tasks: TaskScene) -> None:
    tasks.register("Quick", trigger="application", conditions=[int(SystemConditionType.INTERNET_AVAILABLE)])
    assert tasks.app.call("request") == Result.ALLOWED
    pending = tasks.timeline.wait("TASK_PENDING", task="Quick")
    assert "INTERNET_AVAILABLE" in pending.reason
    tasks.assert_no_run("Quick")
    tasks.host.levers.set(internet=True)
    tasks.ended("Quick")
    assert tasks.runs("Quick") == 1
