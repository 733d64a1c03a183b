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

ActivateApp: TypeAlias = Callable[[AppPackage, str], Awaitable[AppProcess]]
"""A process of the app's own, by its entry. Raises HostError."""
STARTS = "its app starts"


class Hosts:
    def __init__(
        self,
        processes: Processes,
        registry: Registry,
        start_task_host: StartTaskHost,
        activate: ActivateApp,
        memory_bytes: int,
    ) -> None:
        """`memory_bytes`: what a task may allocate in a process of its own, 0 for no limit (BGT-029)."""
        self._processes = processes
        self._registry = registry
        self._start_task_host = start_task_host
        self._activate = activate
        self.memory_bytes = memory_bytes

    def app_of(self, registration: Registration) -> AppProcess | None:
        """The app's process that is to run it: the one that registered it, else, but for a channel's task, another one of the
        package. None: there is none."""
        apps = {
            app.instance: app
            for app in self._processes
            if app.name == registration.package and not (app.is_task_host or app.ending or app.leaving)
        }
        own = apps.get(registration.instance)
        if own is not None or registration.channel_id is not None:
            return own
        return next(iter(apps.values()), None)

    def why_not(self, registration: Registration) -> str | None:
        """Why no process could run it now."""
        if not registration.in_app:
            return None
        app = self.app_of(registration)
        if app is None:
            return None if self._entry(registration) else "its app does not run"
        return None if app.is_ready else STARTS

    async def activate(self, registration: Registration) -> None:
        """Start the app's process, in the background (BGT-006). Raises HostError."""
        await self._activate(self._registry.package_of(registration), self._entry(registration))

    def _entry(self, registration: Registration) -> str:
        """What its app's process would be started with; "" where nobody may: a channel's task is its own process's alone."""
        manifest = self._registry.package_of(registration).manifest
        return manifest.entry if manifest is not None and registration.channel_id is None else ""

    async def own(self, registration: Registration, made: Made, *, network: bool) -> None:
        """A process of its own. Raises HostError."""
        limits = TaskLimits(network=network, memory_bytes=self.memory_bytes)
        await self._start_task_host(self._registry.package_of(registration), limits, made)
