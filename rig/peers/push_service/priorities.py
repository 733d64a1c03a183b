"""Which notifications go at once, which wait: priorities against the host's power (RAW-014)."""

from __future__ import annotations

from enum import Enum, IntEnum

from rig.push_line import Power


class Priority(IntEnum):
    """X-WNS-PRIORITY."""

    HIGH = 1
    MEDIUM = 2
    LOW = 3
    """What a raw notification has that says nothing."""
    VERY_LOW = 4


class Way(Enum):
    NOW = "now"
    BATCHED = "batched"
    """With others, after a while, or with the next that goes."""
    CACHED = "cached"
    """When the power allows it; the newest of its channel alone."""


def way(priority: Priority, power: Power, *, exempt: bool) -> Way:
    """`exempt`: the user lets the app work in the background. Battery saver is of no account on external power."""
    if power.saver and not power.ac:
        return Way.NOW if exempt and priority is not Priority.VERY_LOW else Way.CACHED
    if power.screen_on or power.ac or priority is Priority.HIGH:
        return Way.NOW
    if priority is Priority.VERY_LOW:
        return Way.CACHED
    if exempt:
        return Way.NOW
    return Way.BATCHED if priority is Priority.MEDIUM else Way.CACHED
