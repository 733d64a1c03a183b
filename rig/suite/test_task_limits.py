"""How long a run may take, what a deferral changes about that, and what becomes of one that does nothing."""

from __future__ import annotations

import pytest

from rig.config import StandbyConfig
from rig.suite.task_scene import TaskScene

WALL_S, GRACE_S = 0.4, 0.3
CROWD = 30
"""Runs of `Defers`, of a twentieth of a second each."""
SHORT = StandbyConfig(wall_clock_s=WALL_S, cancel_grace_s=GRACE_S)
"""For runs that stay. One that obeys has the usual grace: a busy machine gives it no processor in a short one."""


@pytest.mark.requirement("BGT-025")
@pytest.mark.parametrize(
    "task",
    [
        pytest.param("Waits", marks=pytest.mark.bench_config(standby=StandbyConfig(wall_clock_s=WALL_S))),
        pytest.param("Stubborn", marks=pytest.mark.bench_config(standby=SHORT)),
        pytest.param("Forgets", marks=pytest.mark.bench_config(standby=SHORT)),
    ],
)
@pytest.mark.host_alone
def test_a_run_that_takes_too_long_is_cancelled_and_killed_if_it_stays(tasks: TaskScene, task: str) -> None:
    tasks.register(task)
    after = tasks.fire()
    started = tasks.timeline.wait("TASK_START", task=task, after=after)
    sent = tasks.timeline.wait("CANCEL_SENT", task=task, after=after)
    assert (sent.reason, sent.value) == ("EXECUTION_TIME_EXCEEDED", 9)
    assert sent.t_ns - started.t_ns >= WALL_S * 0.95e9
    ended = tasks.ended(task, after=after)
    killed = tasks.timeline.find("TASK_KILLED", task=task, after=after)
    assert len(killed) == (task != "Waits")
    if killed:
        assert killed[0].t_ns - sent.t_ns >= GRACE_S * 0.95e9
        assert killed[0].seq < ended.seq


@pytest.mark.requirement("BGT-025")
@pytest.mark.bench_config(standby=StandbyConfig(wall_clock_s=5.0))
@pytest.mark.host_alone
def test_a_run_that_ends_in_time_is_left_alone(tasks: TaskScene) -> None:
    tasks.register("Defers")
    ended = tasks.fire_and_end("Defers")
    assert (ended.reason, ended.fault) == ("done", None)
    assert not tasks.timeline.find("CANCEL_SENT")


@pytest.mark.requirement("BGT-025")
@pytest.mark.bench_config(standby=StandbyConfig(wall_clock_s=1.0))
@pytest.mark.host_alone
def test_a_run_that_waits_for_those_before_it_in_its_process_has_its_time_still(tasks: TaskScene) -> None:
    """All of them take longer than one may, and none of them does."""
    tasks.register("Defers", own_process=False)
    after = tasks.timeline.mark()
    for _ in range(CROWD):
        tasks.fire()
    last = tasks.ended("Defers", after=after, count=CROWD)
    first = tasks.timeline.find("TASK_START", task="Defers", after=after)[0]
    assert last.t_ns - first.t_ns > 1.0e9, "one alone would have had the time for all"
    cancelled = tasks.timeline.find("CANCEL_SENT", task="Defers", after=after)
    assert not cancelled, f"{len(cancelled)} of {CROWD} runs were cancelled: {cancelled[0].reason}"


@pytest.mark.requirement("BGT-031")
@pytest.mark.parametrize("own_process", [True, False], ids=["out-of-process", "in-process"])
@pytest.mark.host_alone
def test_work_that_goes_on_after_run_is_finished_if_there_is_a_deferral(tasks: TaskScene, own_process: bool) -> None:
    tasks.register("Defers", own_process=own_process)
    after = tasks.fire()
    got = tasks.timeline.wait("DEFERRAL_GET", task="Defers", after=after)
    done = tasks.timeline.wait("DEFERRAL_DONE", task="Defers", after=after)
    left = tasks.timeline.wait("RUN_EXIT", task="Defers", after=after)
    assert got.seq < done.seq < left.seq
    assert tasks.ended("Defers", after=after).reason == "done"


