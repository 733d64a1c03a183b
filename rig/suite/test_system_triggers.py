"""System triggers: each thing that happens to the host fires the tasks that are registered for it, and no other."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest

from rig.standby.api import SystemTriggerType as Event
from rig.suite.task_scene import TaskScene

EVENTS = [event for event in Event if event not in (Event.INVALID, Event.CONTROL_CHANNEL_RESET)]
"""A reset is a channel's: test_channel_resets.py."""
LAST = Event.DEFAULT_SIGN_IN_ACCOUNT_CHANGE
"""Its task shows that all that was fired before has begun: runs begin in the order in which they were fired."""
APP = "tasks"


def lever(**changes: object) -> Callable[[TaskScene], None]:
    return lambda tasks: tasks.host.levers.set(**changes)


def event(kind: Event) -> Callable[[TaskScene], None]:
    return lambda tasks: tasks.host.levers.event(kind)


def cable(up: bool) -> Callable[[TaskScene], None]:
    def turn(tasks: TaskScene) -> None:
        after = tasks.timeline.mark()
        tasks.host.levers.link(up)
        tasks.timeline.wait("NETWORK_CHANGED", link=up, after=after)

    return turn


CAUSES: list[tuple[str, list[Callable[[TaskScene], None]], set[Event]]] = [
    ("a-short-message", [event(Event.SMS_RECEIVED)], {Event.SMS_RECEIVED}),
    ("the-user-leaves", [lever(user_present=False)], {Event.USER_AWAY}),
    ("the-user-is-back", [lever(user_present=False), lever(user_present=True)], {Event.USER_PRESENT}),
    ("the-cable-out", [cable(False)], {Event.NETWORK_STATE_CHANGE}),
    ("the-cable-in", [cable(False), cable(True)], {Event.NETWORK_STATE_CHANGE, Event.INTERNET_AVAILABLE}),
    ("no-internet", [lever(internet=False)], {Event.NETWORK_STATE_CHANGE}),
    ("internet", [lever(internet=False), lever(internet=True)], {Event.NETWORK_STATE_CHANGE, Event.INTERNET_AVAILABLE}),
    ("a-dear-network", [lever(cost="variable")], {Event.NETWORK_STATE_CHANGE}),
    ("another-user", [lever(session_connected=False), lever(session_connected=True)], {Event.SESSION_CONNECTED}),
    ("an-update", [event(Event.SERVICING_COMPLETE)], {Event.SERVICING_COMPLETE}),
    ("a-tile", [lever(lock_screen=(APP,))], {Event.LOCK_SCREEN_APPLICATION_ADDED}),
    ("no-tile", [lever(lock_screen=(APP,)), lever(lock_screen=())], {Event.LOCK_SCREEN_APPLICATION_REMOVED}),
    ("another-apps-tile", [lever(lock_screen=("other",))], set()),
    ("a-journey", [lever(time_zone="Europe/Oslo")], {Event.TIME_ZONE_CHANGE}),
    ("signed-out", [lever(online_id_connected=False)], {Event.ONLINE_ID_CONNECTED_STATE_CHANGE}),
    ("the-plug-out", [lever(ac=False)], {Event.BACKGROUND_WORK_COST_CHANGE, Event.POWER_STATE_CHANGE}),
    ("another-account", [event(Event.DEFAULT_SIGN_IN_ACCOUNT_CHANGE)], {Event.DEFAULT_SIGN_IN_ACCOUNT_CHANGE}),
    ("quiet-hours", [lever(quiet_hours=True)], set()),
    ("nothing-new", [lever(ac=True, user_present=True, time_zone="UTC")], set()),
]
"""What happens (of several things the last), and the system triggers that it is."""


def name(of: Event) -> str:
    return f"Quick {of.name}"


def register_all(tasks: TaskScene) -> None:
    for kind in EVENTS:
        tasks.register(name(kind), value=int(kind), own_process=False)


def ran(tasks: TaskScene, after: int) -> list[str]:
    """The tasks that have been started since, as the one that is fired now shows: in an app two may overtake one another."""
    last = tasks.fire(LAST)
    tasks.ended(name(LAST), after=last)
    return [run.task for run in tasks.timeline.find("TASK_START", after=after)][:-1]


@pytest.mark.requirement("BGT-017")
@pytest.mark.profile("win10")  # without a tile of its own to begin with
@pytest.mark.parametrize(
    ("causes", "events"), [(c, e) for _, c, e in CAUSES], ids=[words.replace(" ", "-") for words, _, _ in CAUSES]
)
@pytest.mark.host_alone
def test_what_happens_fires_its_tasks_and_no_other(
    tasks: TaskScene, causes: list[Callable[[TaskScene], None]], events: set[Event]
) -> None:
    *before, cause = causes
    for one in before:
        one(tasks)
    register_all(tasks)
    after = tasks.timeline.mark()
    cause(tasks)
    assert sorted(ran(tasks, after)) == sorted(name(event) for event in events)


