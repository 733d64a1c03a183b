"""Completion groups: one run for the end of all operations of a group, and a registration that goes with it."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import pytest

from rig.standby.wire import bench
from rig.standby.wire.app_tasks import ListTasks, RegisterTask, RemoveAccess, RequestAccess
from rig.standby.wire.app_transfers import CancelTransfer, CreateTransfer, EnableCompletionGroup
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.message import Call
from rig.standby.wire.to_app import RunTask
from rig.standby.wire.transfer_enums import BackgroundTransferStatus as Status
from rig.standby.wire.transfers import Create
from rig.standby.wire.triggers import CompletionGroup, CompletionGroupDetails
from tests.standby.fake_app import FakeApp
from tests.standby.fake_host import FakeHost, fake_host
from tests.standby.loader import create, download, forget, listed, start, status, turn, upload
from tests.standby.test_transfer_lives import manifest
from tests.standby.virtual_time import virtual


def new_group() -> str:
    return str(uuid.uuid4())


async def register(app: FakeApp, group: str, *, entry_point: str | None = None, name: str = "sort") -> str:
    return await app.call(RegisterTask(name, entry_point, CompletionGroup(group)))


async def refused(app: FakeApp, call: Call[Any]) -> HResult:
    with pytest.raises(HostError) as refusal:
        await app.call(call)
    return refusal.value.hresult


def told(order: RunTask) -> tuple[set[str], set[str]]:
    assert isinstance(order.details, CompletionGroupDetails)
    return set(order.details.downloads), set(order.details.uploads)


async def tasks_of(app: FakeApp) -> list[str]:
    return [info.name for info in await app.call(ListTasks())]


async def end_all(host: FakeHost, *ids: str) -> None:
    for id_ in ids:
        host.transfers.end(id_)
    await host.settle()


@virtual
async def test_the_task_runs_once_when_all_have_ended_however_they_did() -> None:
    """BTR-025."""
    async with fake_host() as host:
        app = await host.app()
        group = new_group()
        await register(app, group)
        good, bad, dropped = [await start(app, completion_group=group) for _ in range(3)]
        sent = await start(app, upload(completion_group=group))
        await app.call(EnableCompletionGroup(group))
        host.transfers.end(bad, Status.ERROR)
        await app.call(CancelTransfer(dropped))
        await end_all(host, good)
        assert app.tasks == []
        assert await tasks_of(app) == ["sort"]
        await end_all(host, sent)
        (order,) = app.tasks
        assert told(order) == ({good, bad, dropped}, {sent})
        assert await tasks_of(app) == []
        assert len(host.timeline.find("COMPLETION_GROUP", group=group, what="fired")) == 1


@virtual
async def test_nothing_is_added_and_nothing_enabled_again_after_enable() -> None:
    """BTR-024."""
    async with fake_host() as host:
        app = await host.app()
        group = new_group()
        await register(app, group)
        id_ = await start(app, completion_group=group)
        await app.call(EnableCompletionGroup(group))
        for _ in ("while it runs", "when its task has run"):
            assert await refused(app, CreateTransfer(download(completion_group=group))) is HResult.ILLEGAL_METHOD_CALL
            assert await refused(app, EnableCompletionGroup(group)) is HResult.ILLEGAL_METHOD_CALL
            await end_all(host, id_)
        assert len(app.tasks) == 1


@virtual
async def test_what_is_never_enabled_never_runs() -> None:
    """BTR-024."""
    async with fake_host() as host:
        app = await host.app()
        group = new_group()
        await register(app, group)
        await end_all(host, await start(app, completion_group=group))
        app.kill()
        await host.settle()
        again = await host.app()
        assert again.tasks == []
        assert not host.timeline.find("TASK_START")
        assert await tasks_of(again) == ["sort"]


@virtual
async def test_a_group_of_which_all_has_ended_before_it_is_enabled_fires_at_once() -> None:
    async with fake_host() as host:
        app = await host.app()
        group = new_group()
        await register(app, group)
        id_ = await start(app, completion_group=group)
        await end_all(host, id_)
        await app.call(EnableCompletionGroup(group))
        await host.settle()
        (order,) = app.tasks
        assert told(order) == ({id_}, set())


@virtual
async def test_what_the_app_has_heard_of_its_task_still_sees() -> None:
    """BTR-027: its foreground handler was faster, and it is listed no more."""
    async with fake_host() as host:
        app = await host.app()
        group = new_group()
        await register(app, group)
        app.on_task = lambda order: None
        id_, other = await start(app, completion_group=group), await start(app, completion_group=group)
        await app.call(EnableCompletionGroup(group))
        await end_all(host, id_)
        await forget(app, id_)
        assert [state.spec.id for state in await listed(app)] == [other]
        await end_all(host, other)
        (order,) = app.tasks
        assert await status(app, id_) is Status.COMPLETED
        await forget(app, other)
        app.end_task(order.instance)
        await host.settle()
        assert not host.transfers.operations, "with the end of its run nobody needs them"


@virtual
async def test_groups_share_an_entry_point_and_no_registration() -> None:
    """BTR-026."""
    async with fake_host() as host:
        app = await host.app()
        one, two = new_group(), new_group()
        await register(app, one, entry_point="mail.Sorts", name="one")
        await register(app, two, entry_point="mail.Sorts", name="two")
        assert await refused(app, RegisterTask("three", "mail.Sorts", CompletionGroup(one))) is HResult.INVALID_ARG
        ids = [await start(app, completion_group=group) for group in (one, two)]
        for group in (one, two):
            await app.call(EnableCompletionGroup(group))
        await end_all(host, *ids)
        assert sorted(record.task for record in host.timeline.find("TASK_START")) == ["one", "two"]


@virtual
async def test_a_group_of_another_app_is_another_group() -> None:
    async with fake_host() as host:
        app, other = await host.app("mail"), await host.app("chat")
        group = new_group()
        await register(app, group)
        await register(other, group)
        id_, theirs = await start(app, completion_group=group), await start(other, completion_group=group)
        await app.call(EnableCompletionGroup(group))
        await end_all(host, id_, theirs)
        assert [told(order) for order in app.tasks] == [({id_}, set())]
        assert other.tasks == []


@virtual
async def test_battery_saver_holds_the_task_back() -> None:
    """BTR-028."""
    async with fake_host() as host:
        app = await host.app()
        group = new_group()
        await register(app, group)
        id_ = await start(app, completion_group=group)
        await app.call(EnableCompletionGroup(group))
        await turn(host, ac=False, battery_percent=10, energy_saver=True)
        await end_all(host, id_)
        assert app.tasks == []
        assert host.timeline.find("TASK_PENDING", reason="battery saver")
        await turn(host, ac=True)
        await host.settle()
        assert len(app.tasks) == 1


@virtual
async def test_an_app_without_access_has_its_run_when_it_has_access_again() -> None:
    async with fake_host() as host:
        app = await host.app()
        group = new_group()
        await register(app, group)
        id_ = await start(app, completion_group=group)
        await app.call(EnableCompletionGroup(group))
        await app.call(RemoveAccess())
        await end_all(host, id_)
        assert app.tasks == []
        assert await tasks_of(app) == ["sort"]
        await app.call(RequestAccess())
        await host.settle()
        assert len(app.tasks) == 1


@virtual
async def test_the_task_of_an_app_that_has_ended_runs_in_a_process_of_its_own() -> None:
    """BTR-025. An app that ends has its transfers paused; what ends all the same ends the group."""
    async with fake_host() as host:
        app = await host.app()
        group = new_group()
        await register(app, group, entry_point="mail.Sorts")
        get, post = await start(app, completion_group=group), await start(app, upload(completion_group=group))
        await app.call(EnableCompletionGroup(group))
        await end_all(host, get)
        app.kill()
        await host.timeline.wait("TASK_END")
        (host_process,) = host.supervisor.task_hosts
        (order,) = host_process.tasks
        assert told(order) == ({get}, {post})


@virtual
async def test_what_was_never_started_does_not_keep_the_group_from_its_end() -> None:
    async with fake_host() as host:
        app = await host.app()
        group = new_group()
        await register(app, group, entry_point="mail.Sorts")
        id_, never = await start(app, completion_group=group), await create(app, download(completion_group=group))
        await app.call(EnableCompletionGroup(group))
        await end_all(host, id_)
        assert not host.timeline.find("TASK_START")
        app.kill()
        await host.timeline.wait("TASK_START")
        await host.settle()
        (order,) = host.supervisor.task_hosts[0].tasks
        assert told(order) == ({id_}, set())
        assert never not in host.transfers.operations


@virtual
async def test_what_is_refused_is_no_part_of_its_group() -> None:
    async with fake_host() as host:
        app = await host.app()
        group = new_group()
        await register(app, group)
        id_ = await start(app, completion_group=group)
        host.transfers.refuses[Create] = HostError(HResult.INVALID_ARG, "no such folder")
        assert await refused(app, CreateTransfer(download(completion_group=group))) is HResult.INVALID_ARG
        await app.call(EnableCompletionGroup(group))
        await end_all(host, id_)
        assert [told(order) for order in app.tasks] == [({id_}, set())]


@virtual
async def test_a_task_that_starts_another_transfer_leaves_it_running() -> None:
    """The process of a run ends with it, and that is no end of an app: a failed transfer is tried again that way."""
    async with fake_host() as host:
        app = await host.app()
        group = new_group()
        begun: list[str] = []
        tries: list[asyncio.Future[None]] = []

        def tries_again(process: FakeApp, order: RunTask) -> None:
            async def again() -> None:
                begun.append(await start(process))
                process.end_task(order.instance)

            tries.append(asyncio.ensure_future(again()))

        host.supervisor.host_task = tries_again
        await register(app, group, entry_point="mail.Sorts")
        id_ = await start(app, completion_group=group)
        await app.call(EnableCompletionGroup(group))
        host.transfers.end(id_, Status.ERROR)
        await host.timeline.wait("TASK_HOST_END")
        await host.settle()
        assert host.transfers.running == set(begun)
        app.kill()
        await host.settle()
        assert host.transfers.running == set(begun)


@virtual
async def test_an_uninstalled_app_has_no_groups() -> None:
    async with fake_host() as host:
        app = await host.app()
        group = new_group()
        await register(app, group, entry_point="mail.Sorts")
        id_ = await start(app, completion_group=group)
        await app.call(EnableCompletionGroup(group))
        await host.bench(bench.InstallPackage(manifest(), []))
        await host.bench(bench.UninstallPackage("mail"))
        await host.settle()
        assert id_ not in host.transfers.operations
        assert not host.timeline.find("TASK_START")
