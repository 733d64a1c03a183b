"""Power state of the host: what the user sees, and below it whether the host sleeps right now.

In connected standby the screen is off and apps are suspended; the host sleeps (the device owns its identity) whenever
nothing runs, and is awake for the moments in between. POWER records tell the first, SLEEP_ENTER and SLEEP_EXIT, which the driver
of the device writes, the second.
"""

from __future__ import annotations

from enum import Enum

from rig.timeline import TimelineWriter


class Power(Enum):
    ACTIVE = "active"
    ENTERING_STANDBY = "entering_standby"
    CONNECTED_STANDBY = "connected_standby"
    SHUTDOWN = "shutdown"


class PowerState:
    """One setter for each part."""

    def __init__(self, timeline: TimelineWriter) -> None:
        self._timeline = timeline
        self._state = Power.ACTIVE
        self.asleep = False

    @property
    def state(self) -> Power:
        return self._state

    @property
    def in_standby(self) -> bool:
        return self._state in (Power.ENTERING_STANDBY, Power.CONNECTED_STANDBY)

    def change(self, state: Power) -> None:
        if state is not self._state:
            self._timeline.add("POWER", state=state.value, before=self._state.value)
            self._state = state

    def fall_asleep(self) -> None:
        self.asleep = True
        self.change(Power.CONNECTED_STANDBY)

    def wake_up(self) -> None:
        self.asleep = False
