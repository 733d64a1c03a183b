"""Conditions and system events, as tables over the host's situation."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from rig.standby.system.network import NetworkState
from rig.standby.system.situation import Situation
from rig.standby.system.tasks.conditions import TABLE, first_lost, holds
from rig.standby.system.tasks.triggers.system_changes import Happened, events_of
from rig.standby.wire.surroundings import LOCK_SCREEN_APPS, NetworkCostType, Surroundings
from rig.standby.wire.task_enums import BackgroundWorkCostValue as Cost
from rig.standby.wire.task_enums import SystemConditionType as Condition
from rig.standby.wire.task_enums import SystemTriggerType as Event
from tests.standby.fake_network import CONNECTED, NO_ADDRESS, NO_LINK


def situation(network: NetworkState | None = None, screen_on: bool = True, **around: Any) -> Situation:
    return Situation(Surroundings(**around), network or CONNECTED, screen_on)


def test_every_condition_has_its_line() -> None:
    assert set(TABLE) == set(Condition) - {Condition.INVALID}


@pytest.mark.parametrize(
    ("condition", "holds_in", "lost_in"),
    [
        (Condition.USER_PRESENT, situation(), situation(user_present=False)),
        (Condition.USER_NOT_PRESENT, situation(user_present=False), situation()),
        (Condition.INTERNET_AVAILABLE, situation(), situation(NO_LINK)),
        (Condition.INTERNET_AVAILABLE, situation(cost=NetworkCostType.FIXED), situation(NO_ADDRESS)),
        (Condition.INTERNET_AVAILABLE, situation(roaming=True), situation(internet=False)),
        (Condition.INTERNET_NOT_AVAILABLE, situation(NO_LINK), situation()),
        (Condition.INTERNET_NOT_AVAILABLE, situation(internet=False), situation(cost=NetworkCostType.FIXED)),
        (Condition.SESSION_CONNECTED, situation(), situation(session_connected=False)),
        (Condition.SESSION_DISCONNECTED, situation(session_connected=False), situation()),
        (Condition.FREE_NETWORK_AVAILABLE, situation(), situation(cost=NetworkCostType.FIXED)),
        (Condition.FREE_NETWORK_AVAILABLE, situation(), situation(cost=NetworkCostType.UNKNOWN)),
        (Condition.FREE_NETWORK_AVAILABLE, situation(), situation(roaming=True)),
        (Condition.FREE_NETWORK_AVAILABLE, situation(), situation(NO_LINK)),
        (Condition.BACKGROUND_WORK_COST_NOT_HIGH, situation(screen_on=False), situation(ac=False, screen_on=False)),
        (Condition.BACKGROUND_WORK_COST_NOT_HIGH, situation(ac=False), situation(ac=False, screen_on=False)),
    ],
)
def test_a_condition_holds_and_is_lost(condition: Condition, holds_in: Situation, lost_in: Situation) -> None:
    assert holds(condition, holds_in)
    assert not holds(condition, lost_in)


def test_all_conditions_must_hold_and_the_first_that_does_not_is_named() -> None:
    wanted = (Condition.USER_PRESENT, Condition.INTERNET_AVAILABLE, Condition.SESSION_CONNECTED)
    assert first_lost(wanted, situation()) is None
    assert first_lost(wanted, situation(NO_LINK, session_connected=False)) is Condition.INTERNET_AVAILABLE


@pytest.mark.parametrize(
    ("ac", "screen_on", "cost"),
    [(True, True, Cost.LOW), (True, False, Cost.LOW), (False, True, Cost.MEDIUM), (False, False, Cost.HIGH)],
)
def test_work_cost(ac: bool, screen_on: bool, cost: Cost) -> None:
    assert situation(ac=ac, screen_on=screen_on).work_cost is cost


CHANGES: list[tuple[Situation, Situation, set[Event]]] = [
    (situation(user_present=False), situation(), {Event.USER_PRESENT}),
    (situation(), situation(user_present=False), {Event.USER_AWAY}),
    (situation(), situation(NO_LINK), {Event.NETWORK_STATE_CHANGE}),
    (situation(NO_LINK), situation(), {Event.NETWORK_STATE_CHANGE, Event.INTERNET_AVAILABLE}),
    (situation(NO_ADDRESS), situation(), {Event.NETWORK_STATE_CHANGE, Event.INTERNET_AVAILABLE}),
    (situation(NO_ADDRESS), situation(internet=False), {Event.NETWORK_STATE_CHANGE}),
    (situation(internet=False), situation(), {Event.NETWORK_STATE_CHANGE, Event.INTERNET_AVAILABLE}),
    (situation(), situation(cost=NetworkCostType.FIXED), {Event.NETWORK_STATE_CHANGE}),
    (situation(session_connected=False), situation(), {Event.SESSION_CONNECTED}),
    (situation(), situation(session_connected=False), set()),
    (situation(), situation(time_zone="Europe/Oslo"), {Event.TIME_ZONE_CHANGE}),
    (situation(), situation(online_id_connected=False), {Event.ONLINE_ID_CONNECTED_STATE_CHANGE}),
    (situation(online_id_connected=False), situation(), {Event.ONLINE_ID_CONNECTED_STATE_CHANGE}),
    (situation(), situation(ac=False), {Event.BACKGROUND_WORK_COST_CHANGE, Event.POWER_STATE_CHANGE}),
    (situation(ac=False), situation(ac=False, screen_on=False), {Event.BACKGROUND_WORK_COST_CHANGE}),
    (situation(), situation(screen_on=False), set()),
    (
        situation(ac=False, energy_saver=True),
        situation(ac=False, energy_saver=True, battery_percent=19),
        {Event.POWER_STATE_CHANGE},
    ),
    (situation(), situation(battery_percent=19), set()),
    (situation(), situation(quiet_hours=True), set()),
    (situation(), situation(), set()),
]


@pytest.mark.parametrize(("before", "after", "events"), CHANGES)
def test_a_change_is_these_system_events_and_no_other(before: Situation, after: Situation, events: set[Event]) -> None:
    happened = events_of(before, after)
    assert {h.event for h in happened} == events
    assert len(happened) == len(events)
    assert all(h.package is None for h in happened)


def test_a_tile_that_comes_or_goes_concerns_its_app_alone() -> None:
    before, after = situation(lock_screen=("chat", "mail")), situation(lock_screen=("mail", "news"))
    assert events_of(before, after) == [
        Happened(Event.LOCK_SCREEN_APPLICATION_ADDED, "news"),
        Happened(Event.LOCK_SCREEN_APPLICATION_REMOVED, "chat"),
    ]


def test_only_what_no_situation_shows_is_in_no_line() -> None:
    shown = {event for _, _, events in CHANGES for event in events}
    shown |= {Event.LOCK_SCREEN_APPLICATION_ADDED, Event.LOCK_SCREEN_APPLICATION_REMOVED}
    assert set(Event) - shown == {
        Event.INVALID,
        Event.SMS_RECEIVED,
        Event.CONTROL_CHANNEL_RESET,
        Event.SERVICING_COMPLETE,
        Event.DEFAULT_SIGN_IN_ACCOUNT_CHANGE,
    }


@pytest.mark.parametrize(
    ("around", "saves"),
    [
        ({"energy_saver": True, "ac": False, "battery_percent": 19}, True),
        ({"energy_saver": False, "ac": False, "battery_percent": 19}, False),
        ({"energy_saver": True, "ac": True, "battery_percent": 19}, False),
        ({"energy_saver": True, "ac": False, "battery_percent": 20}, False),
        ({"energy_saver": True, "ac": False, "battery_percent": 20, "energy_saver_below_percent": 21}, True),
    ],
)
def test_the_energy_saver_saves_on_battery_below_its_threshold(around: dict[str, Any], saves: bool) -> None:
    assert Surroundings(**around).energy_saver_on is saves


def test_an_eighth_app_has_no_place_on_the_lock_screen() -> None:
    seven = [f"app {n}" for n in range(LOCK_SCREEN_APPS)]
    assert msgspec.convert({"lock_screen": seven}, Surroundings).lock_screen == tuple(seven)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"lock_screen": [*seven, "one more"]}, Surroundings)
