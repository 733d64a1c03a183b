"""The memory that a run may allocate in a process of its own, and what becomes of one that wants more."""

from __future__ import annotations

import ast

import pytest

from rig.config import StandbyConfig
from rig.suite.task_scene import TaskScene

pytestmark = pytest.mark.host_alone

MIB = 1 << 20
LIMIT_MB = 32
LIMITED = pytest.mark.bench_config(standby=StandbyConfig(memory_limit_mb=LIMIT_MB))


def measured(scene: TaskScene, *, own_process: bool) -> tuple[int, int, int, int]:
    """Bytes: used before and after it took some, the limit, what it took."""
    scene.register("Measures", own_process=own_process)
    fault = scene.fire_and_end("Measures").fault
    assert fault.startswith("LookupError: "), fault
    before, after, limit, taken = ast.literal_eval(fault.partition(": ")[2])
    return before, after, limit, taken


@pytest.mark.requirement("BGT-029")
@LIMITED
def test_a_task_can_ask_what_it_uses_and_what_it_may(tasks: TaskScene) -> None:
    before, after, limit, taken = measured(tasks, own_process=True)
    assert limit == LIMIT_MB * MIB
    assert taken <= after - before < taken + MIB
    assert after < limit


@pytest.mark.requirement("BGT-029")
@LIMITED
def test_in_its_apps_process_a_task_has_no_limit(tasks: TaskScene) -> None:
    assert measured(tasks, own_process=False)[2] == 0


@pytest.mark.requirement("BGT-029")
@LIMITED
def test_a_task_that_handles_that_it_gets_no_more_goes_on(tasks: TaskScene) -> None:
    tasks.register("Copes", follow=True)
    ended = tasks.fire_and_end("Copes")
    assert (ended.reason, ended.fault) == ("done", None)
    tasks.timeline.wait("task-progress", value=2)
    assert not tasks.timeline.find("TASK_KILLED")


@pytest.mark.requirement("BGT-029")
@LIMITED
def test_one_that_does_not_handle_it_is_killed_at_once_without_an_event_of_cancellation(tasks: TaskScene) -> None:
    """Its app goes on, and so does its registration: it is started again."""
    tasks.register("Hoards")
    for _ in range(2):
        after = tasks.fire()
        assert tasks.timeline.wait("TASK_KILLED", task="Hoards", after=after).process == "task host"
        assert tasks.ended("Hoards", after=after).reason == "killed"
        tasks.timeline.wait("TASK_HOST_END", app="tasks", after=after)
    assert not tasks.timeline.find("CANCEL_SENT")
    assert len(tasks.app.call("all_tasks")) == 1
