"""Which process a task runs in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from rig.standby.system.app_process import AppProcess
from rig.standby.system.package import AppPackage
from rig.standby.system.processes import Processes
from rig.standby.system.registration import Registration
from rig.standby.system.tasks.registry import Registry
from rig.standby.wire.supervision import TaskLimits

Made: TypeAlias = Callable[[AppProcess], None]
StartTaskHost: TypeAlias = Callable[[AppPackage, TaskLimits, Made], Awaitable[AppProcess]]
"""A process for one run alone; it is given the order before it is first written down. Raises HostError."""


class Hosts:
    def __init__(self, processes: Processes, registry: Registry, start_task_host: StartTaskHost, memory_bytes: int) -> None:
        """`memory_bytes`: what a task may allocate in a process of its own, 0 for no limit (BGT-029)."""
        self._processes = processes
        self._registry = registry
        self._start_task_host = start_task_host
        self.memory_bytes = memory_bytes

    def app_of(self, registration: Registration) -> AppProcess | None:
        """The app's process that is to run it: the one that registered it, else, but for a channel's task, another one of the
        package. None: there is none."""
        own = self._processes.get(registration.instance)
        if own is not None or registration.channel_id is not None:
            return own if own is not None and not own.is_task_host else None
        return next(
            (app for app in self._processes if app.name == registration.package and not app.is_task_host),
            None,
        )

    def why_not(self, registration: Registration) -> str | None:
        """Why no process could run it now."""
        if not registration.in_app:
            return None
        app = self.app_of(registration)
        if app is None:
            return "its app does not run"
        return None if app.is_ready else "its app starts"

    async def own(self, registration: Registration, made: Made, *, network: bool) -> None:
        """A process of its own. Raises HostError."""
        limits = TaskLimits(network=network, memory_bytes=self.memory_bytes)
        await self._start_task_host(self._registry.package_of(registration), limits, made)