@pytest.mark.requirement("BGT-031")
def test_a_deferral_keeps_a_host_in_standby_awake_until_it_is_complete(tasks: TaskScene) -> None:
    tasks.register("Defers", own_process=False)
    tasks.host.enter_standby()
    after = tasks.fire()
    done = tasks.timeline.wait("DEFERRAL_DONE", task="Defers", after=after)
    asleep = tasks.timeline.wait("SLEEP_ENTER", after=after)
    assert done.seq < asleep.seq


@pytest.mark.requirement("BGT-031")
@pytest.mark.host_alone
def test_without_a_deferral_what_run_left_behind_ends_with_its_process(tasks: TaskScene) -> None:
    tasks.register("Leaves")
    after = tasks.fire()
    assert tasks.ended("Leaves", after=after).reason == "done"
    tasks.timeline.wait("TASK_HOST_END", app="tasks", after=after)
    assert not tasks.timeline.find("DEFERRAL_GET")


IDLE_S = 0.4
IDLE = StandbyConfig(idle_task_s=IDLE_S, cancel_grace_s=GRACE_S)


@pytest.mark.requirement("BGT-034")
@pytest.mark.bench_config(standby=StandbyConfig(idle_task_s=IDLE_S))
@pytest.mark.parametrize(
    "reason",
    [
        pytest.param(("IDLE_TASK", 4), marks=pytest.mark.profile("win10")),
        pytest.param(("ABORT", 0), marks=pytest.mark.profile("win8")),
    ],
    ids=["win10", "win8"],
)
@pytest.mark.host_alone
def test_a_task_that_does_nothing_but_hold_its_deferral_is_cancelled(tasks: TaskScene, reason: tuple[str, int]) -> None:
    """Its app lives, as it obeys."""
    tasks.host.levers.set(lock_screen=("tasks",))
    tasks.register("Idles")
    after = tasks.fire()
    began = tasks.run("Idles", after=after)
    sent = tasks.timeline.wait("CANCEL_SENT", task="Idles", after=after)
    assert (sent.reason, sent.value) == reason
    assert sent.t_ns - began.t_ns >= IDLE_S * 0.75e9, "counted from when it was seen to do nothing"
    assert tasks.ended("Idles", after=after).reason == "cancelled"
    assert not tasks.timeline.find("TASK_KILLED")
    assert len(tasks.app.call("all_tasks")) == 1


@pytest.mark.requirement("BGT-034")
@pytest.mark.bench_config(standby=IDLE)
@pytest.mark.parametrize("task", ["Forgets", "Stubborn"])
@pytest.mark.host_alone
def test_one_that_is_not_gone_in_the_grace_takes_its_app_along(tasks: TaskScene, task: str) -> None:
    """A process of its own does not save the app. Another app is none of it."""
    other = tasks.start("other")
    tasks.register(task)
    after = tasks.fire()
    sent = tasks.timeline.wait("CANCEL_SENT", task=task, after=after)
    killed = tasks.timeline.wait("TASK_KILLED", task=task, after=after)
    assert killed.t_ns - sent.t_ns >= GRACE_S * 0.95e9
    assert "SIGKILL" in tasks.timeline.wait("APP_TERMINATED", app="tasks", after=after).status
    assert "SIGKILL" in tasks.timeline.wait("TASK_HOST_END", app="tasks", after=after).status
    assert other.call("all_tasks") == {}


@pytest.mark.requirement("BGT-034")
@pytest.mark.bench_config(standby=StandbyConfig(idle_task_s=IDLE_S, wall_clock_s=3 * IDLE_S))
@pytest.mark.host_alone
def test_one_that_computes_is_not_idle(tasks: TaskScene) -> None:
    tasks.register("Spins")
    after = tasks.fire()
    assert tasks.cancelled("Spins", after=after) == ("EXECUTION_TIME_EXCEEDED", 9)
