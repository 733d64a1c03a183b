"""Time and maintenance triggers: at ticks of 15 minutes, never early, once or again; maintenance on external power alone."""

from __future__ import annotations

import pytest

from rig.clock import Clock, Deadline
from rig.standby.wire.hresult import HResult
from rig.suite.task_scene import TaskScene

pytestmark = pytest.mark.host_alone

TICK_MIN = 15
FAST = Clock(10_000)
"""A tick in 150 ms."""
LATE_MIN = 300.0
"""Three seconds of a busy machine's: the upper end of the window is the tick's, not the kernel's."""
TICKS = 4
TIMERS = pytest.mark.parametrize("kind", ["time", "maintenance"])


@pytest.mark.requirement("BGT-018", "BGT-019")
@TIMERS
@pytest.mark.parametrize("minutes", [0, 1, 14])
def test_less_than_15_minutes_is_refused(tasks: TaskScene, kind: str, minutes: int) -> None:
    tasks.refused(HResult.INVALID_ARG, "register", task="Quick", trigger=kind, value=minutes)
    assert tasks.app.call("all_tasks") == {}


@pytest.mark.requirement("BGT-018")
@pytest.mark.bench_config(clock=FAST)
@pytest.mark.parametrize("minutes", [15, 20, 45])
def test_a_timer_fires_at_a_tick_after_its_time_and_never_early(tasks: TaskScene, minutes: int) -> None:
    tasks.register("Quick", trigger="time", value=minutes, one_shot=True)
    registered = tasks.timeline.wait("REGISTER", task="Quick")
    started = tasks.timeline.wait("TASK_START", task="Quick")
    lasted_min = (started.t_ns - registered.t_ns) / 1e9 / FAST.minutes_s(1)
    assert minutes - 0.1 <= lasted_min <= minutes + TICK_MIN + LATE_MIN


@pytest.mark.requirement("BGT-018")
@pytest.mark.bench_config(clock=FAST)
@pytest.mark.parametrize("one_shot", [True, False], ids=["once", "again"])
def test_a_one_shot_timer_is_gone_when_it_has_fired_and_another_fires_again(tasks: TaskScene, one_shot: bool) -> None:
    tasks.register("Quick", trigger="time", value=15, one_shot=one_shot)
    registered, first = tasks.timeline.wait("REGISTER", task="Quick"), tasks.ended("Quick")
    if one_shot:
        assert tasks.app.call("all_tasks") == {}
        tasks.assert_no_run("Quick", after=first.seq)
        return
    assert tasks.ended("Quick", count=TICKS).reason == "done"
    starts = tasks.timeline.find("TASK_START", task="Quick")[:TICKS]
    passed_min = [(start.t_ns - registered.t_ns) / 1e9 / FAST.minutes_s(1) for start in starts]
    assert all(passed > TICK_MIN * ticks - 0.1 for ticks, passed in enumerate(passed_min, 1)), f"one tick, one run: {passed_min}"
    assert len(tasks.app.call("all_tasks")) == 1


@pytest.mark.requirement("BGT-019")
@pytest.mark.bench_config(clock=FAST)
def test_maintenance_waits_for_external_power_and_is_aborted_when_that_goes(tasks: TaskScene) -> None:
    tasks.host.levers.set(ac=False)
    tasks.register("Waits", trigger="maintenance", value=15)
    assert "power" in tasks.timeline.wait("TASK_PENDING", task="Waits").reason
    tasks.assert_no_run("Waits")
    tasks.host.levers.set(ac=True)
    tasks.run("Waits")
    tasks.host.levers.set(ac=False)
    sent = tasks.timeline.wait("CANCEL_SENT", task="Waits")
    assert (sent.reason, sent.value) == ("ABORT", 0)
    tasks.ended("Waits")


@pytest.mark.requirement("BGT-012", "BGT-019")
@pytest.mark.bench_config(clock=FAST)
def test_maintenance_that_was_due_more_than_once_waits_as_one_run(tasks: TaskScene) -> None:
    tasks.host.levers.set(ac=False)
    tasks.register("Waits", trigger="maintenance", value=15)
    tasks.timeline.wait("TASK_PENDING", task="Waits")
    Deadline(TICKS * FAST.minutes_s(TICK_MIN)).wait_out()
    assert len(tasks.timeline.find("TASK_PENDING", task="Waits")) == 1, f"{TICKS} more ticks have passed"
    tasks.host.levers.set(ac=True)
    tasks.run("Waits")


@pytest.mark.requirement("BGT-019")
@pytest.mark.bench_config(clock=FAST)
def test_a_timer_needs_no_external_power(tasks: TaskScene) -> None:
    """What the test above is measured against."""
    tasks.host.levers.set(ac=False)
    tasks.register("Quick", trigger="time", value=15)
    assert tasks.ended("Quick").reason == "done"
