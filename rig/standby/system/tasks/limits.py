"""How long a run may last, in real time: the code of a task is real code, whatever the bench's clock (BGT-025, APT-008)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from rig.config import StandbyConfig
from rig.standby.system.app_process import AppProcess
from rig.standby.system.tasks.instance import Instance
from rig.standby.system.tasks.instances import Instances
from rig.standby.wire.triggers import AnyTrigger, Application, DeviceServicing, DeviceUse, MediaProcessing


class Limits:
    """A process does the runs of one registration one after another: the time of one counts from its order, or from when it is
    known to have begun by a standing one, or from when the one before it is done; in a process of its own from when that stands.
    `exceeded` is called once for each that is still under way then."""

    def __init__(self, rules: StandbyConfig, instances: Instances, exceeded: Callable[[Instance], None]) -> None:
        self._rules = rules
        self._instances = instances
        self._exceeded = exceeded
        self._loop = asyncio.get_running_loop()
        self._timers: dict[int, asyncio.TimerHandle] = {}

    def of(self, trigger: AnyTrigger) -> float:
        """Seconds."""
        match trigger:
            case Application() | MediaProcessing():
                return self._rules.app_trigger_wall_s
            case DeviceUse():
                return self._rules.device_use_wall_s
            case DeviceServicing():
                return self._rules.device_servicing_wall_s
        return self._rules.wall_clock_s

    def look(self, app: AppProcess) -> None:
        """It is ready, an order has been given to it, or a run there is done."""
        if not app.is_ready:
            return
        begun = set[str]()
        for instance in self._instances.of_host(app):
            if instance.under_way and instance.registration.task_id not in begun:
                begun.add(instance.registration.task_id)
                self._count(instance)

    def stop(self, instance: Instance) -> None:
        timer = self._timers.pop(instance.number, None)
        if timer is not None:
            timer.cancel()

    def _count(self, instance: Instance) -> None:
        if instance.number in self._timers:
            return
        if instance.began_s is None:
            instance.began_s = self._loop.time()
        end_s = instance.began_s + self.of(instance.registration.trigger)
        self._timers[instance.number] = self._loop.call_at(end_s, self._end, instance)

    def _end(self, instance: Instance) -> None:
        if instance.under_way:
            self._exceeded(instance)
