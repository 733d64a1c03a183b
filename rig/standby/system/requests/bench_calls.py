"""What the bench asks: apps, the user's hand on the power button, the device."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias

from rig.standby.system.driver import Driver
from rig.standby.system.governor import Governor
from rig.standby.system.owners import Owners
from rig.standby.system.power import PowerState, Screen
from rig.standby.system.processes import Processes
from rig.standby.system.sleep_cycle import SleepCycle
from rig.standby.wire import bench
from rig.standby.wire.descriptors import Descriptors
from rig.standby.wire.hresult import HostError, HResult

StartsApp: TypeAlias = Callable[[bench.StartApp, int], Awaitable[int]]
"""Takes the descriptor of the test's line too, which stays its caller's; returns the instance number."""
Handlers: TypeAlias = Mapping[type[Any], Callable[[Any, Descriptors], Any]]


class BenchCalls:
    def __init__(
        self,
        start_app: StartsApp,
        driver: Driver,
        power: PowerState,
        governor: Governor,
        sleep: SleepCycle,
        processes: Processes,
        owners: Owners,
        others: Handlers,
        *,
        aoac: bool,
    ) -> None:
        self._start_app = start_app
        self._driver = driver
        self._power = power
        self._governor = governor
        self._sleep = sleep
        self._processes = processes
        self._owners = owners
        self._aoac = aoac
        self._handlers: Handlers = {
            bench.StartApp: self._start,
            bench.EnterStandby: self._enter_standby,
            bench.ExitStandby: self._exit_standby,
            bench.Shutdown: self._shutdown,
            bench.Suspend: self._suspend,
            bench.DeviceRequest: self._device_request,
            bench.LinkStats: self._link_stats,
            **others,
        }

    def serve(self, call: bench.FromBench, descriptors: Descriptors) -> Any:
        return self._handlers[type(call)](call, descriptors)

    async def _start(self, call: bench.StartApp, descriptors: Descriptors) -> int:
        """An app runs on a host that is awake."""
        self._not_shut_down()
        test_fd = descriptors.take()
        if test_fd is None:
            raise HostError(HResult.INVALID_ARG, "the test's line is missing")
        try:
            with self._governor.hold("the bench", f"it starts app {call.name}"):
                await self._sleep.wake("app_start")
                return await self._start_app(call, test_fd)
        finally:
            os.close(test_fd)

    def _enter_standby(self, call: bench.EnterStandby, descriptors: Descriptors) -> None:
        """Screen off. The host sleeps as soon as nothing runs; SLEEP_ENTER tells, or SLEEP_REFUSED who keeps it awake."""
        self._not_shut_down()
        if not self._aoac:
            raise HostError(HResult.INVALID_STATE, "the platform has no connected standby (aoac = false)")
        if not self._power.in_standby:
            self._power.turn_screen(Screen.ENTERING_STANDBY)
        self._governor.no_wait()

    async def _exit_standby(self, call: bench.ExitStandby, descriptors: Descriptors) -> None:
        """The user is back. Apps go on whatever the device says."""
        self._not_shut_down()
        self._power.turn_screen(Screen.ACTIVE)
        try:
            await self._sleep.wake("user")
        finally:
            for app in self._processes:
                if app.foreground:
                    self._processes.resume(app, "foreground")
            self._owners.left_standby()

    async def _shutdown(self, call: bench.Shutdown, descriptors: Descriptors) -> None:
        """Neither slot kind fires afterwards and nothing stays armed on the device (CCT-029)."""
        try:
            await self._sleep.wake("shutdown")
        finally:
            self._power.turn_screen(Screen.SHUTDOWN)
            for app in self._processes:
                app.child.kill()

    def _suspend(self, call: bench.Suspend, descriptors: Descriptors) -> None:
        """The user switches away from the app: it is suspended when it has nothing to do."""
        app = self._processes.get(call.instance)
        if app is None:
            raise HostError(HResult.ELEMENT_NOT_FOUND, f"no app of instance {call.instance} runs")
        self._processes.move(app, to_foreground=False)
        self._processes.suspend_if_idle(app)

    async def _device_request(self, call: bench.DeviceRequest, descriptors: Descriptors) -> dict[str, Any]:
        """A request of the bench to the device, over the host's control channel."""
        arguments = (call.op, call.group, call.command, call.body)
        return await self._driver.request(*arguments, timeout_s=call.timeout_s, retries=call.retries)

    async def _link_stats(self, call: bench.LinkStats, descriptors: Descriptors) -> dict[str, int]:
        return await self._driver.link_stats()

    def _not_shut_down(self) -> None:
        check_not_shut_down(self._power)


def check_not_shut_down(power: PowerState) -> None:
    """Raises HostError."""
    if power.screen is Screen.SHUTDOWN:
        raise HostError(HResult.INVALID_STATE, "the host has been shut down")
