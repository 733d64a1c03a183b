"""Standing orders: while the host is in connected standby, the push task of a channel that the device keeps begins without being
ordered each time. A wake has a way less then: from the app to the system, through a transaction, and back.

An app has one only where the answer would be yes whenever it asked: see `ChannelTasks.standing`. After whatever may change that,
a call of any app or a change around the host, it is looked at anew and taken back: an app that was stopped hears of it before it
completes a read, and who waits for the answer to a call before that comes. Where the app was running, and has begun a run at that
very moment, the run counts: it was ordered before.

It is given to an app that runs: when the host enters standby, and when the app had to ask. One that is stopped would hear of it
only beside what it is continued for, and a take-back is all that may wait for it.
"""

from __future__ import annotations

from rig.standby.system.app_process import AppProcess
from rig.standby.system.channels.channel import Channel
from rig.standby.system.channels.table import ChannelTable
from rig.standby.system.numbers import Numbers
from rig.standby.system.power import PowerState
from rig.standby.system.registration import Registration
from rig.standby.system.tasks.triggers.channel import ChannelTasks
from rig.standby.wire.to_app import StandingOrder

RUNS = 16
"""Numbers that an app is given at a time. So many more of its runs than RUNS_PER_APP may be under way, for each such channel."""
FEW = 8
"""So few are left, and it gets more."""


class StandingOrders:
    """What a channel has of them stands with it."""

    def __init__(self, table: ChannelTable, tasks: ChannelTasks, numbers: Numbers, power: PowerState) -> None:
        self._table = table
        self._tasks = tasks
        self._numbers = numbers
        self._power = power
        self._in_standby = power.in_standby
        power.subscribe(self._power_changed)

    def _power_changed(self) -> None:
        if self._power.in_standby is self._in_standby:
            return
        self._in_standby = self._power.in_standby
        for channel in self._table:
            self.settle(channel)

    def settle(self, channel: Channel) -> None:
        """Its app may have one, or not: it is told."""
        wanted = self._wanted(channel)
        if wanted is None:
            self.take_back(channel)
        elif not channel.app.suspended:
            self._give(channel, wanted)

    def review(self) -> None:
        """Something has changed, whatever it was."""
        if not self._in_standby:
            return
        for channel in self._table:
            if channel.standing.given and self._wanted(channel) is None:
                self.take_back(channel)

    def take_back(self, channel: Channel) -> None:
        if channel.standing.given:
            channel.standing = channel.standing.told(given=False)
            channel.app.tell(StandingOrder(channel.channel_id))

    def _wanted(self, channel: Channel) -> Registration | None:
        """What its app may run unasked; None: nothing."""
        app: AppProcess = channel.app
        if not self._in_standby or not channel.offloaded or channel.reset or app.ending or app.leaving:
            return None
        return self._tasks.standing(app, channel.channel_id)

    def _give(self, channel: Channel, registration: Registration) -> None:
        standing = channel.standing
        if standing.left(registration) <= FEW:
            standing = standing.more(self._numbers.next_runs(RUNS), RUNS, registration)
        newest = standing.newest
        assert newest is not None
        channel.standing = standing.told(given=True)
        order = self._tasks.order(registration, newest.first)
        channel.app.tell(StandingOrder(channel.channel_id, order, newest.last))

    def begun(self, channel: Channel, number: int) -> None:
        """The app says that it has begun a run. One that has no such number changes nothing."""
        registration = channel.standing.registration_of(number)
        if registration is None:
            return
        channel.standing = channel.standing.without(number)
        self._tasks.begun(registration, number, channel.app)
        if channel.standing.left(registration) <= FEW:
            self.settle(channel)
