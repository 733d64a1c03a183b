"""Runs that do nothing: one whose process uses next to no processor time for too long is cancelled (BGT-034).

Whatever moves on the network costs its process time too, so that time alone is looked at. In an app's process that of the whole
app counts. One that would work, and on a busy machine has no processor yet, is not idle: it may not even have begun.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable

from rig.standby.system.tasks.instance import Instance
from rig.standby.system.tasks.instances import Instances

LOOKS = 4
"""In the time after which a run is idle: it is found that much late at most."""

ROUNDED = 0.99
"""Of the time: sums of its quarters are not exact."""


class IdleWatch:
    """`found` is called for each run whose process has used no tick of the processor for `idle_s` of real time, and wanted none
    whenever it was looked at. One that is stopped, as a quota of its app is used up, could not use any."""

    def __init__(self, instances: Instances, idle_s: float, found: Callable[[Instance], None]) -> None:
        self._instances = instances
        self._idle_s = idle_s
        self._found = found
        self._loop = asyncio.get_running_loop()
        self._seen: dict[int, tuple[int, float]] = {}
        """By instance: ticks of its process, and since when it has used no more and wanted none; infinite: it wants some."""
        self._timer: asyncio.TimerHandle | None = None

    def watch(self) -> None:
        """A run is under way."""
        if self._timer is None:
            self._timer = self._loop.call_later(self._idle_s / LOOKS, self._look)

    def _look(self) -> None:
        self._timer = None
        running = [instance for instance in self._instances if instance.under_way]
        self._seen = {instance.number: self._use(instance) for instance in running}
        for instance in running:
            if self._loop.time() - self._seen[instance.number][1] >= self._idle_s * ROUNDED:
                self._found(instance)
        if running:
            self.watch()

    def _use(self, instance: Instance) -> tuple[int, float]:
        assert instance.host is not None, "it is under way"
        ticks = instance.host.child.cpu_ticks()
        if instance.host.suspended or not instance.host.child.rests():
            return ticks, math.inf
        before = self._seen.get(instance.number)
        as_before = before is not None and before[0] == ticks and before[1] < math.inf
        return before if before is not None and as_before else (ticks, self._loop.time())
