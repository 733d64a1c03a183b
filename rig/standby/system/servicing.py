"""Apps come, become newer and go: what is installed, and the ends that others than the app itself put to its processes.

A package changes when none of its processes runs any more, in one step: a system that dies on the way leaves the one before,
without processes, and the same call does it later.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from enum import StrEnum
from typing import Any

from rig.errors import UsageError
from rig.manifest.manifest import Manifest
from rig.standby.system.app_process import AppProcess
from rig.standby.system.owners import Owners
from rig.standby.system.package import AppPackage, Packages
from rig.standby.system.processes import Processes
from rig.standby.system.tasks.triggers.system_changes import Happened
from rig.standby.wire.task_enums import BackgroundTaskCancellationReason, SystemTriggerType
from rig.timeline import TimelineWriter


class Cause(StrEnum):
    """As APP_END has it."""

    TERMINATED = "terminated"
    CLOSED_BY_USER = "closed by the user"
    SERVICING_UPDATE = "servicing update"
    UNINSTALL = "uninstall"


class Servicing:
    """`packages`: by name; those that were only started are there too, without a manifest. `happens` hears of system events."""

    def __init__(
        self,
        packages: Packages,
        processes: Processes,
        owners: Owners,
        happens: Callable[[Happened], None],
        timeline: TimelineWriter,
    ) -> None:
        self._packages = packages
        self._processes = processes
        self._owners = owners
        self._happens = happens
        self._timeline = timeline

    def installed(self, name: str) -> tuple[AppPackage, Manifest]:
        """Raises UsageError."""
        package = self._packages.get(name)
        if package is None or package.manifest is None:
            names = [other.name for other in self._packages.values() if other.manifest is not None]
            there = f"installed: {', '.join(names)}" if names else "no app is installed"
            raise UsageError("RIG-C22", f"app {name!r} is not installed; {there}", "host.install(manifest) before")
        return package, package.manifest

    def install(self, manifest: Manifest, path: list[str]) -> None:
        """Also over a developer's package of that name, whose tasks have to be declared from now on. Raises UsageError."""
        package = self._packages.of(manifest.name)
        if package.manifest is not None:
            cause = f"app {manifest.name!r} is installed already, version {package.version}"
            raise UsageError("RIG-C23", cause, "host.update(name, manifest) to a higher version, or host.uninstall(name) before")
        package.install(manifest, path)
        self._timeline.add("PACKAGE_INSTALL", app=package.name, version=package.version)

    async def update(self, manifest: Manifest, path: list[str]) -> None:
        """Registrations and grants stay; what the app may do in the background it has to ask for anew (BGT-002). Raises
        UsageError."""
        package, before = self.installed(manifest.name)
        if _number(manifest) <= _number(before):
            cause = f"version {manifest.version} of app {package.name!r} is no update: {before.version} is installed"
            raise UsageError("RIG-C23", cause, "give the manifest a higher version")
        async with self._stopped(package, Cause.SERVICING_UPDATE, BackgroundTaskCancellationReason.SERVICING_UPDATE):
            self.installed(manifest.name)
            package.update(manifest, path)
        self._timeline.add("PACKAGE_UPDATE", app=package.name, version=package.version, before=before.version)
        self._happens(Happened(SystemTriggerType.SERVICING_COMPLETE, package.name))

    async def uninstall(self, name: str) -> None:
        """Raises UsageError."""
        package, _ = self.installed(name)
        async with self._stopped(package, Cause.UNINSTALL, BackgroundTaskCancellationReason.UNINSTALL):
            self.installed(name)
            self._owners.package_gone(package)
            self._packages.remove(name)
        self._timeline.add("PACKAGE_UNINSTALL", app=name, version=package.version)

    async def end(self, app: AppProcess, cause: Cause) -> None:
        """What it runs has its grace; whom the user closes is asked as before a suspension. Returns when it has ended, and
        nothing of it is left."""
        await self._owners.app_stops(app)
        if cause is Cause.CLOSED_BY_USER:
            await self._processes.leave(app)
        await self._kill(app, cause)

    async def _kill(self, app: AppProcess, cause: Cause) -> None:
        """One that is about to be started is, first."""
        if self._processes.get(app.instance) is not app:
            return
        removal = self._processes.removal(app)
        known = asyncio.ensure_future(app.child.known())
        either: list[asyncio.Future[Any]] = [known, removal]
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        known.cancel()
        if not removal.done():
            self._timeline.add("APP_END", app=app.name, instance=app.instance, cause=cause)
            app.child.kill()
            await removal

    @asynccontextmanager
    async def _stopped(self, package: AppPackage, cause: Cause, reason: BackgroundTaskCancellationReason) -> AsyncIterator[None]:
        """Without processes. Whatever starts meanwhile is ended too; that the package is still there is to be seen again."""
        try:
            await self._owners.package_stops(package, reason)
            while running := [app for app in self._processes if app.package is package]:
                await asyncio.gather(*(self._kill(app, cause) for app in running))
            yield
        finally:
            self._owners.package_stopped(package)


def _number(manifest: Manifest) -> tuple[int, ...]:
    return tuple(int(part) for part in manifest.version.split("."))
