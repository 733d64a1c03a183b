"""Who may have channels: background access in Windows 10, the lock screen in Windows 8."""

from __future__ import annotations

import pytest

from rig.standby.api import BackgroundAccessStatus as Access
from rig.standby.api import ControlChannelTriggerStatus as Status
from rig.standby.api import HostError, HResult
from rig.standby.app_handle import AppHandle
from rig.suite.scene import Scene

APP = "rig.suite.channel_app:ChannelApp"
NAME = "asks"
ALLOWED = (Access.ALWAYS_ALLOWED, Access.ALLOWED_SUBJECT_TO_SYSTEM_POLICY)
DENIED = (Access.DENIED, Access.DENIED_BY_SYSTEM_POLICY, Access.DENIED_BY_USER)
WITHOUT_A_CHANNEL = ("CTOR", "REGISTER", "SLOT_REQUEST", "CONNECT_BEGIN")
"""Records that do not stand on the timeline when the constructor refuses."""


@pytest.fixture
def app(scene: Scene) -> AppHandle:
    """It has asked for nothing yet."""
    return scene.host.start_app(NAME, APP)


def set_up(scene: Scene, app: AppHandle, channel: str = "inbox") -> Status:
    """With a hardware slot, if it gets one."""
    server = scene.bench.server
    return Status(app.call("set_up", channel=channel, hardware=True, host=server.address, port=server.port))


def assert_refused(scene: Scene, app: AppHandle) -> None:
    with pytest.raises(HostError) as refused:
        set_up(scene, app)
    assert refused.value.hresult is HResult.UNAUTHORIZED_ACCESS
    assert not [record for record in scene.timeline.records() if record.event in WITHOUT_A_CHANNEL]


def ask(scene: Scene, app: AppHandle, answer: Access) -> None:
    scene.host.levers.set(access=answer)
    assert Access(app.call("request_access")) is answer


@pytest.mark.requirement("CCT-006")
@pytest.mark.profile("win10")
@pytest.mark.parametrize("answer", DENIED)
@pytest.mark.host_alone
def test_in_windows_10_who_was_denied_access_makes_no_channel(scene: Scene, app: AppHandle, answer: Access) -> None:
    ask(scene, app, answer)
    assert_refused(scene, app)


@pytest.mark.requirement("CCT-006")
@pytest.mark.profile("win10")
@pytest.mark.parametrize("answer", ALLOWED)
def test_in_windows_10_who_was_allowed_makes_one_off_the_lock_screen(scene: Scene, app: AppHandle, answer: Access) -> None:
    ask(scene, app, answer)
    assert scene.host.levers.now.lock_screen == ()
    assert set_up(scene, app) is Status.HARDWARE_SLOT_ALLOCATED


@pytest.mark.requirement("CCT-005")
@pytest.mark.profile("win8")
@pytest.mark.host_alone
def test_in_windows_8_an_app_off_the_lock_screen_makes_no_channel(scene: Scene, app: AppHandle) -> None:
    app.call("request_access")
    scene.host.levers.set(lock_screen=())
    assert_refused(scene, app)
    scene.host.levers.set(lock_screen=(NAME,))
    assert set_up(scene, app) is Status.HARDWARE_SLOT_ALLOCATED


@pytest.mark.requirement("CCT-045")
@pytest.mark.profile("win8")
@pytest.mark.host_alone
def test_in_windows_8_an_app_off_the_lock_screen_hears_of_no_resets(scene: Scene, app: AppHandle) -> None:
    app.call("request_access")
    scene.host.levers.set(lock_screen=())
    with pytest.raises(HostError) as refused:
        app.call("register_for_resets")
    assert refused.value.hresult is HResult.UNAUTHORIZED_ACCESS
    scene.host.levers.set(lock_screen=(NAME,))
    app.call("register_for_resets")


@pytest.mark.requirement("CCT-051")
@pytest.mark.profile("win8")
@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (Access.ALLOWED_WITH_ALWAYS_ON_REAL_TIME_CONNECTIVITY, Status.HARDWARE_SLOT_ALLOCATED),
        (Access.ALLOWED_MAY_USE_ACTIVE_REAL_TIME_CONNECTIVITY, Status.SOFTWARE_SLOT_ALLOCATED),
    ],
)
def test_in_windows_8_the_status_says_whether_channels_work_in_low_power(
    scene: Scene, app: AppHandle, answer: Access, status: Status
) -> None:
    ask(scene, app, answer)
    assert set_up(scene, app) is status
    connection = scene.bench.server.connection()
    scene.push_and_run(connection, b"while active")
    after = scene.sleep()
    if status is Status.HARDWARE_SLOT_ALLOCATED:
        scene.push_and_run(connection, b"asleep")
        return
    assert scene.device.slots() == ()
    connection.push(b"asleep")
    scene.assert_no_wake(after)


@pytest.mark.requirement("CCT-051")
@pytest.mark.profile("win8")
@pytest.mark.host_alone
def test_in_windows_8_who_was_denied_polls(scene: Scene, app: AppHandle) -> None:
    ask(scene, app, Access.DENIED)
    assert_refused(scene, app)
