"""Processes of the host that die: what they held is free again, and the rest goes on."""

from __future__ import annotations

import os
import signal

import pytest

from rig.config import StandbyConfig
from rig.standby.api import ControlChannelTriggerStatus as Status
from rig.standby.news import HostGone
from rig.suite.scene import Scene


def kill_app(scene: Scene, name: str = "chat") -> None:
    """SIGKILL, as the system's out-of-memory killer does it."""
    os.kill(scene.timeline.wait("APP_READY", app=name).pid, signal.SIGKILL)
    scene.timeline.wait("APP_TERMINATED", app=name)


@pytest.mark.requirement("CCT-044")
@pytest.mark.bench_config(standby=StandbyConfig(hw_slots_total=1))
def test_a_killed_apps_slot_goes_to_the_next_app(scene: Scene) -> None:
    scene.open_hardware()
    kill_app(scene)
    for event in ("SLOT_FREE", "NIC_PATTERN_DEL"):
        scene.timeline.wait(event, channel="inbox")
    assert scene.device.slots() == ()
    other = scene.start_app("other")
    scene.open_hardware("inbox", app=other)


@pytest.mark.bench_config(standby=StandbyConfig(hw_slots_per_app=1))
def test_an_app_killed_while_the_host_sleeps_takes_nobody_along(scene: Scene) -> None:
    scene.open_hardware()
    other = scene.start_app("other")
    connection = scene.open_hardware("mail", app=other)
    scene.sleep()
    kill_app(scene)
    scene.push_and_run(connection, b"for the living", "mail")
    scene.host.exit_standby()
    assert other.call("messages", channel="mail") == [b"for the living"]
    assert len(scene.device.slots()) == 1


def test_records_of_two_apps_of_one_name_say_whose_they_are(scene: Scene) -> None:
    first, second = scene.app, scene.start_app("chat")
    assert first.name == second.name
    connections = [scene.open_hardware(channel, app=app) for app, channel in ((first, "inbox"), (second, "mail"))]
    for app, channel, connection in zip((first, second), ("inbox", "mail"), connections, strict=True):
        after = scene.sleep()
        scene.push_and_run(connection, b"to " + channel.encode(), channel)
        scene.timeline.wait("SLEEP_ENTER", after=after + 1)
        for event in ("NIC_WAKE", "APP_RESUME", "READ_COMPLETE_ENTER", "READ_COMPLETE_EXIT", "READ_POST"):
            assert {record.instance for record in scene.timeline.find(event, after=after)} == {app.instance}, event
        for event in ("RUN_ENTER", "RUN_EXIT"):
            assert [record.app_instance for record in scene.timeline.find(event, after=after)] == [app.instance], event
        scene.host.exit_standby()


@pytest.mark.requirement("CCT-043")
@pytest.mark.parametrize("asleep", [False, True], ids=["active", "asleep"])
def test_two_processes_of_an_app_have_each_a_channel_of_the_same_id(scene: Scene, asleep: bool) -> None:
    """A push on one runs the task of the process whose it is, and nothing of the other's."""
    apps = [scene.app, scene.start_app("chat")]
    connections = [scene.open_hardware("inbox", app=app) for app in apps]
    for app, connection, data in zip(apps, connections, (b"to the first", b"to the second"), strict=True):
        if asleep:
            scene.sleep()
        after = scene.timeline.mark()
        scene.push_and_run(connection, data)
        scene.timeline.wait("TASK_END", kind="push", after=after)
        ran = [record.process_instance for record in scene.timeline.find("TASK_START", after=after)]
        assert ran == [app.instance], "processes in which a push on this one's channel has run a task"
        scene.host.exit_standby()
    assert [app.call("messages", channel="inbox") for app in apps] == [[b"to the first"], [b"to the second"]]


def die_unheard(scene: Scene, busy_since: str, last_sign: str, after: int) -> None:
    """The app is killed when it has said `last_sign`, which the service reads afterwards; before, both stop at `busy_since`."""
    scene.timeline.wait(busy_since, after=after)
    os.kill(scene.host.pid, signal.SIGSTOP)
    try:
        scene.app.call("hold", at="")
        scene.timeline.wait(last_sign, after=after)
        if last_sign == "READ_COMPLETE_EXIT":
            scene.app.call("messages", channel="inbox")  # so much later the message behind that record is on its way
        os.kill(scene.timeline.wait("APP_READY", app="chat").pid, signal.SIGKILL)
    finally:
        os.kill(scene.host.pid, signal.SIGCONT)


@pytest.mark.parametrize(("busy_since", "last_sign"), [("READ_COMPLETE_ENTER", "READ_COMPLETE_EXIT"), ("RUN_ENTER", "RUN_EXIT")])
def test_an_app_that_died_before_its_last_message_was_read_takes_nobody_along(
    scene: Scene, busy_since: str, last_sign: str
) -> None:
    """The service answers that message with a task to run, or with a suspension, and the app is not there any more."""
    connection = scene.open_hardware()
    scene.app.call("hold", at=busy_since)
    after = scene.sleep()
    connection.push(b"last words")
    die_unheard(scene, busy_since, last_sign, after)
    scene.timeline.wait("APP_TERMINATED", app="chat", after=after)
    scene.host.exit_standby()
    scene.open_hardware("inbox", app=scene.start_app("other"))


def test_a_host_that_is_gone_is_said(scene: Scene) -> None:
    """As what it is, a bench that broke: whatever is tested, its verdict would not be about that."""
    scene.open_hardware()
    scene.host.kill()
    with pytest.raises(HostGone, match="the standby host is gone"):
        scene.host.exit_standby()


@pytest.mark.requirement("CCT-019")
def test_an_app_that_comes_back_starts_with_all_its_slots(scene: Scene) -> None:
    for _ in range(3):
        app = scene.start_app("again")
        for channel in ("one", "two"):
            assert scene.open(channel, app=app) is Status.HARDWARE_SLOT_ALLOCATED
        after = scene.timeline.mark()
        os.kill(scene.timeline.find("APP_READY", app="again")[-1].pid, signal.SIGKILL)
        scene.timeline.wait("APP_TERMINATED", app="again", after=after)
    assert scene.device.slots() == ()
