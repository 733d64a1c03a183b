"""The parts that the broker of sockets is made of, put together."""

from __future__ import annotations

from rig.standby.system.core import Core
from rig.standby.system.sockets.activity import SocketActivity
from rig.standby.system.sockets.broker import SocketBroker
from rig.standby.system.sockets.offload import SocketOffload
from rig.standby.system.sockets.owner import SocketOwner
from rig.standby.system.sockets.table import SocketTable
from rig.standby.system.sockets.timers import SocketTimers
from rig.standby.system.sockets.watch import SocketWatch
from rig.standby.system.tasks.triggers.socket_activity import SocketActivityTasks
from rig.standby.wire.socket_enums import SocketActivityTriggerReason as Reason


class SocketParts:
    """To be made on the running loop."""

    def __init__(self, core: Core, tasks: SocketActivityTasks) -> None:
        rules = core.rules
        self.table = SocketTable(core.rows)
        self.watch = SocketWatch(lambda brokered, reason: self.activity.came(brokered, reason))
        timers = SocketTimers(core.clock, lambda brokered: self.activity.came(brokered, Reason.KEEP_ALIVE_TIMER_EXPIRED))
        self.activity = SocketActivity(
            tasks, self.watch, timers, core.power, core.governor, core.timeline, lambda brokered: self.offload.let_go(brokered)
        )
        self.offload = SocketOffload(
            core.driver, core.numbers, core.governor, core.background, rules.network_ka_initial_min, core.places
        )
        self.broker = SocketBroker(
            self.table, self.activity, timers, self.offload, core.supervisor, core.numbers, rules, core.timeline
        )
        self.owner = SocketOwner(
            self.table,
            self.broker,
            self.activity,
            self.watch,
            self.offload,
            core.packages,
            core.power,
            core.sleep,
            core.background,
        )
        tasks.heard(over=self._over, room=self.activity.fire_waiting)

    def _over(self, run: int) -> None:
        self.activity.over(run)
        self.offload.run_over(run)
