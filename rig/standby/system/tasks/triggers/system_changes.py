"""From a change of the host's situation to the system events that it is (BGT-017)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rig.standby.system.situation import Situation
from rig.standby.wire.task_enums import SystemTriggerType as Event
from rig.standby.wire.triggers import AnyDetails


@dataclass(frozen=True)
class Happened:
    """A system event. With a `package` it concerns that app alone."""

    event: Event
    package: str | None = None
    details: AnyDetails | None = None


def events_of(before: Situation, after: Situation) -> list[Happened]:
    """In the order of the enumeration's values. The others do not show in a situation: an SMS, a servicing, a channel's reset."""
    return [Happened(event) for event in _of_all(before, after)] + [*_of_lock_screen(before, after)]


def _of_all(before: Situation, after: Situation) -> Iterator[Event]:
    old, new = before.surroundings, after.surroundings
    if old.user_present != new.user_present:
        yield Event.USER_PRESENT if new.user_present else Event.USER_AWAY
    if _network(before) != _network(after):
        yield Event.NETWORK_STATE_CHANGE
    if after.internet_available and not before.internet_available:
        yield Event.INTERNET_AVAILABLE
    if new.session_connected and not old.session_connected:
        yield Event.SESSION_CONNECTED
    if old.time_zone != new.time_zone:
        yield Event.TIME_ZONE_CHANGE
    if old.online_id_connected != new.online_id_connected:
        yield Event.ONLINE_ID_CONNECTED_STATE_CHANGE
    if before.work_cost != after.work_cost:
        yield Event.BACKGROUND_WORK_COST_CHANGE
    if (old.ac, old.energy_saver_on) != (new.ac, new.energy_saver_on):
        yield Event.POWER_STATE_CHANGE


def _network(now: Situation) -> tuple[object, ...]:
    """What an app sees of it: link, addresses, whether it leads anywhere, and its price."""
    around = now.surroundings
    limits = (around.over_data_limit, around.approaching_data_limit, around.background_data_restricted)
    return (now.network, around.internet, around.cost, around.roaming, *limits)


def _of_lock_screen(before: Situation, after: Situation) -> Iterator[Happened]:
    """Each concerns the app whose tile came or went."""
    old, new = before.surroundings.lock_screen, after.surroundings.lock_screen
    yield from (Happened(Event.LOCK_SCREEN_APPLICATION_ADDED, package) for package in new if package not in old)
    yield from (Happened(Event.LOCK_SCREEN_APPLICATION_REMOVED, package) for package in old if package not in new)
