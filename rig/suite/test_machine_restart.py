"""The host's machine loses its power and starts again: what lasts, and what is gone."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from rig.clock import Deadline
from rig.manifest.manifest import Manifest
from rig.peers import PushConnection
from rig.standby.api import SystemConditionType, SystemTriggerType
from rig.standby.wire.hresult import ProcessGone
from rig.suite.scene import QUIET_S, Scene
from rig.suite.task_scene import ENTRY, TaskScene

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


def test_an_installed_app_is_launched_again(scene: Scene) -> None:
    """Its process of before has ended, so that it gets another one."""
    scene.host.install(Manifest("declared", entry="rig.suite.declared_app:DeclaredApp"))
    before = scene.host.launch("declared")
    scene.host.restart()
    assert before.ended
    again = scene.host.launch("declared")
    assert again.instance != before.instance
    assert again.call("registered") == []


# -- background tasks --------------------------------------------------------------------------------------------------


@pytest.mark.requirement("BGT-017")
def test_registrations_and_access_last_and_what_fired_once_stays_gone(tasks: TaskScene) -> None:
    tasks.register("Quick once", one_shot=True)
    tasks.register("Quick always")
    tasks.fire_and_end("Quick always")
    tasks.ended("Quick once")
    tasks.host.restart()
    after = tasks.fire()
    assert tasks.ended("Quick always", after=after).reason == "done"
    tasks.assert_no_run("Quick once", after)
    app = tasks.host.start_app("tasks", ENTRY)
    assert list(app.call("all_tasks").values()) == ["Quick always"]
    app.call("register", task="Quick more")


@pytest.mark.requirement("BGT-012")
def test_what_waits_for_a_condition_waits_on_and_runs_once(tasks: TaskScene) -> None:
    tasks.host.levers.set(internet=False)
    tasks.register("Quick waits", conditions=[SystemConditionType.INTERNET_AVAILABLE], one_shot=True)
    after = tasks.fire()
    tasks.timeline.wait("TASK_PENDING", task="Quick waits", after=after)
    tasks.host.restart()
    tasks.assert_no_run("Quick waits", after)
    tasks.host.levers.set(internet=True)
    tasks.ended("Quick waits", after=after)
    tasks.fire()
    tasks.assert_no_run("Quick waits", tasks.timeline.mark())
    assert tasks.runs("Quick waits", after) == 1


def test_a_run_that_the_power_cut_ended_is_over(tasks: TaskScene) -> None:
    """Nobody runs it a second time."""
    tasks.register("Waits")
    tasks.run("Waits", after=tasks.fire())
    tasks.host.restart()
    tasks.assert_no_run("Waits", tasks.timeline.find("MACHINE_RESTART")[0].seq)
    tasks.run("Waits", after=tasks.fire())


def test_a_cable_that_was_pulled_while_the_machine_was_off_is_seen(tasks: TaskScene) -> None:
    tasks.register("Quick network", value=int(SystemTriggerType.NETWORK_STATE_CHANGE))
    tasks.host.kill()
    tasks.host.levers.link(False)
    after = tasks.timeline.mark()
    tasks.host.restart()
    tasks.ended("Quick network", after=after)
