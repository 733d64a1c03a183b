"""Device-use and device-servicing triggers: who may start them, and for how long."""

from __future__ import annotations

import pytest

from rig.config import StandbyConfig
from rig.manifest.manifest import BackgroundTasksExtension, Manifest, TaskType
from rig.standby.api import DeviceTriggerResult as Result
from rig.standby.api import SystemConditionType
from rig.standby.app_handle import AppHandle
from rig.standby.wire.hresult import HResult
from rig.suite.task_scene import ENTRY, TaskScene

pytestmark = pytest.mark.host_alone

WALL_S = 0.4


def maker(tasks: TaskScene, *, privileged: bool = True, task: str = "Quick") -> AppHandle:
    """The app of a device's maker, with its servicing task."""
    extension = BackgroundTasksExtension(f"rig.suite.task_app.{task}", frozenset({TaskType.DEVICE_SERVICING}), None)
    manifest = Manifest(name="maker", version="1.0.0.0", entry=ENTRY, extensions=(extension,), privileged=privileged)
    tasks.host.install(manifest)
    app = tasks.host.launch("maker")
    app.call("request_access")
    app.call("register", task=task, trigger="device_servicing")
    return app


@pytest.mark.requirement("BGT-020")
def test_device_use_takes_no_conditions(tasks: TaskScene) -> None:
    condition = [int(SystemConditionType.INTERNET_AVAILABLE)]
    tasks.refused(HResult.INVALID_ARG, "register", task="Quick", trigger="device_use", conditions=condition)
    tasks.register("Quick", trigger="device_use")


@pytest.mark.requirement("BGT-020")
def test_an_app_in_the_foreground_starts_device_use_one_at_a_time(tasks: TaskScene) -> None:
    task_id = tasks.register("Waits", trigger="device_use")
    assert [tasks.app.call("request_device") for _ in range(2)] == [Result.ALLOWED, Result.DENIED_BY_SYSTEM]
    tasks.run("Waits")
    tasks.app.call("unregister", task_id=task_id, cancel=True)
    tasks.ended("Waits")
    assert tasks.runs("Waits") == 1


@pytest.mark.requirement("BGT-020")
def test_an_app_in_the_background_starts_no_device_use(tasks: TaskScene) -> None:
    tasks.register("Quick", trigger="device_use")
    tasks.register("Waits", own_process=False)
    tasks.fire()
    tasks.run("Waits")
    tasks.app.leave()
    assert tasks.app.call("request_device") == Result.DENIED_BY_SYSTEM
    tasks.assert_no_run("Quick")
    tasks.app.resume()
    assert tasks.app.call("request_device") == Result.ALLOWED


@pytest.mark.requirement("BGT-020", "BGT-021")
@pytest.mark.bench_config(
    standby=StandbyConfig(device_use_wall_s=WALL_S, device_servicing_wall_s=WALL_S, wall_clock_s=WALL_S / 8)
)
@pytest.mark.parametrize("servicing", [False, True], ids=["use", "servicing"])
def test_it_may_take_longer_than_other_tasks_and_is_cancelled_then(tasks: TaskScene, servicing: bool) -> None:
    if servicing:
        app = maker(tasks, task="Waits")
    else:
        app = tasks.app
        tasks.register("Waits", trigger="device_use")
    assert app.call("request_device", servicing=servicing) == Result.ALLOWED
    started = tasks.timeline.wait("TASK_START", task="Waits")
    sent = tasks.timeline.wait("CANCEL_SENT", task="Waits")
    assert sent.reason == "EXECUTION_TIME_EXCEEDED"
    assert sent.t_ns - started.t_ns >= WALL_S * 0.95e9


@pytest.mark.requirement("BGT-021")
def test_the_makers_app_services_its_device(tasks: TaskScene) -> None:
    assert maker(tasks).call("request_device", servicing=True) == Result.ALLOWED
    assert tasks.ended("Quick").reason == "done"


@pytest.mark.requirement("BGT-021")
@pytest.mark.parametrize(
    ("levers", "result"),
    [
        ({"ac": False, "battery_percent": 33}, Result.LOW_BATTERY),
        ({"ac": False, "battery_percent": 34}, Result.ALLOWED),
        ({"ac": True, "battery_percent": 1}, Result.ALLOWED),
        ({"device_consent": False}, Result.DENIED_BY_USER),
    ],
    ids=["low battery", "enough battery", "on power", "no consent"],
)
def test_it_needs_power_and_consent(tasks: TaskScene, levers: dict[str, object], result: Result) -> None:
    app = maker(tasks)
    tasks.host.levers.set(**levers)
    assert app.call("request_device", servicing=True) == result
    if result is Result.ALLOWED:
        tasks.ended("Quick")
    else:
        tasks.assert_no_run("Quick")


@pytest.mark.requirement("BGT-021")
def test_an_app_without_that_privilege_services_nothing(tasks: TaskScene) -> None:
    assert maker(tasks, privileged=False).call("request_device", servicing=True) == Result.DENIED_BY_SYSTEM
    tasks.assert_no_run("Quick")


@pytest.mark.requirement("BGT-021")
@pytest.mark.bench_config(standby=StandbyConfig(family="phone"))
def test_a_phone_services_nothing(tasks: TaskScene) -> None:
    assert maker(tasks).call("request_device", servicing=True) == Result.DENIED_BY_SYSTEM
    tasks.assert_no_run("Quick")
