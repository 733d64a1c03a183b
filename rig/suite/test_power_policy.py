"""Battery saver: which tasks it holds back, and when."""

from __future__ import annotations

from itertools import product

import pytest

from rig.standby.api import BackgroundTaskCancellationReason
from rig.suite.task_scene import TaskScene

pytestmark = pytest.mark.host_alone

THRESHOLD = 20
OFF = {"energy_saver": False}


@pytest.mark.requirement("BGT-030")
@pytest.mark.parametrize("exempt", [False, True])
@pytest.mark.parametrize("ac", [False, True])
def test_a_task_is_held_back_by_saver_battery_and_level_together_alone(tasks: TaskScene, ac: bool, exempt: bool) -> None:
    """Every combination; registration works in each."""
    apps = ("tasks",) if exempt else ()
    for number, (saver, low) in enumerate(product((False, True), repeat=2)):
        level = THRESHOLD - 1 if low else THRESHOLD
        tasks.host.levers.set(energy_saver=saver, ac=ac, battery_percent=level, energy_saver_exempt=apps)
        task = f"Quick {number}"
        task_id = tasks.register(task)
        after = tasks.fire()
        if saver and low and not ac and not exempt:
            assert tasks.timeline.wait("TASK_PENDING", task=task, after=after).reason == "battery saver"
            tasks.assert_no_run(task)
            tasks.host.levers.set(**OFF)
        tasks.ended(task, after=after)
        assert tasks.runs(task) == 1
        tasks.app.call("unregister", task_id=task_id, cancel=False)


SAVES = {"ac": False, "energy_saver": True, "battery_percent": THRESHOLD - 1}


@pytest.mark.requirement("BGT-030")
@pytest.mark.levers(**SAVES)
@pytest.mark.parametrize(
    "change", [{"energy_saver": False}, {"ac": True}, {"battery_percent": 50}, {"energy_saver_exempt": ("tasks",)}], ids=str
)
def test_what_waits_runs_once_when_any_of_them_is_over(tasks: TaskScene, change: dict[str, object]) -> None:
    tasks.register("Quick")
    after = tasks.fire()
    tasks.timeline.wait("TASK_PENDING", task="Quick", after=after)
    tasks.host.levers.set(**change)
    tasks.ended("Quick", after=after)
    assert tasks.runs("Quick") == 1


@pytest.mark.requirement("BGT-030")
@pytest.mark.levers(**SAVES | {"energy_saver_exempt": ("spared",)})
def test_an_app_that_is_exempt_runs_beside_one_that_is_not(tasks: TaskScene) -> None:
    tasks.start("spared").call("register", task="Quick spared")
    tasks.register("Quick")
    after = tasks.fire()
    tasks.ended("Quick spared", after=after)
    tasks.assert_no_run("Quick")


@pytest.mark.requirement("BGT-030")
@pytest.mark.levers(ac=False, battery_percent=THRESHOLD - 1)
def test_a_run_is_cancelled_when_the_saver_begins(tasks: TaskScene) -> None:
    """Beside it one of an app that is exempt goes on."""
    tasks.start("spared").call("register", task="Waits spared")
    tasks.register("Waits")
    after = tasks.fire()
    for task in ("Waits", "Waits spared"):
        tasks.run(task, after=after)
    tasks.host.levers.set(energy_saver=True, energy_saver_exempt=("spared",))
    sent = tasks.timeline.wait("CANCEL_SENT", after=after)
    assert (sent.task, sent.value) == ("Waits", int(BackgroundTaskCancellationReason.ENERGY_SAVER))
    tasks.ended("Waits", after=after)
    assert len(tasks.timeline.find("CANCEL_SENT", after=after)) == 1
