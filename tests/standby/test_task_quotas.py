"""Quotas of the tasks of an app, with the profile win8: used up, filled up again, and not everybody's affair."""

from __future__ import annotations

import asyncio

import pytest

from rig.manifest.manifest import BackgroundTasksExtension, Manifest, TaskType
from rig.standby.system.tasks.budget import Allowance, Budget
from rig.standby.wire import bench
from rig.standby.wire.from_app import Suspended
from rig.standby.wire.task_enums import BackgroundTaskThrottleCounter as What
from rig.standby.wire.task_enums import SystemTriggerType
from rig.standby.wire.triggers import SystemEvent
from tests.standby.fake_app import FakeApp
from tests.standby.fake_host import FakeHost, fake_host
from tests.standby.tasks_at import TASK, fire, register, turn
from tests.standby.virtual_time import virtual

QUOTA_S, PERIOD_MIN = 4.0, 2
RULES = {"profile": "win8", "cpu_quota_s": QUOTA_S, "cpu_quota_min": PERIOD_MIN, "wall_clock_s": 3600.0}
LOCK_SCREEN = {"cpu_quota_lock_screen_s": 3 * QUOTA_S, "cpu_quota_lock_screen_min": PERIOD_MIN}
SLACK_S = 0.1


def test_a_budget_is_full_again_at_the_end_of_each_period_and_saves_nothing_up() -> None:
    budget = Budget(Allowance(2.0, 10.0), 100.0)
    budget.charge(1.5, 101.0)
    assert budget.left(109.9) == pytest.approx(0.5)
    assert budget.left(110.0) == 2.0
    budget.charge(5.0, 111.0)
    assert budget.left(119.9) == 0.0
    assert budget.full_again_s == 120.0
    assert budget.left(145.0) == 2.0
    assert budget.full_again_s == 150.0
    budget.charge(5.0, 149.0)
    assert budget.left(150.0 - 1e-9) == 2.0, "a loop's timer may be called a nanosecond early"
    assert budget.full_again_s == 160.0


AWAY_FROM_LOCK_SCREEN = SystemEvent(SystemTriggerType.SMS_RECEIVED)
"""An event that needs no place there."""


async def busy(host: FakeHost, entry_point: str | None = TASK) -> FakeApp:
    """An app whose task uses a whole processor and does not end."""
    app = await host.app()
    host.supervisor.host_task = lambda process, task: None
    app.on_task = lambda task: None
    await turn(host, lock_screen=())
    await fire(host, await register(app, AWAY_FROM_LOCK_SCREEN, entry_point))
    return app


@virtual
async def test_who_has_used_up_the_quota_is_paused_until_the_period_ends() -> None:
    """BGT-026: on external power too."""
    async with fake_host(**RULES) as host:
        await busy(host)
        started = host.timeline.find("TASK_START")[0].at_s
        paused = await host.timeline.wait("TASK_PAUSED")
        assert paused.at_s - started == pytest.approx(QUOTA_S, abs=SLACK_S)
        process = host.supervisor.task_hosts[-1]
        assert process.stopped
        await asyncio.sleep(PERIOD_MIN * 60 - QUOTA_S / 2)  # to the middle of what it may use in the next one
        (goes_on,) = host.timeline.find("TASK_CONTINUED")
        assert goes_on.at_s - started == pytest.approx(PERIOD_MIN * 60, abs=SLACK_S)
        assert not process.stopped
        (run,) = host.system.tasks.instances
        assert [host.system.tasks.quotas.held_up(run, what) for what in (What.CPU, What.NETWORK)] == [1, 0]


@virtual
async def test_what_fires_meanwhile_waits_for_the_end_of_the_period_and_runs_once() -> None:
    async with fake_host(**RULES) as host:
        mail = await busy(host)
        await host.timeline.wait("TASK_PAUSED")
        (process,) = host.supervisor.task_hosts
        await fire(host, await register(mail, AWAY_FROM_LOCK_SCREEN, TASK))
        assert "quota" in host.timeline.find("TASK_PENDING")[-1].reason
        assert len(host.timeline.find("TASK_START")) == 1
        process.idle = True
        await asyncio.sleep(PERIOD_MIN * 60)
        assert len(host.timeline.find("TASK_CONTINUED")) == 1
        assert len(host.timeline.find("TASK_START")) == 2


@virtual
async def test_what_it_had_said_before_continues_nobody() -> None:
    """Else whoever is stopped with something under way goes on when it is heard."""
    async with fake_host(**RULES) as host:
        app = await busy(host, None)
        await host.bench(bench.Suspend(host.instance_of(app)))
        await host.timeline.wait("TASK_PAUSED")
        assert app.stopped
        app.notify(Suspended(1))
        await host.settle()
        assert app.stopped


@virtual
async def test_the_quota_is_the_apps_and_not_another_ones() -> None:
    async with fake_host(**RULES) as host:
        await busy(host)
        await host.timeline.wait("TASK_PAUSED")
        other = await host.app("other")
        await fire(host, await register(other, AWAY_FROM_LOCK_SCREEN, TASK))
        assert len(host.timeline.find("TASK_START")) == 2


@virtual
async def test_an_app_that_is_installed_again_has_used_nothing() -> None:
    declared = BackgroundTasksExtension(TASK, frozenset({TaskType.SYSTEM_EVENT}))
    manifest = Manifest("mail", entry="its:App", extensions=(declared,))
    async with fake_host(**RULES) as host:
        await host.bench(bench.InstallPackage(manifest, []))
        await busy(host)
        await host.timeline.wait("TASK_PAUSED")
        await host.bench(bench.UninstallPackage("mail"))
        after = len(host.timeline.told)
        await host.bench(bench.InstallPackage(manifest, []))
        await busy(host)
        started = await host.timeline.wait("TASK_START", after=after)
        paused = await host.timeline.wait("TASK_PAUSED", after=after)
        assert paused.at_s - started.at_s == pytest.approx(QUOTA_S, abs=SLACK_S)


@virtual
async def test_an_app_on_the_lock_screen_has_more() -> None:
    async with fake_host(**RULES, **LOCK_SCREEN) as host:
        app = await host.app("mail")
        await turn(host, lock_screen=("mail",))
        host.supervisor.host_task = lambda process, task: None
        await fire(host, await register(app, AWAY_FROM_LOCK_SCREEN, TASK))
        started = host.timeline.find("TASK_START")[0].at_s
        assert (await host.timeline.wait("TASK_PAUSED")).at_s - started == pytest.approx(3 * QUOTA_S, abs=SLACK_S)


@virtual
async def test_there_is_no_quota_in_windows_10() -> None:
    async with fake_host(**{**RULES, "profile": "win10"}) as host:
        await busy(host)
        await asyncio.sleep(600)
        assert not host.timeline.find("TASK_PAUSED")


@virtual
async def test_a_run_in_the_process_of_an_app_that_is_used_is_not_counted() -> None:
    async with fake_host(**RULES) as host:
        await busy(host, None)
        await asyncio.sleep(600)
        assert not host.timeline.find("TASK_PAUSED")
