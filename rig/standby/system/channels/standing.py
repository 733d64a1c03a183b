"""Standing orders: while the host is in connected standby, the push task of a channel that the device keeps begins without being
ordered each time. A wake has a way less then: from the app to the system, through a transaction, and back.

An app has one only where the answer would be yes whenever it asked: see `ChannelTasks.standing`. It is taken back before anything
changes that; an app that was stopped hears of it before it completes a read. Where it was running, and has begun a run at that
very moment, the run counts: it was ordered before.
"""

from __future__ import annotations

from rig.standby.system.app_process import AppProcess
from rig.standby.system.channels.channel import Channel
from rig.standby.system.channels.table import ChannelTable
from rig.standby.system.numbers import Numbers
from rig.standby.system.power import PowerState
from rig.standby.system.tasks.triggers.channel import ChannelTasks
from rig.standby.wire.to_app import StandingOrder

RUNS = 256
"""Numbers that an app is given at a time: as many runs it may begin before the system gives it more, at the next sleep."""
FEW = 32


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
        if self._power.in_standby is not self._in_standby:
            self._in_standby = self._power.in_standby
            self.review()

    def review(self) -> None:
        """Something may have changed: give, and take back."""
        for channel in self._table:
            if self._may_have(channel):
                self._give(channel)
            else:
                self._take_back(channel)

    def take_back(self, app: AppProcess) -> None:
        """All of its: it is about to end."""
        for channel in self._table.of(app):
            self._take_back(channel)

    def _take_back(self, channel: Channel) -> None:
        if channel.standing.given:
            channel.standing = channel.standing.told(given=False)
            channel.app.tell(StandingOrder(channel.channel_id))

    def _may_have(self, channel: Channel) -> bool:
        app = channel.app
        if not self._power.in_standby or not channel.offloaded or channel.reset or app.ending or app.leaving:
            return False
        return self._tasks.standing(app, channel.channel_id) is not None

    def _give(self, channel: Channel) -> None:
        standing = channel.standing
        if standing.given and standing.left > FEW:
            return
        registration = self._tasks.standing(channel.app, channel.channel_id)
        assert registration is not None
        if standing.left <= FEW:
            standing = standing.more(self._numbers.next_runs(RUNS), RUNS)
        channel.standing = standing.told(given=True)
        first, last = standing.newest
        channel.app.tell(StandingOrder(channel.channel_id, self._tasks.order(registration, first), last))

    def begun(self, channel: Channel, number: int) -> None:
        """The app says that it has begun a run. One that has no such number changes nothing."""
        rest = channel.standing.without(number)
        if rest is not None:
            channel.standing = rest
            self._tasks.begun(channel.app, channel.channel_id, number)

    def unused(self, channel: Channel) -> None:
        """The app has asked although it had one: it has given it up, or has not heard of it."""
        if channel.standing.given:
            channel.standing = channel.standing.told(given=False)
