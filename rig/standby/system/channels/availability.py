"""Whether channels can be had at all: not while another user has the screen, nor in quiet hours (CCT-025).

The catalogue's word is a broker that is not ready; the broker of sockets is another one. What the reason is called is what a
ControlChannelReset says when it is over (CCT-046).
"""

from __future__ import annotations

from rig.standby.system.surroundings import HostSurroundings
from rig.standby.wire.surroundings import Surroundings
from rig.standby.wire.task_enums import ControlChannelTriggerResetReason as Reason


class ChannelAvailability:
    def __init__(self, surroundings: HostSurroundings) -> None:
        self._surroundings = surroundings

    @property
    def away(self) -> list[Reason]:
        """Why it is not ready; empty when it is."""
        return away_in(self._surroundings.now)

    @property
    def ready(self) -> bool:
        return not self.away


def away_in(now: Surroundings) -> list[Reason]:
    switched = [] if now.session_connected else [Reason.FAST_USER_SWITCHED]
    return [*switched, *([Reason.QUIET_HOURS_EXIT] if now.quiet_hours else [])]
