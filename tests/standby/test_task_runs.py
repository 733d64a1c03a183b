"""From a trigger to the end of a run: what waits, where it runs, how it ends."""

from __future__ import annotations

import asyncio

import pytest

from rig.manifest.manifest import Manifest
from rig.standby.system.tasks.scheduler import HOSTS_PER_APP
from rig.standby.wire import bench
from rig.standby.wire.app_tasks import FollowTasks, RemoveAccess, RequestAccess, TaskReturned, UnregisterTask
from rig.standby.wire.task_enums import BackgroundTaskCancellationReason as Reason
from rig.standby.wire.task_enums import SystemConditionType as Condition
from rig.standby.wire.to_app import RunTask
from tests.standby.fake_app import FakeApp
from tests.standby.fake_host import fake_host
from tests.standby.tasks_at import AWAY, MINUTE_S, ONCE, TASK, TIMER, fire, ran, register, registered, turn
from tests.standby.virtual_time import virtual


def never(task: RunTask) -> None:
    """Run does not return."""


@virtual
async def test_a_task_waits_until_all_its_conditions_hold_and_runs_once() -> None:
    """BGT-012, BGT-013: however often its trigger fires meanwhile."""
    async with fake_host() as host:
        app = await host.app()
        await turn(host, internet=False, session_connected=False)
        task = await register(app, conditions=(Condition.INTERNET_AVAILABLE, Condition.SESSION_CONNECTED))
        for _ in range(3):
            await fire(host, task)
        await turn(host, internet=True)
        await turn(host, internet=False, session_connected=True)
        assert ran(host) == 0
        reasons = [told.reason for told in host.timeline.find("TASK_PENDING")]
        assert reasons[:2] == ["condition INTERNET_AVAILABLE", "condition SESSION_CONNECTED"]
        await turn(host, internet=True)
        assert len(app.tasks) == 1
        await fire(host, task)
        assert len(app.tasks) == 2


@virtual
async def test_a_registration_that_fires_once_is_gone_then_though_it_waits() -> None:
    async with fake_host() as host:
        app = await host.app()
        await turn(host, internet=False)
        task = await register(app, ONCE, conditions=(Condition.INTERNET_AVAILABLE,))
        await fire(host, task)
        assert list(host.system.tasks.registry) == []
        await turn(host, internet=True)
        assert [order.task_id for order in app.tasks] == [task]


@pytest.mark.parametrize("cancel", [True, False])
@virtual
async def test_condition_loss_cancels_a_run_that_asked_for_it(cancel: bool) -> None:
    """BGT-014."""
    async with fake_host() as host:
        app = await host.app()
        app.on_task = never
        conditions = (Condition.INTERNET_AVAILABLE,)
        await fire(host, await register(app, conditions=conditions, cancel_on_condition_loss=cancel))
        await turn(host, internet=False)
        assert [sent.reason for sent in app.cancels] == [Reason.CONDITION_LOSS] * cancel
        await turn(host, internet=True)
        await turn(host, internet=False)
        assert len(app.cancels) == cancel, "once"


@virtual
async def test_a_class_runs_in_a_process_of_its_own_that_ends_with_it() -> None:
    async with fake_host() as host:
        app = await host.app()
        app.notify(FollowTasks())
        await fire(host, await register(app, entry_point=TASK))
        [told] = host.timeline.find("TASK_START")
        assert told.process == "task host"
        await host.timeline.wait("TASK_HOST_END", instance=told.process_instance)
        [task_host] = host.supervisor.task_hosts
        assert [task.entry_point for task in task_host.tasks] == [TASK]
        assert (app.tasks, len(app.completions)) == ([], 1)


@virtual
async def test_an_app_without_handlers_hears_nothing_of_the_end_of_its_tasks() -> None:
    """It would be what it does first when a wake continues it."""
    async with fake_host() as host:
        app = await host.app()
        await fire(host, await register(app))
        await host.settle()
        assert (len(app.tasks), app.completions) == (1, [])


@virtual
async def test_an_entry_point_of_the_app_itself_runs_in_it() -> None:
    async with fake_host() as host:
        app = await host.app()
        await fire(host, await register(app, entry_point="Sync", in_app=True))
        assert [task.entry_point for task in app.tasks] == ["Sync"]
        assert not host.supervisor.task_hosts


@virtual
async def test_a_task_in_the_apps_process_waits_for_the_app_and_one_of_its_own_does_not() -> None:
    """APT-007 the other way round: nobody is left of the app."""
    async with fake_host() as host:
        app = await host.app()
        inside, outside = await register(app), await register(app, entry_point=TASK)
        app.kill()
        await host.timeline.wait("APP_TERMINATED")
        await fire(host, outside)
        assert len(host.supervisor.task_hosts) == 1
        await fire(host, inside)
        assert [told.reason for told in host.timeline.find("TASK_PENDING")] == ["its app does not run"]
        again = await host.app()
        await host.settle()
        assert [task.task_id for task in again.tasks] == [inside]


