"""Windows 8 gates some triggers by the lock screen, Windows 10 by background access alone. Channels: test_channel_access.py."""

from __future__ import annotations

from typing import Any

import pytest

from rig.standby.api import BackgroundAccessStatus as Access
from rig.standby.api import HResult
from rig.standby.api import SystemTriggerType as Event
from rig.standby.app_handle import AppHandle
from rig.suite.task_scene import TaskScene

GATED = (
    Event.USER_PRESENT,
    Event.USER_AWAY,
    Event.CONTROL_CHANNEL_RESET,
    Event.SESSION_CONNECTED,
    Event.BACKGROUND_WORK_COST_CHANGE,
)
SYSTEM = [("system", event) for event in Event if event is not Event.INVALID]
TRIGGERS: list[tuple[str, int, bool]] = [
    *((kind, int(event), event in GATED) for kind, event in SYSTEM),
    ("time", 15, True),
    ("push", 0, True),
    ("maintenance", 15, False),
]
"""(kind, its event or minutes, whether Windows 8 wants the app on the lock screen). Channels' own: below."""
SEVEN = 7


def register_all(tasks: TaskScene, app: AppHandle, *, refused: bool) -> None:
    """Whether those that are gated are refused."""
    for kind, value, gated in TRIGGERS:
        arguments: dict[str, Any] = {"task": f"Quick {kind} {value}", "trigger": kind, "value": value}
        if gated and refused:
            tasks.refused(HResult.UNAUTHORIZED_ACCESS, "register", app=app, **arguments)
        else:
            app.call("register", **arguments)


@pytest.mark.requirement("BGT-023")
@pytest.mark.profile("win8")
@pytest.mark.host_alone
def test_in_windows_8_some_triggers_need_the_lock_screen(tasks: TaskScene) -> None:
    """The user has taken the app from there."""
    tasks.host.levers.set(lock_screen=())
    register_all(tasks, tasks.app, refused=True)
    assert len(tasks.app.call("all_tasks")) == sum(not gated for _, _, gated in TRIGGERS)


@pytest.mark.requirement("BGT-023")
@pytest.mark.profile("win8")
@pytest.mark.host_alone
def test_in_windows_8_an_app_on_the_lock_screen_may_have_them_all(tasks: TaskScene) -> None:
    assert tasks.host.levers.now.lock_screen == ("tasks",)
    register_all(tasks, tasks.app, refused=False)


@pytest.mark.requirement("BGT-024")
@pytest.mark.profile("win10")
@pytest.mark.host_alone
def test_in_windows_10_no_trigger_needs_the_lock_screen(tasks: TaskScene) -> None:
    assert tasks.host.levers.now.lock_screen == ()
    register_all(tasks, tasks.app, refused=False)


@pytest.mark.requirement("BGT-023", "BGT-024")
@pytest.mark.parametrize(
    "runs", [pytest.param(0, marks=pytest.mark.profile("win8")), pytest.param(1, marks=pytest.mark.profile("win10"))]
)
@pytest.mark.host_alone
def test_an_app_that_leaves_the_lock_screen_is_not_run_any_more_in_windows_8(tasks: TaskScene, runs: int) -> None:
    """What needs none runs in both."""
    tasks.register("Quick gated", value=int(Event.USER_AWAY), own_process=False)
    tasks.register("Quick free", value=int(Event.TIME_ZONE_CHANGE), own_process=False)
    tasks.host.levers.set(lock_screen=())
    tasks.host.levers.user_leaves()
    tasks.host.levers.set(time_zone="Europe/Oslo")
    tasks.ended("Quick free")
    if runs:
        tasks.ended("Quick gated")  # of two that run side by side either may be the first
    assert tasks.runs("Quick gated") == runs


@pytest.mark.requirement("BGT-023")
@pytest.mark.profile("win8")
def test_the_lock_screen_has_room_for_seven_apps(tasks: TaskScene) -> None:
    apps = [tasks.app, *(tasks.start(f"app {number}") for number in range(2, SEVEN + 1))]
    assert len(tasks.host.levers.now.lock_screen) == SEVEN
    eighth = tasks.start("one too many", access=False)
    assert Access(eighth.call("request_access")) is Access.DENIED
    tasks.refused(HResult.UNAUTHORIZED_ACCESS, "register", app=eighth, task="Quick", trigger="time", value=15)
    apps[0].call("remove_access")
    assert Access(eighth.call("request_access")) is Access.ALLOWED_WITH_ALWAYS_ON_REAL_TIME_CONNECTIVITY
    eighth.call("register", task="Quick", trigger="time", value=15)
