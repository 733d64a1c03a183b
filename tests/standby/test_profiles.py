"""Windows 8 and its lock screen, Windows 10 without it: who may register, make channels, and whose triggers fire."""

from __future__ import annotations

from typing import Any

import pytest

from rig.standby.system.admission import needs_lock_screen
from rig.standby.wire.app_channels import ConstructChannel
from rig.standby.wire.app_tasks import GetAccess, RegisterTask, RemoveAccess, RequestAccess
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.statuses import BackgroundAccessStatus as Status
from rig.standby.wire.surroundings import LOCK_SCREEN_APPS
from rig.standby.wire.task_enums import SystemTriggerType as Event
from rig.standby.wire.triggers import AnyTrigger, ChannelPush, Maintenance, RawPush, SystemEvent, Time
from tests.standby.fake_app import FakeApp
from tests.standby.fake_host import FakeHost, fake_host
from tests.standby.tasks_at import TASK, turn
from tests.standby.virtual_time import virtual

GATED = [SystemEvent(event) for event in (Event.USER_PRESENT, Event.USER_AWAY, Event.CONTROL_CHANNEL_RESET)]
GATED += [SystemEvent(event) for event in (Event.SESSION_CONNECTED, Event.BACKGROUND_WORK_COST_CHANGE)]
TRIGGERS: dict[AnyTrigger, bool] = {
    **dict.fromkeys(GATED, True),
    **{SystemEvent(event): False for event in Event if SystemEvent(event) not in GATED and event is not Event.INVALID},
    Time(15): True,
    RawPush(): True,
    Maintenance(15): False,
}
"""Those of BGT-023 but a channel's, and whether they need the lock screen in Windows 8."""


async def refused(app: FakeApp, message: Any) -> bool:
    try:
        await app.call(message)
    except HostError as error:
        if error.hresult is HResult.UNAUTHORIZED_ACCESS:
            return True
        raise
    return False


def task(trigger: AnyTrigger) -> RegisterTask:
    return RegisterTask("sync", TASK, trigger)


async def off_the_lock_screen(host: FakeHost) -> FakeApp:
    """One that has asked, and that the user has put away again."""
    app = await host.app()
    await turn(host, lock_screen=())
    return app


def test_the_table_has_every_system_event() -> None:
    assert {t.event for t in TRIGGERS if isinstance(t, SystemEvent)} == set(Event) - {Event.INVALID}
    assert needs_lock_screen(ChannelPush("inbox"))


@pytest.mark.parametrize(("trigger", "gated"), TRIGGERS.items())
@virtual
async def test_in_windows_8_these_triggers_are_for_apps_on_the_lock_screen(trigger: AnyTrigger, gated: bool) -> None:
    async with fake_host(profile="win8") as host:
        app = await off_the_lock_screen(host)
        assert await refused(app, task(trigger)) is gated
        await turn(host, lock_screen=("mail",))
        assert not await refused(app, task(trigger))


@pytest.mark.parametrize("trigger", TRIGGERS)
@virtual
async def test_in_windows_10_no_trigger_needs_the_lock_screen(trigger: AnyTrigger) -> None:
    async with fake_host() as host:
        app = await host.app()
        assert host.system.surroundings.now.lock_screen == ()
        assert not await refused(app, task(trigger))


@pytest.mark.parametrize("trigger", TRIGGERS)
@virtual
async def test_who_has_not_asked_registers_nothing(trigger: AnyTrigger) -> None:
    for profile in ("win8", "win10"):
        async with fake_host(profile=profile) as host:
            app = await host.app()
            await app.call(RemoveAccess())
            assert await refused(app, task(trigger))


@pytest.mark.parametrize(("on_it", "runs"), [(("mail",), 1), ((), 0)])
@virtual
async def test_in_windows_8_a_task_of_an_app_that_left_the_lock_screen_is_inert(on_it: tuple[str, ...], runs: int) -> None:
    async with fake_host(profile="win8") as host:
        app = await host.app()
        await app.call(task(SystemEvent(Event.USER_AWAY)))
        await turn(host, lock_screen=on_it)
        await turn(host, user_present=False)
        assert len(host.timeline.find("TASK_START")) == runs
        assert [told.reason for told in host.timeline.find("TASK_INERT")] == ["the app is not on the lock screen"] * (1 - runs)


@virtual
async def test_in_windows_8_the_users_yes_puts_the_app_on_the_lock_screen_and_the_eighth_has_no_room() -> None:
    async with fake_host(profile="win8") as host:
        apps = [await host.app(f"app {n}") for n in range(LOCK_SCREEN_APPS + 1)]
        statuses = [Status(await app.call(GetAccess())) for app in apps]
        assert statuses == [Status.ALLOWED_WITH_ALWAYS_ON_REAL_TIME_CONNECTIVITY] * LOCK_SCREEN_APPS + [Status.DENIED]
        assert len(host.system.surroundings.now.lock_screen) == LOCK_SCREEN_APPS
        assert await refused(apps[-1], ConstructChannel("inbox", 15, True))
        await apps[0].call(RemoveAccess())
        assert Status(await apps[-1].call(RequestAccess())) is Status.ALLOWED_WITH_ALWAYS_ON_REAL_TIME_CONNECTIVITY
        assert "app 0" not in host.system.surroundings.now.lock_screen


@virtual
async def test_in_windows_8_a_channel_is_for_apps_on_the_lock_screen() -> None:
    """CCT-005: refused before anything else; the control is the other line."""
    async with fake_host(profile="win8") as host:
        app = await off_the_lock_screen(host)
        assert await refused(app, ConstructChannel("inbox", 15, True))
        assert not host.timeline.find("CTOR")
        await turn(host, lock_screen=("mail",))
        assert not await refused(app, ConstructChannel("inbox", 15, True))


@pytest.mark.parametrize("status", list(Status))
@virtual
async def test_what_the_user_or_the_policy_answers_is_what_the_app_hears_and_may(status: Status) -> None:
    """CCT-006."""
    allowed = {
        Status.ALLOWED_WITH_ALWAYS_ON_REAL_TIME_CONNECTIVITY,
        Status.ALLOWED_MAY_USE_ACTIVE_REAL_TIME_CONNECTIVITY,
        Status.ALWAYS_ALLOWED,
        Status.ALLOWED_SUBJECT_TO_SYSTEM_POLICY,
    }
    async with fake_host() as host:
        app = await host.app()
        await turn(host, access=status)
        assert Status(await app.call(RequestAccess())) is status
        assert Status(await app.call(GetAccess())) is status
        assert await refused(app, ConstructChannel("inbox", 15, True)) is (status not in allowed)
        assert await refused(app, task(Time(15))) is (status not in allowed)
