"""The parts that control channels are made of, put together."""

from __future__ import annotations

from collections.abc import Callable

from rig.clock import Clock
from rig.config import StandbyConfig
from rig.standby.system.background import Background
from rig.standby.system.channels.availability import ChannelAvailability
from rig.standby.system.channels.closing import ChannelClosing
from rig.standby.system.channels.keep_alive import KeepAliveTimers
from rig.standby.system.channels.owner import ChannelOwner
from rig.standby.system.channels.resets import ChannelResets
from rig.standby.system.channels.setup import ChannelSetup
from rig.standby.system.channels.slots import SlotPolicy
from rig.standby.system.channels.table import ChannelTable
from rig.standby.system.channels.triggers import ChannelTriggers
from rig.standby.system.channels.watch import TransportWatch
from rig.standby.system.driver import Driver
from rig.standby.system.governor import Governor
from rig.standby.system.numbers import Numbers
from rig.standby.system.owner import Owner
from rig.standby.system.power import PowerState
from rig.standby.system.processes import Processes
from rig.standby.system.sleep_cycle import SleepCycle
from rig.standby.system.supervising import Supervising
from rig.standby.system.surroundings import HostSurroundings
from rig.standby.system.tasks.admission import Admission
from rig.standby.system.tasks.triggers.channel import ChannelTasks
from rig.standby.system.tasks.triggers.system_changes import Happened
from rig.timeline import TimelineWriter


class ChannelParts:
    """To be made on the running loop. `table` is empty until the owners take up what was saved."""

    def __init__(
        self,
        table: ChannelTable,
        rules: StandbyConfig,
        clock: Clock,
        driver: Driver,
        supervisor: Supervising,
        processes: Processes,
        sleep: SleepCycle,
        governor: Governor,
        power: PowerState,
        background: Background,
        numbers: Numbers,
        timeline: TimelineWriter,
        surroundings: HostSurroundings,
        admission: Admission,
        tasks: ChannelTasks,
        happens: Callable[[Happened], None],
    ) -> None:
        self.table = table
        self.slots = SlotPolicy(rules.limits())
        availability, watch = ChannelAvailability(surroundings), TransportWatch(power, table)
        self.setup = ChannelSetup(
            table, watch, self.slots, admission, driver, supervisor, numbers, power, availability, timeline, rules
        )
        self.triggers = ChannelTriggers(watch, processes, tasks, sleep, governor, background, timeline)
        self.timers = KeepAliveTimers(clock, self.triggers.keep_alive_due)
        self.closing = ChannelClosing(self.setup, self.timers, tasks)
        self.resets = ChannelResets(table, self.setup, self.timers, availability, power, governor, background, happens, timeline)
        surroundings.subscribe(self.resets.surroundings_changed)
        power.subscribe(self.resets.power_changed)
        owner = ChannelOwner(table, self.setup, self.timers, watch, self.triggers, self.closing, processes, driver)
        self.owners: tuple[Owner, ...] = (owner, self.resets)
