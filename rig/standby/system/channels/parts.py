"""The parts that control channels are made of, put together."""

from __future__ import annotations

from collections.abc import Callable

from rig.standby.system.channels.availability import ChannelAvailability
from rig.standby.system.channels.closing import ChannelClosing
from rig.standby.system.channels.keep_alive import KeepAliveTimers
from rig.standby.system.channels.owner import ChannelOwner
from rig.standby.system.channels.resets import ChannelResets
from rig.standby.system.channels.setup import ChannelSetup
from rig.standby.system.channels.slots import SlotPolicy
from rig.standby.system.channels.standing_orders import StandingOrders
from rig.standby.system.channels.table import ChannelTable
from rig.standby.system.channels.triggers import ChannelTriggers
from rig.standby.system.channels.watch import TransportWatch
from rig.standby.system.core import Core
from rig.standby.system.owner import Owner
from rig.standby.system.tasks.triggers.channel import ChannelTasks
from rig.standby.system.tasks.triggers.system_changes import Happened


class ChannelParts:
    """To be made on the running loop. `table` is empty until the owners take up what was saved."""

    def __init__(self, core: Core, table: ChannelTable, tasks: ChannelTasks, happens: Callable[[Happened], None]) -> None:
        rules, driver, power, timeline = core.rules, core.driver, core.power, core.timeline
        self.table = table
        self.slots = SlotPolicy(rules.limits())
        availability, watch = ChannelAvailability(core.surroundings), TransportWatch(power, table)
        self.setup = ChannelSetup(
            table, watch, self.slots, core.admission, driver, core.supervisor, core.numbers, power, availability, timeline, rules
        )
        self.triggers = ChannelTriggers(
            watch, core.processes, tasks, core.sleep, core.governor, core.background, driver, timeline
        )
        self.timers = KeepAliveTimers(core.clock, self.triggers.keep_alive_due)
        self.standing = StandingOrders(table, tasks, core.numbers, power)
        self.closing = ChannelClosing(self.setup, self.timers, self.standing, tasks)
        self.resets = ChannelResets(
            table, self.setup, self.timers, availability, power, core.governor, core.background, happens, timeline, core.rows
        )
        core.surroundings.subscribe(self.resets.surroundings_changed)
        core.surroundings.subscribe(lambda before, after: self.standing.review())  # behind the resets
        core.situation.subscribe(lambda before, after: self.standing.review())
        power.subscribe(self.resets.power_changed)
        owner = ChannelOwner(
            table, self.setup, self.timers, watch, self.triggers, self.standing, self.closing, core.processes, driver
        )
        self.owners: tuple[Owner, ...] = (owner, self.resets)
