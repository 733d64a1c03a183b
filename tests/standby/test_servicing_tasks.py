"""What an update, an uninstallation and the end of an app mean to its background tasks, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from rig.manifest.manifest import BackgroundTasksExtension, Manifest, TaskType
from rig.standby.wire import bench
from rig.standby.wire.app_channels import ConstructChannel
from rig.standby.wire.app_tasks import GetAccess, RemoveAccess, RequestAccess
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.statuses import BackgroundAccessStatus
from rig.standby.wire.surroundings import LOCK_SCREEN_APPS
from rig.standby.wire.task_enums import BackgroundTaskCancellationReason as Reason
from rig.standby.wire.task_enums import SystemTriggerType
from rig.standby.wire.triggers import ChannelPush, SystemEvent
from tests.standby.fake_app import FakeApp
from tests.standby.fake_host import FakeHost, fake_host
from tests.standby.tasks_at import AWAY, ONCE, TASK, TIMER, fire, ran, register
from tests.standby.virtual_time import virtual

GRACE_S = 5.0


def manifest(version: str = "1.0.0.0", *types: TaskType) -> Manifest:
    return Manifest("mail", version, extensions=(BackgroundTasksExtension(TASK, frozenset(types or {TaskType.SYSTEM_EVENT})),))


SECOND = manifest("1.1.0.0")


async def _installed(host: FakeHost) -> FakeApp:
    await host.bench(bench.InstallPackage(manifest(), []))
    return await host.app()


@virtual
async def test_triggers_do_nothing_after_an_update_until_access_is_renewed() -> None:
    """BGT-002."""
    async with fake_host() as host:
        app = await _installed(host)
        task = await register(app, AWAY, TASK)
        await fire(host, task)
        assert ran(host) == 1
        await host.bench(bench.UpdatePackage(SECOND, []))
        await fire(host, task)
        assert host.timeline.find("TASK_INERT", task="sync")

        app = await host.app()  # it asks for access, as it did before
        await fire(host, task)
        assert ran(host) == 1
        assert len(host.timeline.find("TASK_INERT", task="sync")) == 2
        await app.call(RemoveAccess())
        await app.call(RequestAccess())
        await fire(host, task)
        assert ran(host) == 2


@virtual
async def test_the_task_that_hears_of_updates_hears_of_them_at_once() -> None:
    """BGT-017, ServicingComplete: of its own app alone, and whoever has not renewed the access yet."""
    async with fake_host() as host:
        app, chat = await _installed(host), await host.app("chat")
        updated = SystemEvent(SystemTriggerType.SERVICING_COMPLETE)
        await register(app, updated, TASK)
        await register(chat, updated, TASK)
        await host.bench(bench.UpdatePackage(SECOND, []))
        await host.settle()
        assert [start.app for start in host.timeline.find("TASK_START")] == ["mail"]


CALLS: dict[str, tuple[Callable[[int], bench.FromBench], Reason]] = {
    "update": (lambda instance: bench.UpdatePackage(SECOND, []), Reason.SERVICING_UPDATE),
    "uninstall": (lambda instance: bench.UninstallPackage("mail"), Reason.UNINSTALL),
    "terminated": (lambda instance: bench.EndApp(instance, by_user=False), Reason.TERMINATING),
    "closed": (lambda instance: bench.EndApp(instance, by_user=True), Reason.TERMINATING),
}


@pytest.mark.parametrize("obeys", [False, True], ids=["stays", "obeys"])
@pytest.mark.parametrize("call", CALLS)
@virtual
async def test_a_run_in_the_apps_process_hears_why_and_has_its_grace(call: str, obeys: bool) -> None:
    """BGT-032."""
    ask, reason = CALLS[call]
    async with fake_host(cancel_grace_s=GRACE_S) as host:
        app = await _installed(host)
        app.on_task = lambda task: None
        app.on_cancel = lambda cancel: app.end_task(cancel.instance) if obeys else None
        await fire(host, await register(app))
        began_s = host.now_s
        await host.bench(ask(host.instance_of(app)))
        assert [cancel.reason for cancel in app.cancels] == [reason]
        assert host.now_s - began_s == pytest.approx(0 if obeys else GRACE_S, abs=0.1)
        assert app.killed
        assert host.timeline.find("TASK_END")[0].reason == ("cancelled" if obeys else "killed")


@pytest.mark.parametrize("call", CALLS)
@virtual
async def test_a_run_in_a_process_of_its_own_outlives_the_app_but_not_the_package(call: str) -> None:
    """APT-007."""
    ask, reason = CALLS[call]
    async with fake_host(cancel_grace_s=GRACE_S) as host:
        app = await _installed(host)
        host.supervisor.host_task = lambda process, task: None
        await fire(host, await register(app, AWAY, TASK))
        [process] = host.supervisor.task_hosts
        await host.bench(ask(host.instance_of(app)))
        assert app.killed
        of_the_app = reason is Reason.TERMINATING
        assert process.killed is not of_the_app
        assert [cancel.reason for cancel in process.cancels] == ([] if of_the_app else [reason])


@pytest.mark.parametrize("call", CALLS)
@virtual
async def test_an_app_that_fires_again_and_again_ends_when_its_grace_is_over(call: str) -> None:
    """BGT-032: what fires meanwhile is not for a process that is about to be ended."""
    ask, _ = CALLS[call]
    async with fake_host(cancel_grace_s=GRACE_S) as host:
        app = await _installed(host)
        app.on_task = lambda task: None
        task = await register(app)
        await fire(host, task)
        began_s = host.now_s
        ended = asyncio.ensure_future(host.bench(ask(host.instance_of(app))))
        while not ended.done() and host.now_s < began_s + 3 * GRACE_S:
            await asyncio.sleep(1.0)
            if any(registration.task_id == task for registration in host.system.tasks.registry):
                await fire(host, task)
        await ended
        assert host.now_s - began_s <= GRACE_S + 2.0
        assert len(app.tasks) == 1
        assert app.killed


@virtual
async def test_what_fires_while_its_app_is_updated_waits_for_the_new_version() -> None:
    """One that fires once would never run, as the update ends every process of the app."""
    async with fake_host(cancel_grace_s=GRACE_S) as host:
        app = await _installed(host)
        host.supervisor.host_task = lambda process, task: None
        await fire(host, await register(app, AWAY, TASK))
        once = await register(app, ONCE, TASK)
        began_s = host.now_s
        updated = asyncio.ensure_future(host.bench(bench.UpdatePackage(SECOND, [])))
        await asyncio.sleep(1.0)
        await fire(host, once)
        await updated
        assert host.now_s - began_s == pytest.approx(GRACE_S, abs=0.1)
        assert ran(host) == 1
        host.supervisor.host_task = FakeApp.done
        app = await host.app()
        await app.call(RemoveAccess())
        await app.call(RequestAccess())
        await host.settle()
        assert [end.reason for end in host.timeline.find("TASK_END")] == ["killed", "done"]


@virtual
async def test_nothing_of_an_app_that_was_removed_fires() -> None:
    async with fake_host() as host:
        app = await _installed(host)
        await register(app, AWAY, TASK)
        await host.bench(bench.UninstallPackage("mail"))
        assert list(host.system.tasks.registry) == []
        assert host.timeline.find("UNREGISTER", task="sync")
        await host.bench(bench.InstallPackage(manifest(), []))
        app = await host.app()
        assert list(host.system.tasks.registry) == [], "it begins anew"
        await register(app, AWAY, TASK)


@pytest.mark.parametrize(
    ("entry_point", "types"),
    [("mail.Other", {TaskType.SYSTEM_EVENT}), (TASK, {TaskType.TIMER}), (TASK, {TaskType.PUSH_NOTIFICATION, TaskType.GENERAL})],
)
@virtual
async def test_a_task_has_to_be_declared_with_its_type(entry_point: str, types: set[TaskType]) -> None:
    """BGT-004, BGT-005."""
    async with fake_host() as host:
        await host.bench(bench.InstallPackage(manifest("1.0.0.0", *types), []))
        app = await host.app()
        with pytest.raises(HostError) as refused:
            await register(app, AWAY, entry_point)
        assert refused.value.hresult is HResult.CLASS_NOT_REGISTERED
        assert list(host.system.tasks.registry) == []
        assert await register(app, AWAY), "in-process needs no declaration (B-29)"
        if TaskType.TIMER in types:
            assert await register(app, TIMER, TASK)


@virtual
async def test_an_update_may_declare_more() -> None:
    async with fake_host() as host:
        app = await _installed(host)
        with pytest.raises(HostError):
            await register(app, TIMER, TASK)
        await host.bench(bench.UpdatePackage(manifest("2.0.0.0", TaskType.TIMER), []))
        app = await host.app()
        await app.call(RemoveAccess())
        await app.call(RequestAccess())
        assert await register(app, TIMER, TASK)
        with pytest.raises(HostError):
            await register(app, AWAY, TASK)


@virtual
async def test_a_channels_task_has_to_be_declared_as_one() -> None:
    """CCT-049; only the long form of the keep-alive's class is one (B-08)."""
    long, short = "Windows.Networking.Sockets.WebSocketKeepAlive", "Windows.Sockets.WebSocketKeepAlive"
    declared = BackgroundTasksExtension(long, frozenset({TaskType.CONTROL_CHANNEL}), "$targetnametoken$.exe")
    async with fake_host() as host:
        await host.bench(bench.InstallPackage(Manifest("mail", extensions=(declared,)), []))
        app = await host.app()
        await app.call(ConstructChannel("inbox", 30, True))
        for entry_point in (short, TASK):
            with pytest.raises(HostError) as refused:
                await register(app, ChannelPush("inbox"), entry_point, in_app=True)
            assert refused.value.hresult is HResult.CLASS_NOT_REGISTERED
        assert await register(app, ChannelPush("inbox"), long, in_app=True)


