"""Where the driver is between awake and asleep: one setter, and the changes that there are."""

from __future__ import annotations

from enum import Enum

from rig.errors import RigBug


class Phase(Enum):
    """AWAKE -> ENTERING -> ASLEEP -> WAKING -> SETTLING -> AWAKE. It begins with TAKING_OVER, and MENDING leads to AWAKE."""

    TAKING_OVER = "taking over"
    """Nothing is known of the device yet: where there was a driver before, the host may sleep."""

    AWAKE = "awake"
    """The host is on the network, the device in D0."""
    ENTERING = "entering"
    ASLEEP = "asleep"
    """The device speaks for the host, or has refused to and waits to be woken from (WAKE_PENDING)."""
    WAKING = "waking"
    SETTLING = "settling"
    """The host is on the network, frames may be left on the device."""
    MENDING = "mending"
    """Something went wrong. The host is on the network as far as the kernel lets it, and what is left to do is tried again."""


EDGES: dict[Phase, frozenset[Phase]] = {
    Phase.TAKING_OVER: frozenset({Phase.AWAKE, Phase.ASLEEP, Phase.MENDING}),
    Phase.AWAKE: frozenset({Phase.ENTERING, Phase.MENDING}),
    Phase.ENTERING: frozenset({Phase.ASLEEP, Phase.AWAKE, Phase.MENDING}),
    Phase.ASLEEP: frozenset({Phase.WAKING, Phase.MENDING}),
    Phase.WAKING: frozenset({Phase.SETTLING, Phase.MENDING}),
    Phase.SETTLING: frozenset({Phase.AWAKE, Phase.MENDING}),
    Phase.MENDING: frozenset({Phase.AWAKE, Phase.MENDING}),
}


class PhaseState:
    """Holds the phase."""

    def __init__(self, phase: Phase = Phase.TAKING_OVER) -> None:
        self._now = phase

    @property
    def now(self) -> Phase:
        return self._now

    def change(self, to: Phase) -> None:
        """Raises RigBug RIG-X07 for a change that there is not."""
        if to not in EDGES[self._now]:
            raise RigBug("RIG-X07", f"the driver cannot go from {self._now.value} to {to.value}")
        self._now = to
