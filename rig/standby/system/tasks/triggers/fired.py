"""What the triggers have in common that another part of the system fires: the broker of sockets, push, completion groups."""

from __future__ import annotations

from collections.abc import Callable

from rig.standby.system.registration import Registration
from rig.standby.system.tasks.instance import Instance
from rig.standby.system.tasks.scheduler import Scheduler
from rig.standby.system.tasks.source import TriggerSource
from rig.standby.wire.triggers import AnyDetails


class FiredTriggers(TriggerSource):
    """Who fires asks `why_not` before, and hears what becomes of the runs."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._over: list[Callable[[int], None]] = []

    def heard(self, *, over: Callable[[int], None], room: Callable[[], None]) -> None:
        """One more who hears. `over`: a run of that number is, also one that never began; `room`: what `why_not` had something
        against may be fired now."""
        self._over.append(over)
        self._scheduler.subscribe(room)

    def inert(self, registration: Registration) -> str | None:
        """Why it does nothing at all, now and later."""
        return self._scheduler.inert(registration)

    def has(self, run: int) -> bool:
        """Whether that run waits or is under way: for who was not there when it was over."""
        return self._scheduler.has(run)

    def why_not(self, registration: Registration) -> str | None:
        """Why nothing can be fired now."""
        return self._scheduler.refuses(registration)

    def fire(self, registration: Registration, details: AnyDetails, cause: str) -> int:
        """The number of the run. `why_not` has nothing against it. What the caller changes at once is written down with it."""
        instance = self._scheduler.fire(registration, details, cause)
        assert instance is not None, "nothing was against it"
        return instance.number

    def over(self, instance: Instance) -> None:
        for over in self._over:
            over(instance.number)
