"""Where a task runs, and what its crash takes along."""

from __future__ import annotations

from pathlib import Path

import pytest

from rig.clock import WAIT_S, Deadline
from rig.manifest.manifest import Manifest
from rig.standby.wire.hresult import HResult
from rig.suite.task_scene import ENTRY, TaskScene

pytestmark = pytest.mark.host_alone


def gone(pid: int) -> bool:
    """A zombie has no memory."""
    try:
        return Path(f"/proc/{pid}/statm").read_text().split()[0] == "0"
    except OSError:
        return True


@pytest.mark.requirement("BGT-006")
def test_an_in_process_task_needs_no_manifest_entry_and_runs_in_the_apps_process(tasks: TaskScene) -> None:
    tasks.host.install(Manifest(name="mail", version="1.0.0.0", entry=ENTRY))
    app = tasks.host.launch("mail")
    app.call("request_access")
    app.call("register", task="Quick", own_process=False)
    after = tasks.fire()
    activated = tasks.timeline.wait("activated", app="mail", after=after)
    ready = tasks.timeline.wait("APP_READY", app="mail")
    assert tasks.ended("Quick", after=after).reason == "done"
    assert not tasks.timeline.find("TASK_HOST_START", app="mail")
    assert tasks.timeline.wait("TASK_START", task="Quick").process_instance == ready.detail["instance"]
    assert activated.pid > 0


@pytest.mark.requirement("BGT-006")
@pytest.mark.parametrize("kind", ["device_use", "device_servicing"])
def test_tasks_of_devices_are_never_in_process(tasks: TaskScene, kind: str) -> None:
    tasks.refused(HResult.INVALID_ARG, "register", task="Quick", trigger=kind, own_process=False)
    tasks.register("Quick", trigger=kind)


@pytest.mark.requirement("BGT-007")
@pytest.mark.parametrize("own_process", [True, False], ids=["out-of-process", "in-process"])
def test_a_crash_ends_the_app_only_where_the_task_is_in_its_process(tasks: TaskScene, own_process: bool) -> None:
    pid = tasks.timeline.wait("APP_READY", app="tasks").pid
    tasks.register("Crashes", own_process=own_process)
    ended = tasks.fire_and_end("Crashes")
    assert ended.reason == "its process ended"
    if own_process:
        assert "SIGSEGV" in tasks.timeline.wait("TASK_HOST_END", app="tasks").status
        assert len(tasks.app.call("all_tasks")) == 1
    else:
        assert "SIGSEGV" in tasks.timeline.wait("APP_TERMINATED", app="tasks").status
        deadline = Deadline(WAIT_S)
        while not gone(pid):
            assert not deadline.expired
            deadline.pause()
