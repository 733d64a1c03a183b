"""The driver's place among those that want a processor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


def _nothing() -> None:
    return None


@dataclass(frozen=True)
class Place:
    """`first`: before everybody, so that nothing comes between the device's word and the SIGCONT. `behind`, for what nobody waits
    for: on the processor where an app has just begun the driver would put it aside at each answer of the device's."""

    first: Callable[[], None] = _nothing
    behind: Callable[[], None] = _nothing
