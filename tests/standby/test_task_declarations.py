"""What an installed app has to declare for a task with an entry point (BGT-005)."""

from __future__ import annotations

from typing import Any

import pytest

from rig.manifest.manifest import BackgroundTasksExtension, Manifest, TaskType
from rig.standby.system.tasks.declarations import TYPES
from rig.standby.wire import bench
from rig.standby.wire.app_channels import ConstructChannel
from rig.standby.wire.app_tasks import ListTasks, RegisterTask
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.triggers import (
    ChannelKeepAlive,
    ChannelPush,
    CompletionGroup,
    DeviceServicing,
    DeviceUse,
    Maintenance,
    RawPush,
    SocketActivity,
    Time,
)
from tests.standby.fake_app import FakeApp
from tests.standby.fake_host import FakeHost, fake_host
from tests.standby.tasks_at import AWAY, TASK, TRIGGER, fire, register
from tests.standby.virtual_time import virtual

OWN_TRIGGER = {kind: kind(TRIGGER) for kind in TYPES if kind.__struct_fields__ == ("trigger",)}
TRIGGERS: dict[type[Any], Any] = {
    **OWN_TRIGGER,
    ChannelPush: ChannelPush("c"),
    ChannelKeepAlive: ChannelKeepAlive("c"),
    type(AWAY): AWAY,
    Time: Time(15),
    Maintenance: Maintenance(15),
    RawPush: RawPush(),
    SocketActivity: SocketActivity(),
    CompletionGroup: CompletionGroup("photos"),
}


async def installed(host: FakeHost, *types: TaskType, executable: str | None = None) -> FakeApp:
    extension = BackgroundTasksExtension(TASK, frozenset(types), executable)
    await host.bench(bench.InstallPackage(Manifest("mail", extensions=(extension,), privileged=True), []))
    app = await host.app()
    await app.call(ConstructChannel("c", 30, hardware=False))
    return app


@pytest.mark.parametrize("kind", TYPES, ids=lambda kind: kind.__name__)
@virtual
async def test_each_kind_needs_a_type_of_its_own(kind: type[Any]) -> None:
    async with fake_host() as host:
        app = await installed(host, *(set(TaskType) - set(TYPES[kind])))
        with pytest.raises(HostError) as refused:
            await register(app, TRIGGERS[kind], TASK)
        assert refused.value.hresult is HResult.CLASS_NOT_REGISTERED
        assert await app.call(ListTasks()) == []
    for declared in TYPES[kind]:
        async with fake_host() as host:
            executable = "$targetnametoken$.exe" if declared is TaskType.CONTROL_CHANNEL else None  # CWS-010: only beside one
            app = await installed(host, declared, executable=executable)
            assert await register(app, TRIGGERS[kind], TASK)


@virtual
async def test_what_is_declared_with_the_apps_executable_runs_in_the_app() -> None:
    async with fake_host() as host:
        app = await installed(host, TaskType.SYSTEM_EVENT, TaskType.DEVICE_USE, executable="$targetnametoken$.exe")
        await fire(host, await register(app, AWAY, TASK))
        assert [task.entry_point for task in app.tasks] == [TASK]
        with pytest.raises(HostError, match="INVALID_ARG"):
            await register(app, DeviceUse(TRIGGER), TASK)


@virtual
async def test_a_task_without_an_entry_point_needs_no_declaration() -> None:
    """BGT-006."""
    async with fake_host() as host:
        app = await installed(host)
        for kind, trigger in TRIGGERS.items():
            if kind not in (DeviceUse, DeviceServicing):
                assert await app.call(RegisterTask("sync", None, trigger))