@pytest.mark.requirement("BGT-017")
@pytest.mark.parametrize("own_process", [True, False])
@pytest.mark.host_alone
def test_one_that_fires_once_is_gone_then_and_another_fires_again(tasks: TaskScene, own_process: bool) -> None:
    tasks.register("Quick once", value=int(Event.TIME_ZONE_CHANGE), one_shot=True, own_process=own_process)
    tasks.register("Quick always", value=int(Event.TIME_ZONE_CHANGE), own_process=own_process)
    assert sorted(tasks.app.call("all_tasks").values()) == ["Quick always", "Quick once"]
    for zone in ("Europe/Oslo", "Asia/Tokyo", "UTC"):
        after = tasks.timeline.mark()
        tasks.host.levers.set(time_zone=zone)
        tasks.ended("Quick always", after=after)
    tasks.ended("Quick once")
    assert (tasks.runs("Quick once"), tasks.runs("Quick always")) == (1, 3)
    assert list(tasks.app.call("all_tasks").values()) == ["Quick always"]


@pytest.mark.requirement("BGT-017")
@pytest.mark.host_alone
def test_an_event_of_one_app_fires_nothing_of_another(tasks: TaskScene) -> None:
    other = tasks.start("other")
    for app, task in ((tasks.app, "Quick mine"), (other, "Quick other")):
        app.call("register", task=task, value=int(Event.SERVICING_COMPLETE), own_process=False)
    tasks.host.levers.event(Event.SERVICING_COMPLETE, app="other")
    tasks.ended("Quick other")
    tasks.assert_no_run("Quick mine")


@pytest.mark.requirement("BGT-017")
def test_what_happens_to_a_sleeping_host_wakes_it_for_its_task(tasks: TaskScene) -> None:
    """The control: what no task is registered for lets it sleep."""
    tasks.register("Quick zone", value=int(Event.TIME_ZONE_CHANGE))
    asleep = tasks.host.enter_standby()
    tasks.host.levers.set(online_id_connected=False)
    tasks.assert_no_run("Quick zone", asleep.seq)
    assert not tasks.timeline.find("SLEEP_EXIT", after=asleep.seq)
    tasks.host.levers.set(time_zone="Europe/Oslo")
    ended = tasks.ended("Quick zone", after=asleep.seq)
    assert tasks.timeline.find("SLEEP_EXIT", after=asleep.seq)
    tasks.timeline.wait("SLEEP_ENTER", after=ended.seq)


@pytest.mark.requirement("BGT-017")
def test_what_its_network_did_while_the_host_slept_is_one_event_at_the_wake(tasks: TaskScene) -> None:
    tasks.register("Quick network", value=int(Event.NETWORK_STATE_CHANGE))
    asleep = tasks.host.enter_standby()
    for up in (False, True, False):
        tasks.host.levers.link(up)
    tasks.assert_no_run("Quick network", asleep.seq)
    tasks.host.exit_standby()
    tasks.ended("Quick network", after=asleep.seq)
    assert tasks.runs("Quick network", asleep.seq) == 1


@pytest.mark.requirement("BGT-017")
@pytest.mark.host_alone
def test_what_its_network_did_while_no_system_ran_the_next_one_tells(tasks: TaskScene) -> None:
    """The control: a system that dies by itself is no change of the network."""
    tasks.register("Quick network", value=int(Event.NETWORK_STATE_CHANGE))
    for unplugged in (False, True):
        after = tasks.timeline.mark()
        os.kill(tasks.host.pid, signal.SIGSTOP)  # it hears of nothing any more
        if unplugged:
            tasks.host.levers.link(False)
        os.kill(tasks.host.pid, signal.SIGKILL)
        started = tasks.timeline.wait("SYSTEM_STARTED", after=after)
        if unplugged:
            tasks.ended("Quick network", after=started.seq)
        else:
            tasks.assert_no_run("Quick network", after)
    assert tasks.runs("Quick network") == 1


@pytest.mark.requirement("BGT-017")
def test_a_sleep_by_itself_is_no_change_of_the_network(tasks: TaskScene) -> None:
    """Its leaving the network, and coming back, is the host's own doing."""
    tasks.register("Quick network", value=int(Event.NETWORK_STATE_CHANGE))
    after = tasks.timeline.mark()
    for _ in range(3):
        tasks.host.enter_standby()
        tasks.host.exit_standby()
    tasks.assert_no_run("Quick network", after)
