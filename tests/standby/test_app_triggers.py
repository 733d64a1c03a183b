"""Triggers that an app fires itself: application, media processing, device use, device servicing."""

from __future__ import annotations

from typing import Any

import pytest

from rig.manifest.manifest import Manifest
from rig.standby.wire import bench
from rig.standby.wire.app_tasks import RegisterTask, RemoveAccess, RequestApplicationTrigger, RequestDeviceTrigger
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.task_enums import ApplicationTriggerResult as Result
from rig.standby.wire.task_enums import DeviceTriggerResult as Device
from rig.standby.wire.task_enums import SystemConditionType as Condition
from rig.standby.wire.triggers import ApplicationDetails, DeviceDetails, DeviceServicing, DeviceUse, MediaProcessing
from tests.standby.fake_app import FakeApp
from tests.standby.fake_host import FakeHost, fake_host
from tests.standby.tasks_at import APPLICATION, TASK, TRIGGER, ran, register, turn
from tests.standby.virtual_time import virtual

ASK = RequestApplicationTrigger(TRIGGER)


async def refused(app: FakeApp, call: RequestApplicationTrigger) -> HResult:
    with pytest.raises(HostError) as error:
        await app.call(call)
    return error.value.hresult


@pytest.mark.parametrize("trigger", [TRIGGER, "a new object"])
@pytest.mark.parametrize("arguments", [None, {}, {"folder": "inbox", "": "ü"}])
@virtual
async def test_it_runs_with_its_arguments_whichever_object_asks(trigger: str, arguments: Any) -> None:
    """APT-002, APT-003."""
    async with fake_host() as host:
        app = await host.app()
        await register(app, APPLICATION, TASK)
        assert await app.call(RequestApplicationTrigger(trigger, arguments)) == Result.ALLOWED
        await host.settle()
        [task] = host.supervisor.task_hosts[-1].tasks
        assert task.details == ApplicationDetails(arguments)


@virtual
async def test_media_processing_is_a_kind_of_its_own() -> None:
    async with fake_host() as host:
        app = await host.app()
        await register(app, MediaProcessing(TRIGGER), TASK)
        assert await app.call(ASK) == Result.UNKNOWN_ERROR, "nothing is registered for that kind"
        assert await app.call(RequestApplicationTrigger("new", kind="media_processing")) == Result.ALLOWED


@virtual
async def test_nothing_runs_without_a_registration_or_access() -> None:
    """APT-001, APT-002."""
    async with fake_host() as host:
        app = await host.app()
        assert await app.call(ASK) == Result.UNKNOWN_ERROR
        await register(app, APPLICATION, TASK)
        await app.call(RemoveAccess())
        assert await app.call(ASK) == Result.DISABLED_BY_POLICY
        await host.settle()
        assert ran(host) == 0


@virtual
async def test_one_runs_at_a_time() -> None:
    """APT-004."""
    async with fake_host() as host:
        app = await host.app()
        host.supervisor.host_task = lambda process, task: None
        await register(app, APPLICATION, TASK)
        assert [await app.call(ASK) for _ in range(3)] == [Result.ALLOWED, Result.CURRENTLY_RUNNING, Result.CURRENTLY_RUNNING]
        await host.settle()
        process = host.supervisor.task_hosts[-1]
        process.done(process.tasks[0])
        await host.settle()
        assert await app.call(ASK) == Result.ALLOWED


@pytest.mark.parametrize(
    ("levers", "result"),
    [
        ({"application_triggers": False}, Result.DISABLED_BY_POLICY),
        ({"ac": False, "energy_saver": True, "battery_percent": 10}, Result.DISABLED_BY_POLICY),
        ({"ac": False, "energy_saver": True, "battery_percent": 10, "energy_saver_exempt": ("mail",)}, Result.ALLOWED),
        ({"ac": False, "energy_saver": True, "battery_percent": 50}, Result.ALLOWED),
    ],
)
@virtual
async def test_the_users_policy_may_forbid_it(levers: dict[str, Any], result: Result) -> None:
    """APT-005."""
    async with fake_host() as host:
        app = await host.app()
        await register(app, APPLICATION, TASK)
        await turn(host, **levers)
        assert await app.call(ASK) == result
        await host.settle()
        assert ran(host) == (result is Result.ALLOWED)


