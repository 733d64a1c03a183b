"""How a run is cancelled: its handlers hear the reason, once; one that stays is killed with its process (BGT-032)."""

from __future__ import annotations

import asyncio

from rig.standby.system.processes import Processes
from rig.standby.system.tasks.instance import Instance
from rig.standby.wire.task_enums import BackgroundTaskCancellationReason as Reason
from rig.standby.wire.to_app import CancelRun


class Cancellation:
    """Of runs that are under way."""

    def __init__(self, processes: Processes, grace_s: float) -> None:
        self._processes = processes
        self._grace_s = grace_s
        self._loop = asyncio.get_running_loop()
        self._timers: dict[int, asyncio.TimerHandle] = {}

    def cancel(self, instance: Instance, reason: Reason) -> None:
        """The first reason stays."""
        if instance.cancelled is not None or instance.host is None:
            return
        instance.cancelled = reason
        instance.tell("CANCEL_SENT", reason=reason.name, value=int(reason))
        instance.host.tell(CancelRun(instance.number, reason))
        self.go_on(instance)

    def go_on(self, instance: Instance) -> None:
        """Its time to end by itself begins; anew for a system that is a new one."""
        self._timers[instance.number] = self._loop.call_later(self._grace_s, self.kill, instance)

    def stop(self, instance: Instance) -> None:
        timer = self._timers.pop(instance.number, None)
        if timer is not None:
            timer.cancel()

    def kill(self, instance: Instance) -> None:
        """With its process; for one that did nothing at all its app ends too (BGT-034)."""
        host = instance.host
        if not instance.under_way or host is None:
            return
        instance.killed = True
        instance.tell("TASK_KILLED", process="task host" if host.is_task_host else "app")
        for app in self._processes:
            if app is host or (instance.idle and app.package is host.package):
                app.child.kill()
