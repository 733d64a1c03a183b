"""Conditions: a task whose trigger has fired waits until all of its own hold, and may be cancelled when one is lost."""

from __future__ import annotations

from typing import Any

import pytest

from rig.standby.api import BackgroundTaskCancellationReason, SystemConditionType
from rig.suite.task_scene import TaskScene

CONDITIONS: dict[SystemConditionType, tuple[dict[str, Any], dict[str, Any]]] = {
    SystemConditionType.USER_PRESENT: ({"user_present": False}, {"user_present": True}),
    SystemConditionType.USER_NOT_PRESENT: ({"user_present": True}, {"user_present": False}),
    SystemConditionType.INTERNET_AVAILABLE: ({"internet": False}, {"internet": True}),
    SystemConditionType.INTERNET_NOT_AVAILABLE: ({"internet": True}, {"internet": False}),
    SystemConditionType.SESSION_CONNECTED: ({"session_connected": False}, {"session_connected": True}),
    SystemConditionType.SESSION_DISCONNECTED: ({"session_connected": True}, {"session_connected": False}),
    SystemConditionType.FREE_NETWORK_AVAILABLE: ({"cost": "fixed"}, {"cost": "unrestricted"}),
}
"""What is so when it does not hold, and when it does. Of the cost of background work the screen is a part: below."""

CONNECTED = {"conditions": [SystemConditionType.INTERNET_AVAILABLE]}


@pytest.mark.requirement("BGT-012")
@pytest.mark.parametrize(("condition", "levers"), CONDITIONS.items(), ids=[condition.name for condition in CONDITIONS])
@pytest.mark.host_alone
def test_a_task_waits_for_its_condition_and_runs_once(
    tasks: TaskScene, condition: SystemConditionType, levers: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    lost, holds = levers
    tasks.host.levers.set(**lost)
    tasks.register("Quick waits", conditions=[condition])
    tasks.register("Quick control")
    after = tasks.fire()
    pending = tasks.timeline.wait("TASK_PENDING", task="Quick waits", after=after)
    assert pending.reason == f"condition {condition.name}"
    tasks.ended("Quick control", after=after)
    tasks.assert_no_run("Quick waits")
    tasks.host.levers.set(**holds)
    tasks.ended("Quick waits", after=after)
    tasks.assert_no_run("Quick waits", tasks.timeline.mark())
    assert tasks.runs("Quick waits") == 1


@pytest.mark.requirement("BGT-012")
@pytest.mark.levers(ac=False)
def test_a_task_waits_until_background_work_is_not_dear(tasks: TaskScene) -> None:
    """On battery with the screen off it is (the control: with the screen on it is not)."""
    assert tasks.app.call("work_cost") == "MEDIUM"
    tasks.register("Quick waits", conditions=[SystemConditionType.BACKGROUND_WORK_COST_NOT_HIGH])
    tasks.fire_and_end("Quick waits")
    asleep = tasks.host.enter_standby()
    tasks.fire()
    tasks.timeline.wait("TASK_PENDING", task="Quick waits", after=asleep.seq)
    tasks.assert_no_run("Quick waits", asleep.seq)
    tasks.host.levers.set(ac=True)
    tasks.ended("Quick waits", after=asleep.seq)
    assert tasks.runs("Quick waits", asleep.seq) == 1
    tasks.host.exit_standby()
    assert tasks.app.call("work_cost") == "LOW"


@pytest.mark.requirement("BGT-012")
@pytest.mark.host_alone
def test_all_conditions_must_hold_at_once(tasks: TaskScene) -> None:
    wanted = [SystemConditionType.USER_PRESENT, SystemConditionType.SESSION_CONNECTED]
    tasks.host.levers.set(user_present=False, session_connected=False)
    tasks.register("Quick waits", conditions=wanted)
    after = tasks.fire()
    tasks.host.levers.set(user_present=True)
    tasks.host.levers.set(user_present=False, session_connected=True)
    tasks.assert_no_run("Quick waits", after)
    tasks.host.levers.set(user_present=True)
    tasks.ended("Quick waits", after=after)


@pytest.mark.requirement("BGT-012")
@pytest.mark.host_alone
def test_a_trigger_that_fires_again_while_its_task_waits_adds_no_run(tasks: TaskScene) -> None:
    tasks.host.levers.set(internet=False)
    tasks.register("Quick waits", **CONNECTED)
    after = tasks.fire()
    tasks.fire()
    tasks.fire()
    tasks.host.levers.set(internet=True)
    tasks.ended("Quick waits", after=after)
    tasks.assert_no_run("Quick waits", tasks.timeline.mark())
    tasks.fire_and_end("Quick waits")
    assert tasks.runs("Quick waits", after) == 2, "one for those that waited, and one that found the condition met"


@pytest.mark.requirement("BGT-013")
@pytest.mark.parametrize("own_process", [True, False])
@pytest.mark.host_alone
def test_a_task_that_needs_the_internet_waits_for_the_cable(tasks: TaskScene, own_process: bool) -> None:
    """The host's real link."""
    tasks.register("Quick waits", own_process=own_process, **CONNECTED)
    tasks.host.levers.link(False)
    tasks.timeline.wait("NETWORK_CHANGED", link=False)
    after = tasks.fire()
    assert tasks.timeline.wait("TASK_PENDING", after=after).reason == "condition INTERNET_AVAILABLE"
    tasks.assert_no_run("Quick waits", after)
    tasks.host.levers.link(True)
    tasks.ended("Quick waits", after=after)
    assert tasks.runs("Quick waits", after) == 1


@pytest.mark.requirement("BGT-014")
@pytest.mark.parametrize("own_process", [True, False])
@pytest.mark.host_alone
def test_a_condition_that_is_lost_cancels_the_run_that_wanted_it(tasks: TaskScene, own_process: bool) -> None:
    tasks.register("Waits", own_process=own_process, cancel_on_condition_loss=True, **CONNECTED)
    after = tasks.fire()
    tasks.run("Waits", after=after)
    tasks.host.levers.set(internet=False)
    sent = tasks.timeline.wait("CANCEL_SENT", task="Waits", after=after)
    assert (sent.reason, sent.value) == ("CONDITION_LOSS", int(BackgroundTaskCancellationReason.CONDITION_LOSS))
    assert tasks.ended("Waits", after=after).reason == "cancelled"
    assert len(tasks.timeline.find("CANCEL_SENT", after=after)) == 1


@pytest.mark.requirement("BGT-014")
@pytest.mark.host_alone
def test_a_run_goes_on_where_nobody_wanted_it_cancelled_or_another_condition_is_lost(tasks: TaskScene) -> None:
    tasks.register("Waits without", **CONNECTED)
    tasks.register("Waits for another", cancel_on_condition_loss=True, conditions=[SystemConditionType.SESSION_CONNECTED])
    tasks.register("Waits for this", cancel_on_condition_loss=True, **CONNECTED)
    after = tasks.fire()
    for task in ("Waits without", "Waits for another", "Waits for this"):
        tasks.run(task, after=after)
    tasks.host.levers.set(internet=False)
    tasks.ended("Waits for this", after=after)
    assert [sent.task for sent in tasks.timeline.find("CANCEL_SENT", after=after)] == ["Waits for this"]
