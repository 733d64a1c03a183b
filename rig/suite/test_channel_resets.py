"""Channels that the system takes away, and gives again: a switch of users, standby, quiet hours, an app or a system that dies."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest

from rig.standby.api import ControlChannelTriggerStatus as Status
from rig.suite.scene import Scene
from rig.timeline import Record


def open_both(scene: Scene) -> None:
    assert scene.open("hard") is Status.HARDWARE_SLOT_ALLOCATED
    assert scene.open("soft", hardware=False) is Status.SOFTWARE_SLOT_ALLOCATED


def switch_users(scene: Scene) -> None:
    scene.host.levers.session_switch()


def quiet_hours(scene: Scene) -> None:
    scene.host.levers.set(quiet_hours=True)
    scene.host.levers.set(quiet_hours=False)


def standby(scene: Scene) -> None:
    scene.sleep()
    scene.host.exit_standby()


def restart_app(scene: Scene) -> None:
    os.kill(scene.timeline.find("APP_READY", app="chat")[-1].pid, signal.SIGKILL)
    scene.timeline.wait("APP_TERMINATED", app="chat")
    scene.start_again()


def reset(scene: Scene, after: int) -> tuple[str, bool, bool]:
    told: Record = scene.timeline.wait("RESET", app="chat", after=after)
    return told.reason, told.hardware, told.software


CAUSES = pytest.mark.parametrize(
    ("cause", "told"),
    [
        (switch_users, ("FAST_USER_SWITCHED", True, True)),
        (standby, ("LOW_POWER_EXIT", False, True)),
        (quiet_hours, ("QUIET_HOURS_EXIT", True, True)),
        (restart_app, ("APPLICATION_RESTART", True, True)),
    ],
)


@pytest.mark.requirement("CCT-046", "CCT-047")
@CAUSES
def test_channels_that_are_reset_are_dead_until_they_are_built_again(
    scene: Scene, cause: Callable[[Scene], None], told: tuple[str, bool, bool]
) -> None:
    open_both(scene)
    after = scene.timeline.mark()
    cause(scene)
    assert reset(scene, after) == told
    hard, soft = (told[1], told[2])
    assert len(scene.device.slots()) == (0 if hard else 1)
    connections = list(scene.bench.server.connections)
    after = scene.timeline.mark()
    if cause is not restart_app:  # else the connections ended with it
        connections[1].push(b"to a dead channel")
        scene.assert_no_wake(after)
        if not hard:
            scene.push_and_run(connections[0], b"it survives", "hard")
    for name, lost in (("hard", hard), ("soft", soft)):
        if lost and cause is not restart_app:
            scene.app.call("close_channel", channel=name)
        if lost:
            assert scene.open(name, hardware=name == "hard").allocated
            scene.push_and_run(scene.bench.server.connection(), b"built again", name)
    assert len(scene.device.slots()) == 1


@pytest.mark.requirement("CCT-025")
def test_while_another_user_has_the_screen_the_broker_is_not_ready(scene: Scene) -> None:
    """The channel is refused, the app waits for the reset, and then gets it."""
    scene.host.levers.set(session_connected=False)
    for name, hardware in (("hard", True), ("soft", False)):
        assert scene.open(name, hardware=hardware) is Status.SERVICE_UNAVAILABLE
        scene.app.call("close_channel", channel=name)
    assert scene.device.slots() == ()
    after = scene.timeline.mark()
    scene.host.levers.set(session_connected=True)
    assert reset(scene, after) == ("FAST_USER_SWITCHED", True, True)
    open_both(scene)