@virtual
async def test_what_is_uninstalled_twice_at_a_time_is_gone_once() -> None:
    """And is not updated after it."""
    async with fake_host(cancel_grace_s=GRACE_S) as host:
        app = await _installed(host)
        app.on_task = lambda task: None
        await fire(host, await register(app))
        calls: list[bench.FromBench] = [
            bench.UninstallPackage("mail"),
            bench.UninstallPackage("mail"),
            bench.UpdatePackage(SECOND, []),
        ]
        first, *others = await asyncio.gather(*map(host.bench, calls), return_exceptions=True)
        assert first is None
        assert [getattr(other, "code", other) for other in others] == ["RIG-C22", "RIG-C22"]
        assert len(host.timeline.find("PACKAGE_UNINSTALL")) == 1
        assert not host.timeline.find("PACKAGE_UPDATE")


@virtual
async def test_an_app_that_is_uninstalled_leaves_its_place_on_the_lock_screen() -> None:
    """BGT-023: there are seven."""
    async with fake_host(profile="win8") as host:
        for number in range(LOCK_SCREEN_APPS + 1):
            await host.bench(bench.InstallPackage(Manifest(f"mail{number}"), []))
            app = await host.app(f"mail{number}")
            assert await app.call(GetAccess()) == BackgroundAccessStatus.ALLOWED_WITH_ALWAYS_ON_REAL_TIME_CONNECTIVITY
            await host.bench(bench.UninstallPackage(f"mail{number}"))
        assert host.system.surroundings.now.lock_screen == ()
