"""Limits of time, cancellation, grace and the end of a process whose task does not end."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from rig.standby.wire.app_tasks import RequestApplicationTrigger, RequestDeviceTrigger, TaskReturned
from rig.standby.wire.task_enums import BackgroundTaskCancellationReason as Reason
from rig.standby.wire.triggers import Application, DeviceServicing, DeviceUse
from tests.standby.fake_host import FakeHost, fake_host
from tests.standby.tasks_at import AWAY, TASK, TRIGGER, fire, register, turn
from tests.standby.virtual_time import virtual


def began_s(host: FakeHost) -> float:
    return host.timeline.find("TASK_START")[-1].at_s


@pytest.mark.parametrize("returned", [False, True], ids=["in Run", "with a deferral"])
@pytest.mark.parametrize("entry_point", [None, TASK], ids=["in process", "out of process"])
@virtual
async def test_a_run_is_cancelled_at_its_limit_and_its_process_killed_after_the_grace(
    entry_point: str | None, returned: bool
) -> None:
    """BGT-025, BGT-031, BGT-032."""
    async with fake_host(wall_clock_s=30.0, cancel_grace_s=5.0) as host:
        app = await host.app()
        app.on_task = lambda task: app.notify(TaskReturned(task.instance)) if returned else None
        host.supervisor.host_task = lambda process, task: process.notify(TaskReturned(task.instance)) if returned else None
        await fire(host, await register(app, AWAY, entry_point))
        process = app if entry_point is None else host.supervisor.task_hosts[-1]
        sent = await host.timeline.wait("CANCEL_SENT")
        assert sent.at_s - began_s(host) == pytest.approx(30.0, abs=0.01)
        assert (sent.reason, sent.value) == ("EXECUTION_TIME_EXCEEDED", 9)
        await host.settle()
        assert [cancel.reason for cancel in process.cancels] == [Reason.EXECUTION_TIME_EXCEEDED]
        killed = await host.timeline.wait("TASK_KILLED")
        assert killed.at_s - sent.at_s == pytest.approx(5.0, abs=0.01)
        assert (await host.timeline.wait("TASK_END")).reason == "killed"
        assert process.killed
        assert app.killed is (entry_point is None)


@virtual
async def test_an_obedient_run_ends_and_nobody_is_killed() -> None:
    async with fake_host() as host:
        app = await host.app()
        app.on_task = lambda task: None
        app.on_cancel = lambda cancel: app.end_task(cancel.instance)
        await fire(host, await register(app))
        ended = await host.timeline.wait("TASK_END")
        assert ended.reason == "cancelled"
        await asyncio.sleep(60)
        assert not host.timeline.find("TASK_KILLED")
        assert not app.killed


@virtual
async def test_the_time_of_a_run_counts_from_when_those_before_it_in_the_process_have_returned() -> None:
    async with fake_host(wall_clock_s=30.0) as host:
        app = await host.app()
        app.on_task = lambda task: None
        task = await register(app)
        for _ in range(2):
            await fire(host, task)
        await asyncio.sleep(20)
        app.done(app.tasks[0])
        await asyncio.sleep(29)
        assert not app.cancels
        await asyncio.sleep(2)
        assert [cancel.instance for cancel in app.cancels] == [app.tasks[1].instance]


@pytest.mark.parametrize(
    ("kind", "limit_s"), [(Application, 600.0), (DeviceUse, 600.0), (DeviceServicing, 1800.0)], ids=lambda value: str(value)
)
@virtual
async def test_some_kinds_may_run_longer(kind: Any, limit_s: float) -> None:
    """APT-008, BGT-020, BGT-021."""
    async with fake_host() as host:
        app = await host.app()
        host.supervisor.host_task = lambda process, task: None
        await register(app, kind(TRIGGER), TASK)
        if kind is Application:
            assert await app.call(RequestApplicationTrigger(TRIGGER)) == 0
        else:
            assert await app.call(RequestDeviceTrigger(TRIGGER, "the watch")) == 0
        await host.settle()
        await asyncio.sleep(limit_s - 1)
        assert not host.timeline.find("CANCEL_SENT")
        await asyncio.sleep(2)
        assert host.timeline.find("CANCEL_SENT", reason="EXECUTION_TIME_EXCEEDED")


@pytest.mark.parametrize("reason", list(Reason), ids=lambda reason: reason.name)
@virtual
async def test_each_reason_reaches_the_task_once_and_the_first_one_stays(reason: Reason) -> None:
    """BGT-032."""
    async with fake_host() as host:
        app = await host.app()
        app.on_task = lambda task: None
        await fire(host, await register(app))
        for sent in (reason, Reason.ABORT, reason):
            host.system.tasks.scheduler.cancel_package("mail", sent)
        await host.settle()
        assert [(cancel.instance, cancel.reason) for cancel in app.cancels] == [(app.tasks[0].instance, reason)]


@pytest.mark.parametrize("entry_point", [None, TASK], ids=["in process", "out of process"])
@pytest.mark.parametrize(("profile", "reason"), [("win10", Reason.IDLE_TASK), ("win8", Reason.ABORT)])
@virtual
async def test_a_run_that_uses_no_processor_is_idle_and_costs_the_app_its_life(
    entry_point: str | None, profile: str, reason: Reason
) -> None:
    """BGT-034, B-32."""
    rules = {"cpu_quota_lock_screen_s": 1000.0, "profile": profile}
    async with fake_host(idle_task_s=10.0, wall_clock_s=1000.0, **rules) as host:
        app = await host.app()
        app.on_task = lambda task: None
        host.supervisor.host_task = lambda process, task: None
        await turn(host, lock_screen=("mail",))
        await fire(host, await register(app, AWAY, entry_point))
        await asyncio.sleep(60)
        assert not host.timeline.find("CANCEL_SENT"), "it works"
        idle_s = host.now_s
        (app if entry_point is None else host.supervisor.task_hosts[-1]).idle = True
        sent = await host.timeline.wait("CANCEL_SENT")
        assert (sent.reason, sent.value) == (reason.name, reason)
        assert 7.5 <= sent.at_s - idle_s <= 12.6, "in steps of a quarter of it"
        killed = await host.timeline.wait("TASK_KILLED")
        assert killed.at_s - sent.at_s == pytest.approx(5.0, abs=0.01)
        await host.settle()
        assert app.killed


@virtual
async def test_a_run_that_waits_for_a_processor_is_not_idle() -> None:
    """On a machine that computes for others it may not even have begun."""
    async with fake_host(idle_task_s=10.0, wall_clock_s=10_000.0, cpu_quota_lock_screen_s=10_000.0) as host:
        app = await host.app()
        host.supervisor.host_task = lambda process, task: None
        await turn(host, lock_screen=("mail",))
        await fire(host, await register(app, AWAY, TASK))
        await host.settle()
        child = host.supervisor.task_hosts[-1]
        child.idle = child.starved = True
        await asyncio.sleep(300)
        assert not host.timeline.find("CANCEL_SENT")
        child.starved, began_s = False, host.now_s
        assert 10.0 <= (await host.timeline.wait("CANCEL_SENT")).at_s - began_s <= 12.6


@virtual
async def test_a_run_that_a_quota_has_paused_is_not_idle() -> None:
    """BGT-026, BGT-034: it may not use the processor."""
    async with fake_host(profile="win8", idle_task_s=10.0, wall_clock_s=10_000.0, cpu_quota_lock_screen_s=2.0) as host:
        app = await host.app()
        host.supervisor.host_task = lambda process, task: None
        await turn(host, lock_screen=("mail",))
        await fire(host, await register(app, AWAY, TASK))
        await asyncio.sleep(300)
        assert host.timeline.find("TASK_PAUSED")
        assert not host.timeline.find("CANCEL_SENT")
