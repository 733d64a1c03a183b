"""Brokered sockets: their broker fires the tasks (SAT-001), and hears what becomes of the runs."""

from __future__ import annotations

from collections.abc import Callable

from rig.standby.system.registration import Registration
from rig.standby.system.tasks.instance import Instance
from rig.standby.system.tasks.scheduler import Scheduler
from rig.standby.system.tasks.source import TriggerSource
from rig.standby.wire.triggers import SocketActivity, SocketActivityDetails


class SocketActivityTasks(TriggerSource):
    kinds = (SocketActivity,)

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._over: Callable[[int], None] = lambda number: None

    def heard(self, *, over: Callable[[int], None], room: Callable[[], None]) -> None:
        """`over`: a run of that number is. `room`: what `why_not` had something against may be fired now."""
        self._over = over
        self._scheduler.subscribe(room)

    def why_not(self, registration: Registration) -> str | None:
        """Why nothing can be fired now."""
        return self._scheduler.refuses(registration)

    def fire(self, registration: Registration, details: SocketActivityDetails, cause: str) -> int:
        """The number of the run. `why_not` has nothing against it."""
        instance = self._scheduler.fire(registration, details, cause)
        assert instance is not None, "nothing was against it"
        return instance.number

    def over(self, instance: Instance) -> None:
        self._over(instance.number)
