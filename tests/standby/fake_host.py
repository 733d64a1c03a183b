"""The whole system in virtual time, with a driver and apps that are fakes."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from rig.clock import Clock
from rig.config import StandbyConfig
from rig.events import check_name
from rig.standby.system.channels.slots import SlotKind
from rig.standby.system.faults import Faults
from rig.standby.system.power import Sleep
from rig.standby.system.store import Store
from rig.standby.system.system import System
from rig.standby.wire import bench
from rig.standby.wire.descriptors import Descriptors
from rig.standby.wire.task_enums import SystemTriggerType
from rig.timeline import TimelineWriter
from tests.standby.fake_app import FakeApp
from tests.standby.fake_driver import FakeDriver
from tests.standby.fake_network import FakeNetwork
from tests.standby.fake_supervisor import FakeSupervisor
from tests.standby.fake_transfers import FakeTransfers

REAL_TIME = Clock(60_000_000)
"""A minute is one."""
DEADLINE_S = 60.0


@dataclass(frozen=True)
class Told:
    at_s: float
    event: str
    detail: dict[str, Any]

    def __getattr__(self, name: str) -> Any:
        return self.detail[name]


class FakeTimeline(TimelineWriter):
    def __init__(self) -> None:
        super().__init__(-1, "host")
        self.told: list[Told] = []
        self._more = asyncio.Event()

    def add(self, event: str, *, t_ns: int | None = None, **detail: Any) -> None:
        check_name(event)
        self.told.append(Told(asyncio.get_running_loop().time(), event, detail))
        self._more.set()

    def find(self, event: str, **detail: Any) -> list[Told]:
        return [t for t in self.told if t.event == event and detail.items() <= t.detail.items()]

    async def wait(self, event: str, *, after: int = 0, **detail: Any) -> Told:
        """The first of those from the `after`-th record on."""
        async with asyncio.timeout(DEADLINE_S):
            while True:
                for told in self.told[after:]:
                    if told.event == event and detail.items() <= told.detail.items():
                        return told
                self._more.clear()
                await self._more.wait()


class FakeHost:
    def __init__(self, rules: StandbyConfig, store: Store | None = None, transfers: FakeTransfers | None = None) -> None:
        self.timeline = FakeTimeline()
        self.driver = FakeDriver(self.timeline)
        self.driver.continues = self._continue
        self.supervisor = FakeSupervisor()
        self.store = store or Store(":memory:")
        self.network = FakeNetwork()
        self.transfers = transfers or FakeTransfers()
        outside = (self.driver, self.supervisor, self.store, self.timeline, Faults(self.timeline), self.network, self.transfers)
        self.system = System(rules, REAL_TIME, *outside)
        self.apps: dict[int, FakeApp] = {}

    @property
    def now_s(self) -> float:
        return asyncio.get_running_loop().time()

    @property
    def asleep(self) -> bool:
        return self.system.power.sleep is Sleep.ASLEEP

    async def app(self, name: str = "mail") -> FakeApp:
        """One that runs, with access."""
        instance = await self.bench(bench.StartApp(name, "its:App", [], True), os.open(os.devnull, os.O_RDONLY))
        self.apps[instance] = app = self.supervisor.apps[-1].child
        await app.begin()
        return app

    def instance_of(self, app: FakeApp) -> int:
        return next(number for number, other in self.apps.items() if other is app)

    async def bench(self, call: bench.FromBench, *fds: int) -> Any:
        with Descriptors(fds) as descriptors:
            answer = self.system.serve_bench(call, descriptors)
            return await answer if asyncio.iscoroutine(answer) else answer

    async def bench_event(self, event: SystemTriggerType) -> None:
        """One that nothing else shows; the tasks that it fires have been ordered when this returns."""
        await self.bench(bench.SystemEventHappens(event))
        await self.settle()

    async def fall_asleep(self) -> None:
        """Screen off, and wait until the host sleeps."""
        after = len(self.timeline.told)
        await self.bench(bench.EnterStandby())
        await self.timeline.wait("SLEEP_ENTER", after=after)
        await self.settle()

    def slots_in_use(self, kind: SlotKind) -> int:
        """As the policy counts them."""
        return self.system.channels.slots.in_use(kind)

    async def close(self) -> None:
        """The system, and whom it has started."""
        await self.system.close()
        self.supervisor.close()

    async def settle(self) -> None:
        """Until nothing is ready any more; a moment of virtual time."""
        await asyncio.sleep(0.01)

    def _continue(self, pids: tuple[int, ...]) -> None:
        for app in self.apps.values():
            if app.pid in pids:
                app.go_on()


@asynccontextmanager
async def fake_host(**rules: Any) -> AsyncIterator[FakeHost]:
    host = FakeHost(StandbyConfig(**rules))
    await host.system.start()
    try:
        yield host
    finally:
        await host.close()
        assert not host.timeline.find("SERVICE_FAULT")
