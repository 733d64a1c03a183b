"""What may be registered, what is listed, and what goes when a registration does."""

from __future__ import annotations

from typing import Any

import pytest

from rig.standby.wire.app_tasks import GetAccess, ListTasks, RegisterTask, RemoveAccess, RequestAccess, UnregisterTask
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.statuses import BackgroundAccessStatus as Access
from rig.standby.wire.task_enums import SystemConditionType, SystemTriggerType
from rig.standby.wire.triggers import (
    Application,
    CompletionGroup,
    DeviceServicing,
    DeviceUse,
    Maintenance,
    MediaProcessing,
    RawPush,
    SocketActivity,
    SystemEvent,
    Time,
)
from tests.standby.fake_app import FakeApp
from tests.standby.fake_host import fake_host
from tests.standby.tasks_at import AWAY, TASK, TRIGGER, fire, ran, register
from tests.standby.virtual_time import virtual

ALL = (
    AWAY,
    Time(15),
    Maintenance(15),
    Application(TRIGGER),
    MediaProcessing(TRIGGER),
    DeviceUse(TRIGGER),
    DeviceServicing(TRIGGER),
    RawPush(),
    SocketActivity(),
    CompletionGroup("photos"),
)
NEVER_IN_APP = (DeviceUse, DeviceServicing)


async def refused(app: FakeApp, wanted: RegisterTask) -> HResult:
    with pytest.raises(HostError) as error:
        await app.call(wanted)
    assert await app.call(ListTasks()) == []
    return error.value.hresult


@pytest.mark.parametrize("trigger", ALL, ids=lambda trigger: type(trigger).__name__)
@virtual
async def test_every_kind_wants_access_first_and_has_a_fresh_id_each_time(trigger: Any) -> None:
    """BGT-001, BGT-022."""
    async with fake_host() as host:
        app = await host.app()
        await app.call(RemoveAccess())
        assert await refused(app, RegisterTask("sync", TASK, trigger)) is HResult.UNAUTHORIZED_ACCESS
        await app.call(RequestAccess())
        first = await register(app, trigger, TASK)
        await app.call(UnregisterTask(first, False))
        assert await register(app, trigger, TASK) != first


WRONG = [
    (RegisterTask("sync", TASK, SystemEvent(SystemTriggerType.INVALID)), HResult.INVALID_ARG),
    (RegisterTask("sync", TASK, AWAY, conditions=(SystemConditionType.INVALID,)), HResult.INVALID_ARG),
    (RegisterTask("sync", TASK, Time(14)), HResult.INVALID_ARG),
    (RegisterTask("sync", TASK, Maintenance(14)), HResult.INVALID_ARG),
    (RegisterTask("sync", TASK, Time(-1)), HResult.INVALID_ARG),
    (RegisterTask("sync", "", AWAY), HResult.INVALID_ARG),
    (RegisterTask("sync", "Sync", AWAY), HResult.CLASS_NOT_REGISTERED),
    (RegisterTask("sync", "mail.", AWAY), HResult.CLASS_NOT_REGISTERED),
    (RegisterTask("sync", None, DeviceUse(TRIGGER)), HResult.INVALID_ARG),
    (RegisterTask("sync", None, DeviceServicing(TRIGGER)), HResult.INVALID_ARG),
    (RegisterTask("sync", "Sync", DeviceUse(TRIGGER), in_app=True), HResult.INVALID_ARG),
    (RegisterTask("sync", TASK, DeviceUse(TRIGGER), conditions=(SystemConditionType.USER_PRESENT,)), HResult.INVALID_ARG),
]


@pytest.mark.parametrize(("wanted", "hresult"), WRONG)
@virtual
async def test_what_is_wrong_is_refused_when_it_is_registered(wanted: RegisterTask, hresult: HResult) -> None:
    """BGT-004, 006, 018, 019, 020: and nothing is added."""
    async with fake_host() as host:
        app = await host.app()
        assert await refused(app, wanted) is hresult


@pytest.mark.parametrize("kind", [Application, MediaProcessing, DeviceUse])
@virtual
async def test_an_instance_of_an_app_registers_one_of_these(kind: Any) -> None:
    """BGT-011. One that its process left behind counts as the next one's."""
    async with fake_host() as host:
        app, other = await host.app(), await host.app()
        await register(app, kind(TRIGGER), TASK)
        await register(other, kind(TRIGGER), TASK)
        for _ in range(2):
            with pytest.raises(HostError, match="BGT-011"):
                await register(app, kind("another"), TASK)
            app.kill()
            await host.timeline.wait("APP_TERMINATED")
            other.kill()
            await host.settle()
            app = await host.app()


@virtual
async def test_what_is_registered_twice_runs_twice() -> None:
    """BGT-008."""
    async with fake_host() as host:
        app = await host.app()
        tasks = [await register(app), await register(app)]
        assert len(set(tasks)) == 2
        await host.bench_event(SystemTriggerType.USER_AWAY)
        assert [task.task_id for task in app.tasks] == tasks


@virtual
async def test_a_grouped_registration_is_listed_in_its_group_alone() -> None:
    """BGT-009."""
    async with fake_host() as host:
        app = await host.app()
        single = await register(app)
        grouped = await register(app, group="photos")
        assert [info.task_id for info in await app.call(ListTasks())] == [single]
        assert [info.task_id for info in await app.call(ListTasks("photos"))] == [grouped]
        assert await app.call(ListTasks("none")) == []


@virtual
async def test_an_unregistered_task_runs_no_more_and_only_its_own_app_unregisters_it() -> None:
    async with fake_host() as host:
        app, other = await host.app(), await host.app("other")
        task = await register(app)
        with pytest.raises(HostError, match="ELEMENT_NOT_FOUND"):
            await other.call(UnregisterTask(task, True))
        await app.call(UnregisterTask(task, False))
        with pytest.raises(HostError, match="ELEMENT_NOT_FOUND"):
            await app.call(UnregisterTask(task, False))
        await host.bench_event(SystemTriggerType.USER_AWAY)
        assert not app.tasks


@virtual
async def test_access_is_the_users_to_give_and_is_told_again() -> None:
    async with fake_host() as host:
        app = await host.app()
        assert await app.call(GetAccess()) == Access.ALWAYS_ALLOWED
        await app.call(RemoveAccess())
        assert await app.call(GetAccess()) == Access.UNSPECIFIED


@virtual
async def test_after_an_update_triggers_are_inert_until_access_is_removed_and_asked_for_again() -> None:
    """BGT-002."""
    async with fake_host() as host:
        app = await host.app()
        task = await register(app)
        host.system.packages["mail"].access_outdated = True
        await fire(host, task)
        await app.call(RequestAccess())
        await fire(host, task)
        assert (ran(host), len(host.timeline.find("TASK_INERT"))) == (0, 2)
        await app.call(RemoveAccess())
        await app.call(RequestAccess())
        await fire(host, task)
        assert ran(host) == 1


@virtual
async def test_a_device_of_little_memory_lets_so_many_apps_into_the_background() -> None:
    """BGT-003."""
    async with fake_host(background_apps=2) as host:
        apps = [await host.app(name) for name in ("one", "two", "three")]
        assert [await app.call(GetAccess()) for app in apps] == [Access.ALWAYS_ALLOWED] * 2 + [Access.DENIED_BY_SYSTEM_POLICY]
        await apps[0].call(RemoveAccess())
        assert await apps[2].call(RequestAccess()) == Access.ALWAYS_ALLOWED
