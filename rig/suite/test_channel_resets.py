"""Channels that the system takes away, and gives again: a switch of users, standby, quiet hours, an app that runs again.

The app is channel_app.py: its reset task builds again what was lost.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

import pytest

from rig.config import StandbyConfig
from rig.standby.api import ControlChannelTriggerResetReason as Reason
from rig.standby.api import ControlChannelTriggerStatus as Status
from rig.standby.api import HostError, HResult
from rig.standby.app_handle import AppHandle
from rig.suite.refusal import assert_refused
from rig.suite.scene import Scene

APP = "rig.suite.channel_app:ChannelApp"
NAME = "resets"


def server_of(scene: Scene) -> dict[str, Any]:
    return {"host": scene.bench.server.address, "port": scene.bench.server.port}


def with_both(scene: Scene) -> AppHandle:
    """A channel of each kind, and the reset task."""
    app = scene.host.start_app(NAME, APP)
    app.call("request_access")
    app.call("register_for_resets")
    set_up_both(scene, app)
    return app


def set_up_both(scene: Scene, app: AppHandle) -> None:
    assert app.call("set_up", channel="hard", hardware=True, **server_of(scene)) == Status.HARDWARE_SLOT_ALLOCATED
    assert app.call("set_up", channel="soft", hardware=False, **server_of(scene)) == Status.SOFTWARE_SLOT_ALLOCATED


def switch_users(scene: Scene) -> None:
    scene.host.levers.session_switch()


def quiet_hours(scene: Scene) -> None:
    scene.host.levers.set(quiet_hours=True)
    scene.host.levers.set(quiet_hours=False)


def standby(scene: Scene) -> None:
    scene.sleep()
    scene.host.exit_standby()


@pytest.mark.requirement("CCT-046", "CCT-047")
@pytest.mark.parametrize(
    ("cause", "reason", "hardware"),
    [
        (switch_users, Reason.FAST_USER_SWITCHED, True),
        (standby, Reason.LOW_POWER_EXIT, False),
        (quiet_hours, Reason.QUIET_HOURS_EXIT, True),
    ],
)
def test_the_reset_task_is_told_what_was_lost_and_builds_it_again(
    scene: Scene, cause: Callable[[Scene], None], reason: Reason, hardware: bool
) -> None:
    with_both(scene)
    hard = scene.bench.server.connection(0)
    after = scene.timeline.mark()
    cause(scene)
    run = scene.timeline.wait("reset-task", after=after)
    assert (run.reason, run.hardware, run.software) == (reason, hardware, True)
    assert scene.timeline.wait("RUN_EXIT", task="resets", after=after).fault is None
    again = [scene.bench.server.connection(2 + number) for number in range(1 + hardware)]
    assert len(scene.timeline.find("CONNECT_END", after=after)) == len(again), "a hardware slot survives standby"
    for name, connection in zip(("hard", "soft"), again if hardware else [hard, *again], strict=True):
        scene.push_and_run(connection, b"built again", name)
    assert len(scene.device.slots()) == 1
    assert len(scene.timeline.find("RUN_ENTER", task="resets", after=after)) == 1


@pytest.mark.requirement("CCT-046")
def test_an_app_that_runs_again_is_told_what_it_had(scene: Scene) -> None:
    with_both(scene)
    os.kill(scene.timeline.find("APP_READY", app=NAME)[-1].pid, signal.SIGKILL)
    scene.timeline.wait("APP_TERMINATED", app=NAME)
    after = scene.timeline.mark()
    app = scene.host.start_app(NAME, APP)
    run = scene.timeline.wait("reset-task", after=after)
    assert (run.reason, run.hardware, run.software) == (Reason.APPLICATION_RESTART, True, True)
    scene.timeline.wait("RUN_EXIT", task="resets", after=run.seq)  # it would build again what is being built here
    set_up_both(scene, app)
    scene.push_and_run(scene.bench.server.connection(2), b"again", "hard")


@pytest.mark.requirement("CCT-046")
@pytest.mark.parametrize("asleep", [False, True], ids=["active", "asleep"])
def test_after_a_restart_of_the_machine_an_app_is_told_what_it_had(scene: Scene, asleep: bool) -> None:
    """Also of the software slot that the standby had taken, which the machine did not live to leave."""
    with_both(scene)
    if asleep:
        scene.sleep()
    scene.host.restart()
    after = scene.timeline.mark()
    app = scene.host.start_app(NAME, APP)
    run = scene.timeline.wait("reset-task", after=after)
    assert (run.reason, run.hardware, run.software) == (Reason.APPLICATION_RESTART, True, True)
    assert len(scene.timeline.find("RESET", after=after)) == 1
    scene.timeline.wait("RUN_EXIT", task="resets", after=run.seq)
    set_up_both(scene, app)
    assert len(scene.device.slots()) == 1


@pytest.mark.requirement("CCT-046", "CCT-047")
@pytest.mark.parametrize("lever", ["session_connected", "quiet_hours", "standby"])
def test_what_was_reset_fires_no_more(scene: Scene, lever: str) -> None:
    """The negative control of its being built again: the app has no reset task."""
    app = scene.host.start_app(NAME, APP)
    app.call("request_access")
    set_up_both(scene, app)
    hard, soft = (scene.bench.server.connection(number) for number in (0, 1))
    if lever == "standby":
        standby(scene)
    else:
        scene.host.levers.set(**{lever: lever == "quiet_hours"})
    survives = lever == "standby"
    after = scene.timeline.mark()
    for connection in [soft] if survives else [hard, soft]:
        connection.push(b"to a dead channel")
    scene.assert_no_wake(after)
    assert not scene.timeline.find("USAGE_FAULT")
    assert len(scene.device.slots()) == survives
    if survives:
        scene.push_and_run(hard, b"alive", "hard")
    assert Status(app.call("wait", channel="soft")) is Status.SERVICE_UNAVAILABLE


@pytest.mark.requirement("CCT-041", "CCT-046")
@pytest.mark.bench_config(standby=StandbyConfig(hw_slots_total=1))
@pytest.mark.parametrize("cause", [switch_users, quiet_hours])
def test_a_slot_that_was_taken_away_is_there_for_the_next_app(scene: Scene, cause: Callable[[Scene], None]) -> None:
    """Though the app that had it neither builds its channel again nor closes it. The control: before that there is none."""
    first, other = (scene.host.start_app(name, APP) for name in (NAME, "other"))
    for app in (first, other):
        app.call("request_access")
    assert first.call("set_up", channel="hard", hardware=True, **server_of(scene)) == Status.HARDWARE_SLOT_ALLOCATED
    assert_refused(other, HResult.NO_SLOT, "set_up", channel="hard", hardware=True, **server_of(scene))
    other.call("close", channel="hard")
    after = scene.timeline.mark()
    cause(scene)
    scene.timeline.wait("SLOT_FREE", app=NAME, after=after)
    assert other.call("set_up", channel="hard", hardware=True, **server_of(scene)) == Status.HARDWARE_SLOT_ALLOCATED
    scene.push_and_run(scene.bench.server.connection(1), b"for the next", "hard")


@pytest.mark.requirement("CCT-047")
def test_a_host_that_did_not_come_to_sleep_has_taken_no_software_slot(scene: Scene) -> None:
    """What its app has sent nobody acknowledges: the driver refuses each attempt, until the user is back."""
    app = with_both(scene)
    after = scene.timeline.mark()
    with scene.bench.network.unplugged("server"):
        app.call("write_and_flush", channel="hard", data=b"nobody hears it", times=1)
        scene.host.begin_standby()
        scene.timeline.wait("SLEEP_REFUSED", holder=f"app {NAME}/{app.instance}, channel hard", after=after)
        assert [record.state for record in scene.timeline.find("POWER", after=after)] == ["entering_standby"], "it is awake"
        scene.host.exit_standby()
    scene.push_and_run(scene.bench.server.connection(1), b"still there", "soft")
    assert not scene.timeline.find("RESET", after=after)


@pytest.mark.requirement("CCT-025")
def test_while_another_user_has_the_screen_the_broker_is_not_ready(scene: Scene) -> None:
    """The channel is refused, the app waits for the reset, and then gets it."""
    app = scene.host.start_app(NAME, APP)
    app.call("request_access")
    app.call("register_for_resets")
    scene.host.levers.set(session_connected=False)
    for channel, hardware in (("hard", True), ("soft", False)):
        status = app.call("set_up", channel=channel, hardware=hardware, **server_of(scene))
        assert Status(status) is Status.SERVICE_UNAVAILABLE
    assert scene.device.slots() == ()
    after = scene.timeline.mark()
    scene.host.levers.set(session_connected=True)
    assert scene.timeline.wait("reset-task", after=after).reason == Reason.FAST_USER_SWITCHED
    scene.timeline.wait("RUN_EXIT", task="resets", after=after)
    assert len(scene.device.slots()) == 1
    _, _, _, soft = (scene.bench.server.connection(number) for number in range(4))  # each channel's refused one, then its own
    scene.push_and_run(soft, b"for the user", "soft")


@pytest.mark.requirement("CCT-045")
def test_resets_are_registered_with_a_repeating_trigger(scene: Scene) -> None:
    app = with_both(scene)
    with pytest.raises(HostError) as refused:
        app.call("register_for_resets", one_shot=True)
    assert refused.value.hresult is HResult.INVALID_ARG
    for _ in range(2):
        after = scene.timeline.mark()
        switch_users(scene)
        scene.timeline.wait("RUN_EXIT", task="resets", after=after)
