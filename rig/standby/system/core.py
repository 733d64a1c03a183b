"""What every group of parts stands on: channels, tasks, and whatever else apps can have of the system are put together over it.

Only what puts parts together (`parts.py` of a group) takes it; each part gets what it needs, by name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from rig.clock import Clock
from rig.config import StandbyConfig
from rig.standby.system.admission import Admission
from rig.standby.system.background import Background
from rig.standby.system.driver import Driver
from rig.standby.system.governor import Governor
from rig.standby.system.numbers import Numbers
from rig.standby.system.package import AppPackage
from rig.standby.system.power import PowerState
from rig.standby.system.processes import Processes
from rig.standby.system.rows import Rows
from rig.standby.system.situation import HostSituation
from rig.standby.system.sleep_cycle import SleepCycle
from rig.standby.system.supervising import Supervising
from rig.standby.system.surroundings import HostSurroundings
from rig.timeline import TimelineWriter


@dataclass(frozen=True, kw_only=True)
class Core:
    rules: StandbyConfig
    clock: Clock
    driver: Driver
    supervisor: Supervising
    packages: Mapping[str, AppPackage]
    processes: Processes
    sleep: SleepCycle
    governor: Governor
    power: PowerState
    background: Background
    numbers: Numbers
    situation: HostSituation
    surroundings: HostSurroundings
    admission: Admission
    places: Callable[[], Mapping[str, int]]
    """Who has how many of the device's places for connections. They are counted here alone, by their owners. Against the policy's
    `hw_slots_total` and `hw_slots_per_app` count the hardware slots of control channels, with a connection in
    the device at the moment or without (channels/slots.py). Brokered sockets that wake count against `broker_sockets_per_app`, as
    all brokered sockets do, and the push client's one line, which is the host's own, against nothing; they have what the device
    has left, and who finds none is told who has them."""
    rows: Rows
    """What has to last is put there."""
    timeline: TimelineWriter
