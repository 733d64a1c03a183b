"""Progress and completion of a task: who hears of them, and when."""

from __future__ import annotations

import pytest

from rig.suite.task_scene import TaskScene

pytestmark = pytest.mark.host_alone


@pytest.mark.requirement("BGT-033")
def test_an_app_in_the_foreground_hears_of_progress_and_completion(tasks: TaskScene) -> None:
    tasks.register("Quick", follow=True)
    after = tasks.fire()
    progress = tasks.timeline.wait("task-progress", value=50, after=after)
    completed = tasks.timeline.wait("task-completed", fault=None, after=after)
    assert progress.seq < completed.seq
    assert len(tasks.timeline.find("task-completed", after=after)) == 1


@pytest.mark.requirement("BGT-033")
def test_looking_at_the_result_raises_what_the_task_has_raised(tasks: TaskScene) -> None:
    tasks.register("Raises", follow=True)
    after = tasks.fire()
    tasks.timeline.wait("task-completed", fault="ValueError: no mail today", after=after)


@pytest.mark.requirement("BGT-033")
def test_a_suspended_app_hears_of_the_completion_when_it_goes_on_and_never_of_the_progress(tasks: TaskScene) -> None:
    tasks.register("Quick", follow=True)
    tasks.app.suspend()
    after = tasks.fire()
    tasks.ended("Quick", after=after)
    assert not tasks.timeline.find("task-completed")
    tasks.app.resume()
    tasks.timeline.wait("task-completed", fault=None, after=after)
    assert not tasks.timeline.find("task-progress")
    tasks.ended("Quick", after=tasks.fire())
    tasks.timeline.wait("task-progress", value=50)


@pytest.mark.requirement("BGT-033")
def test_an_app_that_was_terminated_hears_of_neither(tasks: TaskScene) -> None:
    tasks.register("Quick", follow=True)
    tasks.app.terminate()
    tasks.ended("Quick", after=tasks.fire())
    tasks.app = tasks.start("tasks")
    (task_id,) = tasks.app.call("all_tasks")
    tasks.app.call("follow", task_id=task_id)
    after = tasks.fire()
    tasks.timeline.wait("task-completed", after=after)
    assert len(tasks.timeline.find("task-completed")) == 1
