"""How the host falls asleep and wakes: apps stopped, the driver asked, and what its notices mean for apps and for the owners of
what the device keeps.

One attempt at a time, begun when the governor says that all is quiet. While an attempt waits for the driver anything may happen:
a timer, the bench, the user. Whoever then needs the host awake says so with a hold and `wake`; the driver does calls in order, so
that its wake comes after the entry.
"""

from __future__ import annotations

from collections.abc import Callable

from rig.standby.system.driver import Driver, DriverNotice
from rig.standby.system.governor import Governor
from rig.standby.system.owners import Owners
from rig.standby.system.power import PowerState, Screen, Sleep
from rig.standby.system.processes import Processes
from rig.standby.wire import nic
from rig.standby.wire.faults import is_foreseen
from rig.timeline import TimelineWriter

NO_WAKE_TIMER = 0
"""The device wakes the host in time for its lease by itself."""


class SleepCycle:
    """The cycle, and what a notice does to it."""

    def __init__(
        self,
        driver: Driver,
        power: PowerState,
        governor: Governor,
        processes: Processes,
        owners: Owners,
        timeline: TimelineWriter,
        on_fault: Callable[[str, BaseException], None],
    ) -> None:
        self._driver = driver
        self._power = power
        self._governor = governor
        self._processes = processes
        self._owners = owners
        self._timeline = timeline
        self._on_fault = on_fault

    async def run(self) -> None:
        """Fall asleep whenever all is quiet, for ever."""
        while True:
            await self._governor.quiet()
            try:
                await self._attempt()
            except Exception as error:
                self._failed(error)

    # -- falling asleep ------------------------------------------------------------------------------------------------

    async def _attempt(self) -> None:
        for app in self._processes:
            self._processes.suspend_if_idle(app)
        asked = any(
            app.suspension.under_way or app.stopping for app in self._processes
        )  # each holds the host awake until it is done
        if asked or any(app.has_unread for app in self._processes):  # perhaps a completed read
            self._governor.touch()
            return
        await self._owners.prepare()
        if not self._governor.may_sleep:  # something happened meanwhile, and touches the governor when it is over
            self._owners.network_is_back()
            return
        self._owners.network_goes()
        self._power.turn_sleep(Sleep.FALLING_ASLEEP)
        outcome = await self._driver.enter(list(self._owners.to_offload()), NO_WAKE_TIMER)
        if isinstance(outcome, nic.NotIdle):
            self._stay_awake()
            self._governor.refused(self._owners.label_of(outcome.key), outcome.reason)
        elif self._power.sleep is Sleep.FALLING_ASLEEP:  # else the device has woken the host again
            self._power.turn_sleep(Sleep.ASLEEP)
            if self._power.screen is Screen.ENTERING_STANDBY:
                self._power.turn_screen(Screen.CONNECTED_STANDBY)

    def _failed(self, error: Exception) -> None:
        """Everything is as before; it is tried again."""
        self._stay_awake()
        self._timeline.add("SLEEP_FAILED", error=str(error))
        if not is_foreseen(error):
            self._on_fault("standby entry", error)
        self._governor.try_later()

    def _stay_awake(self) -> None:
        if self._power.sleep is Sleep.FALLING_ASLEEP:
            self._power.turn_sleep(Sleep.AWAKE)
        self._owners.network_is_back()

    # -- waking --------------------------------------------------------------------------------------------------------

    async def wake(self, cause: str) -> None:
        """The host is awake when this returns. Raises BenchError when the device cannot be had."""
        if not self._power.awake:
            await self._driver.wake(cause)

    async def wake_for_what_is_left(self) -> None:
        """For a system that is a new one, on a host that sleeps: the user may be there, and what is written down as under way is
        to be told to its app again, and the answer heard. Raises as `wake`, and is not tried again: any wake continues such
        apps."""
        if not self._power.in_standby:
            await self.wake("user")
        elif any(app.busy for app in self._processes):
            await self.wake("unfinished")

    def hear(self, notice: DriverNotice) -> None:
        """What the driver says by itself."""
        match notice:
            case nic.Woke():
                self._woke(notice)
            case nic.Lost(key):
                self._owners.lost(key)
            case nic.NoMoreTokens(key):
                self._owners.no_more_tokens(key)
            case nic.Settled():
                for app in self._processes:
                    app.stays_stopped()
                self._governor.touch()
            case nic.DeviceRestarted() | nic.LeaseExpired():
                self._governor.touch()

    def _woke(self, woke: nic.Woke) -> None:
        self._power.turn_sleep(Sleep.AWAKE)
        if self._power.screen is Screen.ENTERING_STANDBY:  # it has slept
            self._power.turn_screen(Screen.CONNECTED_STANDBY)
        for app in self._processes:
            if set(woke.resumed) & set(app.child.pids):
                app.was_resumed()
        self._owners.woke(woke.key, woke.reason)
        self._owners.network_is_back()
        for app in self._processes:
            self._processes.go_on_unfinished(app)
        self._governor.touch()
