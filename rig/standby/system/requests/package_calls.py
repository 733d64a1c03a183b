"""What the bench does with apps: installs and launches them, switches to them, ends them."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from rig.errors import UsageError
from rig.standby.system.app_process import AppProcess
from rig.standby.system.governor import Governor
from rig.standby.system.power import PowerState
from rig.standby.system.processes import Processes
from rig.standby.system.requests.bench_calls import Handlers, check_not_shut_down
from rig.standby.system.servicing import Cause, Servicing
from rig.standby.system.sleep_cycle import SleepCycle
from rig.standby.system.starting import Starting
from rig.standby.wire import bench
from rig.standby.wire.descriptors import Descriptors
from rig.standby.wire.hresult import HostError, HResult


class PackageCalls:
    def __init__(
        self,
        servicing: Servicing,
        starting: Starting,
        processes: Processes,
        governor: Governor,
        power: PowerState,
        sleep: SleepCycle,
    ) -> None:
        self._servicing = servicing
        self._starting = starting
        self._processes = processes
        self._governor = governor
        self._power = power
        self._sleep = sleep

    def handlers(self) -> Handlers:
        return {
            bench.InstallPackage: self._install,
            bench.UpdatePackage: self._update,
            bench.UninstallPackage: self._uninstall,
            bench.LaunchApp: self._launch,
            bench.Resume: self._resume,
            bench.EndApp: self._end,
        }

    def _install(self, call: bench.InstallPackage, descriptors: Descriptors) -> None:
        check_not_shut_down(self._power)
        self._servicing.install(call.manifest, call.path)

    async def _update(self, call: bench.UpdatePackage, descriptors: Descriptors) -> None:
        async with self._awake(f"it updates app {call.manifest.name}"):
            await self._servicing.update(call.manifest, call.path)

    async def _uninstall(self, call: bench.UninstallPackage, descriptors: Descriptors) -> None:
        async with self._awake(f"it uninstalls app {call.name}"):
            await self._servicing.uninstall(call.name)

    async def _launch(self, call: bench.LaunchApp, descriptors: Descriptors) -> int:
        check_not_shut_down(self._power)
        package, manifest = self._servicing.installed(call.name)
        if not manifest.entry:
            cause = f"the manifest of app {call.name!r} names no entry, so there is nothing to launch"
            fix = 'entry = "module:Class" in TOML, rig:Entry="module:Class" of Application in XML; or host.install(.., entry=..)'
            raise UsageError("RIG-C23", cause, fix)
        test_fd = descriptors.take()
        if test_fd is None:
            raise HostError(HResult.INVALID_ARG, "the test's line is missing")
        try:
            async with self._awake(f"it launches app {call.name}", "app_start"):
                running = next((app for app in self._processes if app.package is package and app.untested), None)
                if running is not None:
                    return self._brought_to_front(running, test_fd)
                return (await self._starting.app(package, manifest.entry, test_fd)).instance
        finally:
            os.close(test_fd)

    def _resume(self, call: bench.Resume, descriptors: Descriptors) -> None:
        """It is in the foreground from now on, and goes on; behind a dark screen there is no foreground to come to."""
        check_not_shut_down(self._power)
        if self._power.in_standby:
            raise HostError(HResult.INVALID_STATE, "the screen is off: the user comes back before (host.exit_standby)")
        self._to_foreground(self._app(call.instance))

    def _brought_to_front(self, app: AppProcess, test_fd: int) -> int:
        """The system has started it for a task."""
        app.give_test_line(test_fd)
        self._to_foreground(app)
        return app.instance

    def _to_foreground(self, app: AppProcess) -> None:
        """In standby it goes on when the user is back, as others do."""
        self._processes.move(app, to_foreground=True)
        if not self._power.in_standby:
            self._processes.resume(app, "foreground")

    async def _end(self, call: bench.EndApp, descriptors: Descriptors) -> None:
        cause = Cause.CLOSED_BY_USER if call.by_user else Cause.TERMINATED
        async with self._awake(f"it ends {self._app(call.instance).label}"):
            await self._servicing.end(self._app(call.instance), cause)

    def _app(self, instance: int) -> AppProcess:
        app = self._processes.get(instance)
        if app is None:
            raise HostError(HResult.ELEMENT_NOT_FOUND, f"no app of instance {instance} runs")
        return app

    @asynccontextmanager
    async def _awake(self, why: str, cause: str = "servicing") -> AsyncIterator[None]:
        """Of a host that sleeps nothing can be given back, and no process starts. `cause`: of its waking."""
        check_not_shut_down(self._power)
        with self._governor.hold("the bench", why):
            await self._sleep.wake(cause)
            yield
