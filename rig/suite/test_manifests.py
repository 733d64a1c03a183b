"""What an app's manifest declares is what its background tasks may be, and an update has it ask for access again."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from rig.manifest.manifest import BackgroundTasksExtension, Manifest, TaskType
from rig.standby.api import HostError, HResult
from rig.standby.app_handle import AppHandle
from rig.suite.declared_app import OWN, TASK
from rig.suite.scene import Scene

pytestmark = pytest.mark.host_alone

ENTRY = "rig.suite.declared_app:DeclaredApp"
LONG, SHORT = "Windows.Networking.Sockets.WebSocketKeepAlive", "Windows.Sockets.WebSocketKeepAlive"


def manifest(entry_point: str, types: Iterable[TaskType], executable: str | None = None, version: str = "1.0.0.0") -> Manifest:
    return Manifest("declared", version, ENTRY, (BackgroundTasksExtension(entry_point, frozenset(types), executable),))


def launched(scene: Scene, wanted: Manifest) -> AppHandle:
    scene.host.install(wanted)
    return scene.host.launch("declared")


def leave(scene: Scene) -> int:
    """The user goes and comes back; where the timeline was before."""
    after = scene.timeline.mark()
    scene.host.levers.user_leaves()
    scene.host.levers.user_is_back()
    return after


def refused(app: AppHandle, entry_point: str | None, trigger: str = "away") -> HResult:
    with pytest.raises(HostError) as error:
        app.call("register", entry_point=entry_point, trigger=trigger)
    assert app.call("registered") == []
    return error.value.hresult


@pytest.mark.requirement("BGT-004")
def test_an_entry_point_that_is_not_in_the_manifest_is_refused_and_the_app_goes_on(scene: Scene) -> None:
    app = launched(scene, manifest("rig.suite.declared_app.Other", [TaskType.SYSTEM_EVENT]))
    assert refused(app, TASK) is HResult.CLASS_NOT_REGISTERED
    assert refused(app, "nobody") is HResult.CLASS_NOT_REGISTERED
    assert refused(app, "") in (HResult.CLASS_NOT_REGISTERED, HResult.INVALID_ARG)
    assert refused(app, None, trigger="") is HResult.INVALID_ARG
    app.call("register", entry_point=None)
    assert len(app.call("registered")) == 1


@pytest.mark.requirement("BGT-005")
@pytest.mark.parametrize("types", [[TaskType.TIMER], [TaskType.PUSH_NOTIFICATION, TaskType.GENERAL, TaskType.TIMER]])
def test_an_entry_point_lists_each_type_that_it_is_used_with(scene: Scene, types: list[TaskType]) -> None:
    app = launched(scene, manifest(TASK, types))
    assert refused(app, TASK) is HResult.CLASS_NOT_REGISTERED
    scene.host.update("declared", manifest(TASK, [*types, TaskType.SYSTEM_EVENT], version="1.0.0.1"))
    app = scene.host.launch("declared")
    app.call("renew_access")
    app.call("register", entry_point=TASK)
    scene.timeline.wait("RUN_EXIT", task="away", after=leave(scene))


@pytest.mark.requirement("BGT-006")
def test_a_task_in_the_apps_process_needs_no_declaration(scene: Scene) -> None:
    """But tasks of devices are never in it."""
    app = launched(scene, Manifest("declared", entry=ENTRY))
    for trigger in ("device_use", "device_servicing"):
        assert refused(app, None, trigger) is HResult.INVALID_ARG
    app.call("register", entry_point=None)
    run = scene.timeline.wait("TASK_START", task="away", after=leave(scene))
    assert (run.process, run.process_instance) == ("app", app.instance)


@pytest.mark.requirement("BGT-006")
def test_an_app_that_does_not_run_is_started_for_its_task_and_the_user_gets_that_process(scene: Scene) -> None:
    closed = launched(scene, Manifest("declared", entry=ENTRY))
    closed.call("register", entry_point=None)
    closed.close_by_user()
    after = leave(scene)
    started = scene.timeline.wait("TASK_START", task="away", after=after).process_instance
    assert scene.timeline.wait("RUN_EXIT", task="away", after=after).fault is None
    scene.timeline.wait("APP_SUSPEND", instance=started, after=after)
    app = scene.host.launch("declared")
    assert app.instance == started != closed.instance
    assert len(app.call("registered")) == 1
    app.suspend()
    app.resume()
    app.terminate()


@pytest.mark.parametrize("entry_point", [TASK, OWN])
def test_an_executable_has_the_task_run_in_the_apps_process(scene: Scene, entry_point: str) -> None:
    app = launched(scene, manifest(entry_point, [TaskType.SYSTEM_EVENT], "$targetnametoken$.exe"))
    app.call("register", entry_point=entry_point)
    after = leave(scene)
    run = scene.timeline.wait("TASK_START", task="away", after=after)
    assert (run.process, run.process_instance) == ("app", app.instance)
    assert scene.timeline.wait("RUN_EXIT", task="away", after=after).fault is None


def test_without_one_it_has_a_process_of_its_own(scene: Scene) -> None:
    app = launched(scene, manifest(TASK, [TaskType.SYSTEM_EVENT]))
    app.call("register", entry_point=TASK)
    after = leave(scene)
    assert scene.timeline.wait("TASK_START", task="away", after=after).process == "task host"
    assert scene.timeline.wait("RUN_EXIT", task="away", after=after).fault is None


@pytest.mark.requirement("BGT-002")
def test_after_an_update_triggers_do_nothing_until_access_is_renewed(scene: Scene) -> None:
    app = launched(scene, manifest(TASK, [TaskType.SYSTEM_EVENT]))
    app.call("register", entry_point=TASK)
    scene.timeline.wait("RUN_EXIT", task="away", after=leave(scene))

    scene.host.update("declared", manifest(TASK, [TaskType.SYSTEM_EVENT], version="1.1.0.0"))
    app = scene.host.launch("declared")  # it asks for access, as it always does
    assert len(app.call("registered")) == 1
    after = leave(scene)
    scene.timeline.wait("TASK_INERT", task="away", after=after)
    app.call("renew_access")
    scene.timeline.wait("RUN_EXIT", task="away", after=leave(scene))
    assert len(scene.timeline.find("RUN_ENTER", task="away", after=after)) == 1


@pytest.mark.requirement("CCT-049")
def test_a_channels_task_is_declared_as_one(scene: Scene) -> None:
    """Another type is not enough, nor is another name; the keep-alive's class has its long name alone (B-08)."""
    app = launched(scene, manifest(OWN, [TaskType.PUSH_NOTIFICATION, TaskType.SYSTEM_EVENT], "app.exe"))
    for entry_point in (OWN, TASK, LONG, SHORT):
        with pytest.raises(HostError) as error:
            app.call("register_push", channel="inbox", entry_point=entry_point)
        assert error.value.hresult is HResult.CLASS_NOT_REGISTERED
    assert not scene.timeline.find("REGISTER")
    scene.host.update("declared", manifest(OWN, [TaskType.CONTROL_CHANNEL], "app.exe", "1.0.0.1"))
    app = scene.host.launch("declared")
    app.call("register_push", channel="inbox", entry_point=OWN)
    assert scene.timeline.find("REGISTER", task="inbox-push")
