"""How the host falls asleep and wakes: apps stopped, the driver asked, and what its notices mean for apps and channels.

One attempt at a time, begun when the governor says that all is quiet. While an attempt waits for the driver anything may happen:
a timer, the bench, the user. Whoever then needs the host awake says so with a hold and `wake`; the driver does calls in order, so
that its wake comes after the entry.
"""

from __future__ import annotations

from collections.abc import Callable

from rig.device.numbers import WakeReason
from rig.standby.system.channels.channel import Channel
from rig.standby.system.channels.setup import ChannelSetup
from rig.standby.system.channels.table import ChannelTable
from rig.standby.system.channels.watch import TransportWatch
from rig.standby.system.driver import Driver, DriverNotice
from rig.standby.system.governor import Governor
from rig.standby.system.power import PowerState, Screen, Sleep
from rig.standby.system.processes import Processes
from rig.standby.system.tasks.runs import Tasks
from rig.standby.wire import nic
from rig.standby.wire.faults import is_foreseen
from rig.standby.wire.to_app import TransportFailed
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
        watch: TransportWatch,
        table: ChannelTable,
        setup: ChannelSetup,
        tasks: Tasks,
        timeline: TimelineWriter,
        on_fault: Callable[[str, BaseException], None],
    ) -> None:
        self._driver = driver
        self._power = power
        self._governor = governor
        self._processes = processes
        self._watch = watch
        self._table = table
        self._setup = setup
        self._tasks = tasks
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
        if any(app.has_unread for app in self._processes):  # perhaps a completed read
            self._governor.touch()
            return
        await self._prepare()
        if not self._governor.may_sleep:  # something happened meanwhile, and touches the governor when it is over
            return
        self._watch.stop_all()
        self._power.turn_sleep(Sleep.FALLING_ASLEEP)
        keys = [channel.key for channel in self._table if channel.offloaded and channel.key is not None]
        outcome = await self._driver.enter(keys, NO_WAKE_TIMER)
        if isinstance(outcome, nic.NotIdle):
            self._stay_awake()
            channel = self._table.by_key(outcome.key)
            self._governor.refused(channel.label if channel is not None else "the network", outcome.reason)
        elif self._power.sleep is Sleep.FALLING_ASLEEP:  # else the device has woken the host again
            self._power.turn_sleep(Sleep.ASLEEP)
            if self._power.screen is Screen.ENTERING_STANDBY:
                self._power.turn_screen(Screen.CONNECTED_STANDBY)

    async def _prepare(self) -> None:
        """The device keeps nothing for transports that are over (their channels keep their slots for the next ones), and knows
        whom to continue for the others."""
        for channel in self._table:
            if channel.over:
                await self._setup.give_back(channel)
            elif channel.offloaded:
                await self._setup.set_resumed(channel)

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
        self._processes.watch_suspended()

    # -- waking --------------------------------------------------------------------------------------------------------

    async def wake(self, cause: str) -> None:
        """The host is awake when this returns. Raises BenchError when the device cannot be had."""
        if not self._power.awake:
            await self._driver.wake(cause)

    def hear(self, notice: DriverNotice) -> None:
        """What the driver says by itself."""
        match notice:
            case nic.Woke():
                self._woke(notice)
            case nic.Lost(key):
                channel = self._table.by_key(key)
                if channel is not None:
                    self.lost(channel)
            case nic.NoMoreTokens(key):
                self._no_more_tokens(key)
            case nic.DeviceRestarted() | nic.LeaseExpired() | nic.Settled():
                self._governor.touch()

    def _woke(self, woke: nic.Woke) -> None:
        self._power.turn_sleep(Sleep.AWAKE)
        if self._power.screen is Screen.ENTERING_STANDBY:  # it has slept
            self._power.turn_screen(Screen.CONNECTED_STANDBY)
        for app in self._processes:
            if set(woke.resumed) & set(app.child.pids):
                app.was_resumed()
        channel = self._table.by_key(woke.key)
        if channel is not None and woke.reason != WakeReason.NO_MORE_TOKENS.name:
            self._processes.resume(channel.app, "wake")
        if channel is not None and woke.reason == WakeReason.KA_TIMEOUT.name:
            channel.app.tell(TransportFailed(channel.channel_id))
        self._processes.watch_suspended()
        self._governor.touch()

    def lost(self, channel: Channel) -> None:
        """Nobody knows what the device sent on its transport last, or the device would not have it again: the app ends it, and
        may connect again (CCT-039)."""
        if channel.transport is not None:
            channel.transport.over = True
        self._processes.resume(channel.app, "transport_failed")
        channel.app.tell(TransportFailed(channel.channel_id))

    def _no_more_tokens(self, key: str) -> None:
        channel = self._table.by_key(key)
        if channel is not None:
            self._processes.resume(channel.app, "keep_alive")
            self._tasks.fire(channel.app, "keepalive", channel.channel_id)
