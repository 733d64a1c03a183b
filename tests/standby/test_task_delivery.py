"""What an app hears of its tasks: progress in the foreground, completion there or when it goes on (BGT-033)."""

from __future__ import annotations

import asyncio

from rig.standby.wire import bench
from rig.standby.wire.app_tasks import FollowTasks, TaskProgress
from rig.standby.wire.to_app import RunTask
from tests.standby.fake_app import FakeApp
from tests.standby.fake_host import fake_host
from tests.standby.tasks_at import AWAY, TASK, fire, register
from tests.standby.virtual_time import virtual


def tells(process: FakeApp, task: RunTask) -> None:
    process.notify(TaskProgress(task.instance, 50))
    process.end_task(task.instance, "ValueError: no mail")


@virtual
async def test_an_app_in_the_foreground_hears_all() -> None:
    async with fake_host() as host:
        app, other = await host.app(), await host.app("other")
        other.notify(FollowTasks())
        app.notify(FollowTasks())
        host.supervisor.host_task = tells
        await fire(host, await register(app, AWAY, TASK))
        await host.settle()
        assert [notice.value for notice in app.progress] == [50]
        assert [notice.fault for notice in app.completions] == ["ValueError: no mail"]
        assert not other.progress + other.completions


@virtual
async def test_a_suspended_app_hears_of_completions_when_it_goes_on_and_never_of_progress() -> None:
    async with fake_host() as host:
        app = await host.app()
        app.notify(FollowTasks())
        host.supervisor.host_task = tells
        task = await register(app, AWAY, TASK)
        await host.bench(bench.Suspend(host.instance_of(app)))
        for _ in range(3):
            await fire(host, task)
        await asyncio.sleep(1)
        assert not app.completions
        await host.bench(bench.Resume(host.instance_of(app)))
        await host.settle()
        assert len({notice.instance for notice in app.completions}) == 3
        assert not app.progress


@virtual
async def test_an_app_that_was_terminated_meanwhile_hears_nothing() -> None:
    async with fake_host() as host:
        app = await host.app()
        app.notify(FollowTasks())
        host.supervisor.host_task = tells
        task = await register(app, AWAY, TASK)
        await host.bench(bench.Suspend(host.instance_of(app)))
        await fire(host, task)
        app.kill()
        await host.timeline.wait("APP_TERMINATED")
        again = await host.app()
        again.notify(FollowTasks())
        await host.settle()
        assert not again.completions


@virtual
async def test_an_app_in_the_background_that_is_busy_hears_of_completions_alone() -> None:
    async with fake_host() as host:
        app = await host.app()
        app.notify(FollowTasks())
        host.supervisor.host_task = tells
        app.on_task = lambda task: None
        outside, inside = await register(app, AWAY, TASK), await register(app)
        await fire(host, inside)
        await host.bench(bench.Suspend(host.instance_of(app)))
        assert not app.stopped, "its task runs"
        await fire(host, outside)
        await host.settle()
        assert (len(app.progress), len(app.completions)) == (0, 1)
