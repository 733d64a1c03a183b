"""The parts that push is made of, put together."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from rig.standby.system.core import Core
from rig.standby.system.network import HostNetwork
from rig.standby.system.push.client import PushClient
from rig.standby.system.push.delivery import PushDelivery
from rig.standby.system.push.offload import PushOffload
from rig.standby.system.push.owner import PushOwner
from rig.standby.system.push.state import PushState
from rig.standby.system.store import Name
from rig.standby.system.tasks.triggers.raw_push import RawPushTasks


class PushParts:
    """To be made on the running loop."""

    def __init__(
        self,
        core: Core,
        things: Mapping[Name, bytes],
        network: HostNetwork,
        tasks: RawPushTasks,
        written: Callable[[], None],
    ) -> None:
        """`written` returns when all that has changed is written down."""
        state = PushState(core.rows, things)
        self.offload = PushOffload(
            state, core.driver, core.numbers, core.rules.network_ka_initial_min, core.timeline, core.places
        )
        self.delivery = PushDelivery(
            tasks,
            core.packages,
            core.processes,
            core.power,
            core.situation,
            core.governor,
            core.numbers,
            core.rows,
            core.timeline,
        )
        self.client = PushClient(
            state,
            self.offload,
            network,
            core.supervisor,
            core.sleep,
            core.governor,
            core.power,
            core.situation,
            core.background,
            core.timeline,
            probe_each_s=core.clock.minutes_s(core.rules.network_ka_initial_min),
            came=self.delivery.came,
            written=written,
        )
        self.owner = PushOwner(self.client, self.delivery, self.offload, core.driver)
        tasks.heard(over=self.delivery.over, room=self.delivery.go_on)
