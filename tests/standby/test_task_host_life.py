"""A task host as the system sees it: it is there for one run, and ends with it."""

from __future__ import annotations

import asyncio

from rig.standby.wire.supervision import TaskLimits
from rig.standby.wire.to_app import RunTask
from rig.standby.wire.triggers import Time
from tests.standby.fake_app import FakeApp
from tests.standby.fake_host import FakeHost, fake_host
from tests.standby.virtual_time import virtual


async def started(host: FakeHost, order: RunTask) -> FakeApp:
    """A host for that run of the app mail's; it does not do it yet."""
    limits = TaskLimits(order.network, memory_bytes=1 << 20)
    process = await host.system.starting.task_host(host.system.packages["mail"], limits, lambda process: process.run(order))
    fake = host.supervisor.apps[-1].child
    host.apps[process.instance] = fake
    fake.on_task = lambda task: None
    fake.is_ready()
    return fake


@virtual
async def test_it_gets_its_run_and_its_limits_and_ends_when_that_is_done() -> None:
    async with fake_host() as host:
        await host.app()
        order = RunTask(7, "", "sync", "mail.Sync", Time(15), network=False)
        fake = await started(host, order)
        await host.timeline.wait("TASK_HOST_START", app="mail", instance=2)
        assert (fake.tasks, fake.limits) == ([order], TaskLimits(network=False, memory_bytes=1 << 20))
        fake.done(order)
        await host.timeline.wait("TASK_HOST_END", app="mail", instance=2)
        assert [app.instance for app in host.system.processes] == [1]
        assert not host.timeline.find("APP_TERMINATED")


@virtual
async def test_the_host_stays_awake_for_its_run() -> None:
    async with fake_host() as host:
        await host.app()
        order = RunTask(7, "", "sync", "mail.Sync", Time(15))
        fake = await started(host, order)
        told = len(host.timeline.told)
        task = asyncio.ensure_future(host.fall_asleep())
        await host.timeline.wait("SLEEP_REFUSED", after=told, holder="task host mail/2")
        assert not host.asleep
        assert not fake.stopped
        fake.done(order)
        await task
        assert host.timeline.find("TASK_HOST_END", instance=2)


@virtual
async def test_one_that_ends_by_itself_leaves_its_app() -> None:
    async with fake_host() as host:
        app = await host.app()
        fake = await started(host, RunTask(7, "", "sync", "mail.Sync", Time(15)))
        fake.kill()
        ended = await host.timeline.wait("TASK_HOST_END", app="mail", instance=2)
        assert ended.status == "signal SIGKILL"
        assert not app.killed
        assert [process.instance for process in host.system.processes] == [1]
