"""Power of the host: what the user sees, and below it whether the host sleeps right now.

In connected standby the screen is off and apps are suspended; the host sleeps (the device owns its identity) whenever nothing
runs, and is awake for the moments in between. POWER records tell the first; SLEEP_ENTER and SLEEP_EXIT, the driver's, the second.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum

from rig.timeline import TimelineWriter


class Screen(Enum):
    """What the user sees."""

    ACTIVE = "active"
    ENTERING_STANDBY = "entering_standby"
    """The screen is off, and the host has not slept since."""
    CONNECTED_STANDBY = "connected_standby"
    SHUTDOWN = "shutdown"


class Sleep(Enum):
    """Whether the host sleeps."""

    AWAKE = "awake"
    FALLING_ASLEEP = "falling_asleep"
    """The driver has been asked; it may be asleep already, or even awake again."""
    ASLEEP = "asleep"


SCREEN_EDGES: Mapping[Screen, frozenset[Screen]] = {
    Screen.ACTIVE: frozenset({Screen.ENTERING_STANDBY, Screen.SHUTDOWN}),
    Screen.ENTERING_STANDBY: frozenset({Screen.CONNECTED_STANDBY, Screen.ACTIVE, Screen.SHUTDOWN}),
    Screen.CONNECTED_STANDBY: frozenset({Screen.ACTIVE, Screen.SHUTDOWN}),
    Screen.SHUTDOWN: frozenset(),
}
SLEEP_EDGES: Mapping[Sleep, frozenset[Sleep]] = {
    Sleep.AWAKE: frozenset({Sleep.FALLING_ASLEEP}),
    Sleep.FALLING_ASLEEP: frozenset({Sleep.ASLEEP, Sleep.AWAKE}),
    Sleep.ASLEEP: frozenset({Sleep.AWAKE}),
}


class IllegalEdge(RuntimeError):
    """A change of state that cannot be: a bug of the system."""


class PowerState:
    """One setter for each part; staying where it is changes nothing and writes nothing."""

    def __init__(self, timeline: TimelineWriter, screen: Screen = Screen.ACTIVE, sleep: Sleep = Sleep.AWAKE) -> None:
        self._timeline = timeline
        self._screen = screen
        self._sleep = sleep
        self._listeners: list[Callable[[], None]] = []

    @property
    def screen(self) -> Screen:
        return self._screen

    @property
    def sleep(self) -> Sleep:
        return self._sleep

    @property
    def in_standby(self) -> bool:
        return self._screen in (Screen.ENTERING_STANDBY, Screen.CONNECTED_STANDBY)

    @property
    def awake(self) -> bool:
        """Whether the host has its network to itself, for certain."""
        return self._sleep is Sleep.AWAKE

    def subscribe(self, heard: Callable[[], None]) -> None:
        """It is called after each change of screen or sleep."""
        self._listeners.append(heard)

    def turn_screen(self, screen: Screen) -> None:
        """Raises IllegalEdge."""
        if screen is self._screen:
            return
        if screen not in SCREEN_EDGES[self._screen]:
            raise IllegalEdge(f"the screen cannot go from {self._screen.value} to {screen.value}")
        self._timeline.add("POWER", state=screen.value, before=self._screen.value)
        self._screen = screen
        self._tell()

    def turn_sleep(self, sleep: Sleep) -> None:
        """Raises IllegalEdge."""
        if sleep is self._sleep:
            return
        if sleep not in SLEEP_EDGES[self._sleep]:
            raise IllegalEdge(f"sleep cannot go from {self._sleep.value} to {sleep.value}")
        self._sleep = sleep
        self._tell()

    def _tell(self) -> None:
        for heard in self._listeners:
            heard()
