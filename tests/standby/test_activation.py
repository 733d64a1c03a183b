"""A task that runs in its app's process while there is none: the system starts one for it, in the background (BGT-006)."""

from __future__ import annotations

import errno
import os

import pytest

from rig.manifest.manifest import BackgroundTasksExtension, Manifest, TaskType
from rig.standby.system import starting
from rig.standby.system.app_process import START_S
from rig.standby.wire import bench
from rig.standby.wire.from_app import AppReady
from tests.standby.fake_app import FakeApp
from tests.standby.fake_host import FakeHost, fake_host
from tests.standby.tasks_at import AWAY, TASK, fire, ran, register
from tests.standby.virtual_time import virtual


async def _ended(host: FakeHost, manifest: Manifest | None) -> str:
    """The id of a task in the process of an app that has ended."""
    if manifest is not None:
        await host.bench(bench.InstallPackage(manifest, []))
    app = await host.app()
    task = await register(app)
    await host.bench(bench.EndApp(host.instance_of(app), by_user=True))
    return task


def _started(host: FakeHost) -> list[FakeApp]:
    return [started.child for started in host.supervisor.apps if not started.child.killed]


async def _launched(host: FakeHost) -> int:
    instance: int = await host.bench(bench.LaunchApp("mail"), os.open(os.devnull, os.O_RDONLY))
    return instance


MAIL = Manifest("mail", entry="its:App")


@virtual
async def test_its_process_is_started_runs_the_task_and_is_suspended() -> None:
    async with fake_host() as host:
        await fire(host, await _ended(host, MAIL))
        [app] = _started(host)
        assert len(app.tasks) == ran(host) == 1
        assert host.timeline.find("TASK_END")[0].reason == "done"
        assert app.stopped
        assert host.timeline.find("TASK_START")[0].process == "app"


@virtual
async def test_one_process_takes_all_that_waits_for_it() -> None:
    async with fake_host() as host:
        task = await _ended(host, MAIL)
        for _ in range(3):
            host.system.tasks.scheduler.fire(next(r for r in host.system.tasks.registry if r.task_id == task), cause="trigger")
        await host.settle()
        [app] = _started(host)
        assert len(app.tasks) >= 1
        assert not host.timeline.find("USAGE_FAULT")
        await fire(host, task)
        assert _started(host) == [app]
        assert app.stopped


@virtual
async def test_the_host_is_woken_for_it_and_sleeps_again() -> None:
    async with fake_host() as host:
        task = await _ended(host, MAIL)
        await host.fall_asleep()
        after = len(host.timeline.told)
        await fire(host, task)
        await host.timeline.wait("SLEEP_ENTER", after=after)
        [app] = _started(host)
        assert len(app.tasks) == 1
        assert app.stopped


@virtual
async def test_the_user_who_launches_it_gets_the_process_that_runs() -> None:
    async with fake_host() as host:
        await fire(host, await _ended(host, MAIL))
        [app] = _started(host)
        instance = await _launched(host)
        await host.settle()
        assert _started(host) == [app]
        assert not app.stopped, "it is in the foreground"
        assert app.test_lines == 1
        [running] = host.system.processes
        assert running.instance == instance
        await _launched(host)
        await host.settle()
        assert len(_started(host)) == 2, "one that a test calls has its own line"
        assert app.test_lines == 1


@virtual
async def test_one_that_is_launched_behind_a_dark_screen_goes_on_when_the_user_is_back() -> None:
    async with fake_host() as host:
        await fire(host, await _ended(host, MAIL))
        [app] = _started(host)
        await host.fall_asleep()
        await _launched(host)
        await host.settle()
        assert app.stopped
        await host.bench(bench.ExitStandby())
        await host.settle()
        assert not app.stopped
        assert app.test_lines == 1


@virtual
async def test_without_an_entry_it_waits_until_somebody_starts_the_app() -> None:
    async with fake_host() as host:
        for manifest in (Manifest("mail"), None):
            task = await _ended(host, manifest)
            await fire(host, task)
            assert _started(host) == []
            assert host.timeline.find("TASK_PENDING")[-1].reason == "its app does not run"
            app = await host.app()
            await host.settle()
            assert len(app.tasks) >= 1
            await host.bench(bench.EndApp(host.instance_of(app), by_user=False))
            if manifest is not None:
                await host.bench(bench.UninstallPackage("mail"))


@virtual
async def test_a_process_that_does_not_get_ready_is_tried_once_for_what_waits() -> None:
    async with fake_host() as host:
        task = await _ended(host, MAIL)
        host.supervisor.stillborn = True
        await fire(host, task)
        await host.timeline.wait("TASK_END")
        assert host.timeline.find("TASK_END")[-1].reason == "no process"
        assert _started(host) == []
        host.supervisor.stillborn = False
        await fire(host, task)
        [app] = _started(host)
        assert len(app.tasks) == 1


@pytest.mark.parametrize("entry_point", [None, TASK], ids=["in its app", "of its own"])
@virtual
async def test_a_run_for_whose_process_there_is_no_descriptor_is_over(
    entry_point: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would be about to start for ever, and whoever uninstalls its app would wait as long."""

    def full() -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    declared = BackgroundTasksExtension(TASK, frozenset({TaskType.SYSTEM_EVENT}))
    async with fake_host() as host:
        await host.bench(bench.InstallPackage(Manifest("mail", entry="its:App", extensions=(declared,)), []))
        app = await host.app()
        task = await register(app, AWAY, entry_point)
        await host.bench(bench.EndApp(host.instance_of(app), by_user=True))
        with monkeypatch.context() as scarce:
            scarce.setattr(starting, "pair", full)
            await fire(host, task)
        [over] = host.timeline.find("TASK_END")
        assert (over.reason, over.fault) == ("no process", "there is no room for it now: Too many open files")
        await fire(host, task)
        assert host.timeline.find("TASK_END")[-1].reason == "done"
        await host.bench(bench.UninstallPackage("mail"))


@pytest.mark.parametrize("entry_point", [None, TASK], ids=["in its app", "of its own"])
@virtual
async def test_a_process_that_never_gets_ready_does_not_keep_the_host_awake_for_ever(entry_point: str | None) -> None:
    """Its class waits for something that does not come, or somebody has stopped it; no test waits for it."""
    declared = BackgroundTasksExtension(TASK, frozenset({TaskType.SYSTEM_EVENT}))
    async with fake_host() as host:
        await host.bench(bench.InstallPackage(Manifest("mail", entry="its:App", extensions=(declared,)), []))
        app = await host.app()
        task = await register(app, AWAY, entry_point)
        await host.bench(bench.EndApp(host.instance_of(app), by_user=True))
        host.supervisor.never_ready = True
        began_s = host.now_s
        await fire(host, task)
        await host.bench(bench.EnterStandby())
        over = await host.timeline.wait("TASK_END")
        assert over.at_s - began_s <= START_S + 1.0
        assert over.reason == ("no process" if entry_point is None else "its process ended")
        await host.timeline.wait("SLEEP_ENTER")
        assert _started(host) == []


@virtual
async def test_an_app_that_the_user_leaves_while_it_starts_is_suspended_as_soon_as_it_is_ready() -> None:
    async with fake_host() as host:
        instance = await host.bench(bench.StartApp("mail", "its:App", [], True), os.open(os.devnull, os.O_RDONLY))
        app = host.supervisor.apps[-1].child
        await host.bench(bench.Suspend(instance))
        assert not app.stopped
        app.submit(AppReady())  # it is stopped before it can read the answer
        await host.settle()
        assert app.stopped
