"""The host's machine loses its power and starts again: what lasts, and what is gone."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from rig.clock import Deadline
from rig.peers import PushConnection
from rig.standby.wire.hresult import ProcessGone
from rig.suite.scene import QUIET_S, Scene

WAIT_S = 10


def restarted(scene: Scene) -> Scene:
    """The machine is up again; the scene has no app of before."""
    scene.host.restart()
    return Scene(scene.bench)


def assert_works(scene: Scene, data: bytes) -> PushConnection:
    """A channel of an app that is started now is as good as any."""
    connection = scene.open_hardware()
    scene.sleep()
    scene.push_and_run(connection, data)
    scene.host.exit_standby()
    assert len(scene.device.slots()) == 1
    return connection


def test_processes_channels_and_slots_are_gone_and_new_ones_work(scene: Scene) -> None:
    app = scene.app
    scene.open_hardware("first")
    scene.open_hardware("second")
    after = scene.timeline.mark()
    again = restarted(scene)
    assert again.timeline.find("MACHINE_RESTART", after=after)
    assert again.device.slots() == ()
    with pytest.raises(ProcessGone):
        app.call("messages", channel="first")
    assert_works(again, b"a new life")


def test_what_the_user_has_turned_lasts(scene: Scene) -> None:
    scene.host.levers.set(ac=False, time_zone="Europe/Oslo", lock_screen=("chat",))
    before = scene.host.levers.now
    assert restarted(scene).host.levers.now == before


def test_a_sleeping_machine_that_loses_its_power_wakes_nobody_and_starts_awake(scene: Scene) -> None:
    """The device, which has spoken for the host, forgets all of it."""
    connection = scene.open_hardware()
    scene.sleep()
    again = restarted(scene)
    after = again.timeline.mark()
    assert again.device.slots() == ()
    connection.push(b"to the dead")
    again.assert_no_wake(after)
    assert_works(again, b"to the living")


def test_no_peer_hears_of_the_end_until_it_says_something(scene: Scene) -> None:
    """The kernel of a machine without power closes nothing; the one that has started knows no connection."""
    connection = scene.open_hardware()
    scene.host.restart()
    with pytest.raises(AssertionError, match="the host's close did not come"):
        connection.wait_closed(QUIET_S)
    connection.push(b"are you there")
    connection.wait_closed()


def test_the_machine_restarts_in_the_middle_of_a_restart_of_its_system(scene: Scene) -> None:
    scene.open_hardware()
    for _ in range(3):
        os.kill(scene.host.pid, signal.SIGKILL)
        scene.host.restart()
    assert_works(Scene(scene.bench), b"after all that")


def test_a_driver_that_was_killed_before_is_no_harm(scene: Scene) -> None:
    scene.open_hardware()
    scene.sleep()
    os.kill(scene.host.driver_pid, signal.SIGKILL)
    assert_works(restarted(scene), b"after all that")


def test_nothing_of_the_machine_before_runs_on(scene: Scene) -> None:
    app = scene.app
    pid = scene.timeline.wait("APP_READY", instance=app.instance).pid
    scene.host.restart()
    deadline = Deadline(WAIT_S)
    while Path(f"/proc/{pid}").exists():
        assert not deadline.expired
        deadline.pause()
