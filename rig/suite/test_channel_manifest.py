"""What an installed app must declare for its channels, and who may have some: access, and the lock screen of Windows 8."""

from __future__ import annotations

from typing import Any

import pytest

from rig.manifest.manifest import BackgroundTasksExtension, Manifest, TaskType
from rig.standby.api import ControlChannelTriggerStatus as Status
from rig.standby.api import HostError, HResult
from rig.suite.channel_app import ENTRY
from rig.suite.scene import Scene

APP = "rig.suite.channel_app:ChannelApp"
NAME = "declared"


def server_of(scene: Scene) -> dict[str, Any]:
    return {"host": scene.bench.server.address, "port": scene.bench.server.port}


def manifest(*types: TaskType) -> Manifest:
    """Its entry point declared with these types; with none: not at all."""
    declared = (BackgroundTasksExtension(ENTRY, frozenset(types), executable="declared.exe"),) if types else ()
    return Manifest(NAME, entry=APP, extensions=declared)


@pytest.mark.requirement("CCT-049")
@pytest.mark.parametrize("types", [(), (TaskType.SYSTEM_EVENT, TaskType.TIMER)], ids=["nothing", "others"])
@pytest.mark.parametrize("kind", ["push", "keepalive"])
@pytest.mark.host_alone
def test_a_task_whose_entry_point_is_not_declared_is_refused(scene: Scene, types: tuple[TaskType, ...], kind: str) -> None:
    scene.host.install(manifest(*types))
    app = scene.host.launch(NAME)
    app.call("request_access")
    app.call("construct", channel="inbox", hardware=True)
    with pytest.raises(HostError) as refused:
        app.call("register", channel="inbox", kind=kind)
    assert refused.value.hresult is HResult.CLASS_NOT_REGISTERED
    assert not scene.timeline.find("REGISTER")


@pytest.mark.requirement("CCT-049")
def test_a_task_that_is_declared_runs(scene: Scene) -> None:
    """The negative control."""
    scene.host.install(manifest(TaskType.CONTROL_CHANNEL))
    app = scene.host.launch(NAME)
    app.call("request_access")
    assert app.call("set_up", channel="inbox", hardware=True, **server_of(scene)) == Status.HARDWARE_SLOT_ALLOCATED
    scene.sleep()
    scene.push_and_run(scene.bench.server.connection(), b"declared")