@virtual
async def test_a_crash_of_a_task_host_leaves_the_app_and_one_in_the_app_takes_it_along() -> None:
    """BGT-007."""
    async with fake_host() as host:
        app = await host.app()
        app.notify(FollowTasks())
        host.supervisor.host_task = lambda task_host, _: task_host.kill()
        await fire(host, await register(app, entry_point=TASK))
        ended = await host.timeline.wait("TASK_END")
        assert (ended.reason, app.killed) == ("its process ended", False)
        await host.settle()
        assert [completion.fault for completion in app.completions] == ["its process ended"]
        after = len(host.timeline.told)
        app.on_task = lambda _: app.kill()
        await fire(host, await register(app))
        assert (await host.timeline.wait("TASK_END", after=after)).reason == "its process ended"
        assert await host.timeline.wait("APP_TERMINATED")


@pytest.mark.parametrize("cancel", [True, False])
@virtual
async def test_unregister_cancels_what_runs_only_when_it_is_told_to(cancel: bool) -> None:
    """BGT-010. What waits never runs."""
    async with fake_host() as host:
        app = await host.app()
        app.on_task = never
        task = await register(app, conditions=(Condition.USER_PRESENT,))
        await fire(host, task)
        await turn(host, user_present=False)
        await fire(host, task)
        await app.call(UnregisterTask(task, cancel))
        await host.settle()
        assert [sent.reason for sent in app.cancels] == [Reason.ABORT] * cancel
        [running] = app.tasks
        app.done(running)
        await turn(host, user_present=True)
        assert len(app.tasks) == 1
        assert not list(host.system.tasks.instances)


@pytest.mark.parametrize("entry_point", [None, TASK])
@virtual
async def test_a_sleeping_host_is_awake_for_the_whole_run(entry_point: str | None) -> None:
    async with fake_host() as host:
        app = await host.app()
        await register(app, TIMER, entry_point)
        running: list[tuple[FakeApp, RunTask]] = []
        host.supervisor.host_task = lambda *run: running.append(run)
        app.on_task = lambda task: running.append((app, task))
        await host.fall_asleep()
        asleep = len(host.timeline.told)
        async with asyncio.timeout(31 * MINUTE_S):
            while not running:
                await asyncio.sleep(5)
        await asyncio.sleep(15)
        assert not host.asleep
        [(process, task)] = running
        process.notify(TaskReturned(task.instance))
        await asyncio.sleep(5)
        assert not host.asleep, "a deferral keeps it alive (BGT-031)"
        process.done(task)
        await host.timeline.wait("SLEEP_ENTER", after=asleep)
        assert [told.cause for told in host.timeline.find("SLEEP_EXIT")] == ["time_trigger"]


@virtual
async def test_a_suspended_app_goes_on_for_a_task_in_it_and_is_suspended_again() -> None:
    async with fake_host() as host:
        app = await host.app()
        task = await register(app, AWAY)
        await host.bench(bench.Suspend(host.instance_of(app)))
        assert app.stopped
        host.system.tasks.scheduler.fire(registered(host, task))
        await host.settle()
        assert (len(app.tasks), app.stopped) == (1, True)
        assert host.timeline.find("APP_RESUME", cause="trigger")


@virtual
async def test_what_waits_when_the_app_gives_its_access_back_waits_until_it_has_it_again() -> None:
    async with fake_host() as host:
        app = await host.app()
        await turn(host, internet=False)
        await fire(host, await register(app, conditions=(Condition.INTERNET_AVAILABLE,)))
        await app.call(RemoveAccess())
        await turn(host, internet=True)
        assert not app.tasks
        await app.call(RequestAccess())
        await host.settle()
        assert len(app.tasks) == 1


@virtual
async def test_so_many_processes_run_tasks_of_an_app_at_a_time() -> None:
    """An app that registers much for one event does not take the memory of the whole host."""
    async with fake_host() as host:
        app, other = await host.app(), await host.app("other")
        running: list[tuple[FakeApp, RunTask]] = []
        host.supervisor.host_task = lambda *run: running.append(run)
        for _ in range(40):
            await register(app, AWAY, TASK)
        await register(other, AWAY, TASK)
        await turn(host, user_present=False)
        assert len(running) == HOSTS_PER_APP + 1
        for at in range(41):
            process, task = running[at]
            process.done(task)
            await host.settle()
        assert len({task.instance for _, task in running}) == 41


@virtual
async def test_a_trigger_that_fires_while_its_app_is_uninstalled_leaves_nothing() -> None:
    async with fake_host() as host:
        await host.bench(bench.InstallPackage(Manifest("mail"), []))
        app = await host.app()
        registration = registered(host, await register(app))
        [process] = host.system.processes
        uninstalling = asyncio.ensure_future(host.bench(bench.UninstallPackage("mail")))
        while not process.ending:
            await asyncio.sleep(0)
        host.system.tasks.scheduler.fire(registration)
        assert host.timeline.find("TASK_PENDING"), "nobody is left who could run it"
        await uninstalling
        await turn(host, internet=False)
        assert not list(host.system.tasks.instances)
        assert "mail" not in host.system.packages