@virtual
async def test_only_an_app_in_the_foreground_asks() -> None:
    """APT-006."""
    async with fake_host() as host:
        app = await host.app()
        host.supervisor.host_task = lambda process, task: None
        await register(app, APPLICATION, TASK)
        assert await refused(app, RequestApplicationTrigger(TRIGGER, from_task=True)) is HResult.ILLEGAL_METHOD_CALL
        assert await app.call(ASK) == Result.ALLOWED
        await host.settle()
        assert await refused(host.supervisor.task_hosts[-1], ASK) is HResult.ILLEGAL_METHOD_CALL
        app.submit(RegisterTask("keeps it busy", None, APPLICATION))
        await host.bench(bench.Suspend(host.instance_of(app)))
        app.go_on()
        assert await refused(app, ASK) is HResult.ILLEGAL_METHOD_CALL
        assert ran(host) == 1


@virtual
async def test_its_task_goes_on_when_the_app_is_closed() -> None:
    """APT-007."""
    async with fake_host() as host:
        app = await host.app()
        host.supervisor.host_task = lambda process, task: None
        await register(app, APPLICATION, TASK)
        await app.call(ASK)
        await host.settle()
        app.kill()
        await host.timeline.wait("APP_TERMINATED")
        [process] = host.supervisor.task_hosts
        process.done(process.tasks[0])
        assert (await host.timeline.wait("TASK_END")).reason == "done"


@virtual
async def test_it_waits_for_its_conditions() -> None:
    """APT-009."""
    async with fake_host() as host:
        app = await host.app()
        await turn(host, internet=False)
        await register(app, APPLICATION, TASK, conditions=(Condition.INTERNET_AVAILABLE,))
        assert await app.call(ASK) == Result.ALLOWED
        await host.settle()
        assert ran(host) == 0
        await turn(host, internet=True)
        assert ran(host) == 1


# -- devices ---------------------------------------------------------------------------------------------------------------


async def device(app: FakeApp, trigger: str = TRIGGER) -> Device:
    return await app.call(RequestDeviceTrigger(trigger, "the watch", 5))


@virtual
async def test_a_device_use_task_gets_its_device_and_runs_one_at_a_time() -> None:
    """BGT-020."""
    async with fake_host() as host:
        app = await host.app()
        host.supervisor.host_task = lambda process, task: None
        assert await device(app) is Device.DENIED_BY_SYSTEM, "nothing is registered"
        await register(app, DeviceUse(TRIGGER), TASK)
        assert [await device(app), await device(app)] == [Device.ALLOWED, Device.DENIED_BY_SYSTEM]
        await host.settle()
        [task] = host.supervisor.task_hosts[-1].tasks
        assert task.details == DeviceDetails("the watch", 5)


@pytest.mark.parametrize("kind", [DeviceUse, DeviceServicing])
@virtual
async def test_device_triggers_are_requested_from_the_foreground_with_consent(kind: Any) -> None:
    async with fake_host() as host:
        app = await host.app()
        await register(app, kind(TRIGGER), TASK)
        await turn(host, device_consent=False)
        assert await device(app) is Device.DENIED_BY_USER
        await turn(host, device_consent=True)
        await host.bench(bench.Suspend(host.instance_of(app)))
        app.go_on()
        assert await device(app) is Device.DENIED_BY_SYSTEM
        assert ran(host) == 0


@pytest.mark.parametrize(
    ("levers", "result"),
    [
        ({"ac": False, "battery_percent": 33}, Device.LOW_BATTERY),
        ({"ac": False, "battery_percent": 34}, Device.ALLOWED),
        ({"ac": True, "battery_percent": 1}, Device.ALLOWED),
    ],
)
@virtual
async def test_servicing_wants_power(levers: dict[str, Any], result: Device) -> None:
    """BGT-021."""
    async with fake_host() as host:
        app = await host.app()
        await register(app, DeviceServicing(TRIGGER), TASK)
        await turn(host, **levers)
        assert await device(app) is result


@virtual
async def test_servicing_is_for_a_pc_and_a_privileged_app() -> None:
    """BGT-021."""
    async with fake_host(family="phone") as host:
        assert await _servicing(host) is Device.DENIED_BY_SYSTEM
    async with fake_host() as host:
        assert await _servicing(host, privileged=False) is Device.DENIED_BY_SYSTEM


async def _servicing(host: FakeHost, *, privileged: bool = True) -> Device:
    app = await host.app()
    await register(app, DeviceServicing(TRIGGER), TASK)
    if not privileged:
        host.system.packages["mail"].manifest = Manifest("mail")
    return await device(app)
