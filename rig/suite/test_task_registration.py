"""What may be registered, what is listed, and how a registration ends."""

from __future__ import annotations

import pytest

from rig.config import StandbyConfig
from rig.standby.api import BackgroundAccessStatus, SystemTriggerType
from rig.standby.wire.hresult import HResult
from rig.suite.task_scene import SMS, TaskScene

pytestmark = pytest.mark.host_alone

KINDS = ("system", "time", "maintenance", "application", "media", "device_use", "device_servicing", "push", "socket")


@pytest.mark.requirement("BGT-001")
@pytest.mark.parametrize("kind", KINDS)
def test_without_access_nothing_is_registered_and_with_it_everything(tasks: TaskScene, kind: str) -> None:
    app = tasks.start("new", access=False)
    value = 15 if kind in ("time", "maintenance") else int(SMS)
    tasks.refused(HResult.UNAUTHORIZED_ACCESS, "register", app=app, task="Quick", trigger=kind, value=value)
    assert app.call("all_tasks") == {}
    app.call("request_access")
    task_id = app.call("register", task="Quick", trigger=kind, value=value)
    assert app.call("all_tasks") == {task_id: "Quick"}


@pytest.mark.requirement("BGT-001")
@pytest.mark.profile("win10")
def test_an_app_that_the_user_refuses_registers_nothing(tasks: TaskScene) -> None:
    tasks.host.levers.set(access="denied by user")
    app = tasks.start("refused", access=False)
    assert app.call("request_access") == BackgroundAccessStatus.DENIED_BY_USER
    tasks.refused(HResult.UNAUTHORIZED_ACCESS, "register", app=app, task="Quick")


@pytest.mark.requirement("BGT-003")
@pytest.mark.bench_config(standby=StandbyConfig(background_apps=2))
@pytest.mark.profile("win10")
def test_a_device_of_little_memory_has_room_for_so_many_apps(tasks: TaskScene) -> None:
    second, third = (tasks.start(name, access=False) for name in ("second", "third"))
    assert second.call("request_access") == BackgroundAccessStatus.ALWAYS_ALLOWED
    assert third.call("request_access") == BackgroundAccessStatus.DENIED_BY_SYSTEM_POLICY
    tasks.refused(HResult.UNAUTHORIZED_ACCESS, "register", app=third, task="Quick")
    second.call("remove_access")
    assert third.call("request_access") == BackgroundAccessStatus.ALWAYS_ALLOWED


@pytest.mark.requirement("BGT-004")
def test_what_is_wrong_with_a_registration_is_said_when_it_is_made_and_the_app_lives(tasks: TaskScene) -> None:
    tasks.refused(HResult.INVALID_ARG, "register", task="Quick", trigger=None)
    for entry_point in ("nobody", "no.such-name.Class"):
        tasks.refused(HResult.CLASS_NOT_REGISTERED, "register", task="Quick", entry_point=entry_point)
    tasks.refused(HResult.INVALID_ARG, "register", task="Quick", conditions=[0])
    assert tasks.app.call("all_tasks") == {}
    registered = tasks.register("Quick")
    assert tasks.app.call("all_tasks") == {registered: "Quick"}


@pytest.mark.requirement("BGT-008")
def test_the_same_task_registered_twice_runs_twice(tasks: TaskScene) -> None:
    once = tasks.register("Quick")
    tasks.fire_and_end("Quick")
    assert tasks.runs("Quick") == 1
    twice = tasks.register("Quick")
    assert once != twice
    after = tasks.fire()
    tasks.timeline.wait("TASK_END", task="Quick", after=after, count=2)
    assert tasks.runs("Quick", after) == 2


@pytest.mark.requirement("BGT-009")
def test_grouped_registrations_are_listed_in_their_group_alone(tasks: TaskScene) -> None:
    plain, grouped = tasks.register("Quick plain"), tasks.register("Quick grouped", group="mail")
    assert tasks.app.call("all_tasks") == {plain: "Quick plain"}
    assert tasks.app.call("tasks_of_group", group="mail") == {grouped: "Quick grouped"}
    assert tasks.app.call("tasks_of_group", group="chat") == {}
    tasks.timeline.wait("TASK_END", task="Quick grouped", after=tasks.fire())


@pytest.mark.requirement("BGT-009")
def test_an_app_that_checks_at_each_launch_has_what_it_wants_after_one_pass(tasks: TaskScene) -> None:
    tasks.register("Quick stale")
    tasks.register("Quick kept")
    grouped = tasks.register("Quick grouped", group="mail")
    wanted = ["Quick kept", "Quick new"]
    assert tasks.app.call("check_at_launch", wanted=wanted) == 2
    assert sorted(tasks.app.call("all_tasks").values()) == wanted
    tasks.app.terminate()
    tasks.app = tasks.start("tasks")
    assert tasks.app.call("check_at_launch", wanted=wanted) == 0
    assert tasks.app.call("tasks_of_group", group="mail") == {grouped: "Quick grouped"}


@pytest.mark.requirement("BGT-010")
@pytest.mark.parametrize("cancel", [True, False], ids=["cancelled", "finishes"])
def test_a_registration_that_is_taken_back_runs_no_more_and_its_run_is_cancelled_if_wanted(
    tasks: TaskScene, cancel: bool
) -> None:
    name = "Waits" if cancel else "Defers"
    task_id = tasks.register(name)
    after = tasks.fire()
    tasks.run(name)
    tasks.app.call("unregister", task_id=task_id, cancel=cancel)
    tasks.ended(name)
    sent = [(record.reason, record.value) for record in tasks.timeline.find("CANCEL_SENT", after=after)]
    assert sent == ([("ABORT", 0)] if cancel else [])
    assert tasks.timeline.find("RUN_EXIT", task=name, fault=None)
    tasks.assert_no_run(name, after=tasks.fire())


@pytest.mark.requirement("BGT-011")
@pytest.mark.parametrize("kind", ["application", "media", "device_use"])
def test_an_app_has_one_registration_of_each_kind_that_it_fires_itself(tasks: TaskScene, kind: str) -> None:
    first = tasks.register("Quick", trigger=kind)
    tasks.refused(HResult.INVALID_ARG, "register", task="Quick again", trigger=kind)
    assert tasks.app.call("all_tasks") == {first: "Quick"}
    tasks.app.call("unregister", task_id=first, cancel=False)
    tasks.register("Quick again", trigger=kind)


@pytest.mark.requirement("BGT-022")
def test_every_kind_takes_the_same_way_and_gets_an_id_of_its_own(tasks: TaskScene) -> None:
    ids = [tasks.register(f"Quick {kind}", trigger=kind, value=15 if kind in ("time", "maintenance") else 1) for kind in KINDS]
    ids += [tasks.register("Quick system", value=int(SystemTriggerType.USER_AWAY)) for _ in range(2)]
    assert len(set(ids)) == len(ids)
    assert {len(task_id) for task_id in ids} == {36}
    assert {record.task_id for record in tasks.timeline.find("REGISTER")} == set(ids)
