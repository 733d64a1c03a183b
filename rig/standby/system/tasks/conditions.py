"""Conditions of background tasks: a task whose trigger has fired waits until all of its own hold (BGT-012)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from rig.standby.system.situation import Situation
from rig.standby.wire.task_enums import BackgroundWorkCostValue
from rig.standby.wire.task_enums import SystemConditionType as Condition

TABLE: Mapping[Condition, Callable[[Situation], bool]] = {
    Condition.USER_PRESENT: lambda now: now.surroundings.user_present,
    Condition.USER_NOT_PRESENT: lambda now: not now.surroundings.user_present,
    Condition.INTERNET_AVAILABLE: lambda now: now.internet_available,
    Condition.INTERNET_NOT_AVAILABLE: lambda now: not now.internet_available,
    Condition.SESSION_CONNECTED: lambda now: now.surroundings.session_connected,
    Condition.SESSION_DISCONNECTED: lambda now: not now.surroundings.session_connected,
    Condition.FREE_NETWORK_AVAILABLE: lambda now: now.free_network,
    Condition.BACKGROUND_WORK_COST_NOT_HIGH: lambda now: now.work_cost is not BackgroundWorkCostValue.HIGH,
}
"""All but INVALID, which no registration may have."""


def holds(condition: Condition, now: Situation) -> bool:
    """Raises KeyError for INVALID."""
    return TABLE[condition](now)


def first_lost(conditions: Iterable[Condition], now: Situation) -> Condition | None:
    """The first that does not hold; None: all do."""
    return next((condition for condition in conditions if not holds(condition, now)), None)
