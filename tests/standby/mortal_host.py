"""A host whose system dies between any two things that it does, and is started anew; its apps and its driver live on.

Death is a plug that is pulled: nothing that the dead system does from then on reaches anybody.
"""

from __future__ import annotations

import asyncio
import inspect
import os
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from rig.config import StandbyConfig
from rig.errors import UsageError
from rig.standby.system.faults import Faults
from rig.standby.system.store import Done, Name, Store
from rig.standby.system.supervising import Child
from rig.standby.system.system import System
from rig.standby.wire import bench
from rig.standby.wire.descriptors import Descriptors
from rig.standby.wire.hresult import HostError
from rig.standby.wire.line import pair
from rig.standby.wire.nic import Settled
from tests.standby.doorbells import Doorbells
from tests.standby.fake_app import FakeApp
from tests.standby.fake_driver import FakeDriver
from tests.standby.fake_host import REAL_TIME, FakeTimeline
from tests.standby.fake_network import FakeNetwork
from tests.standby.fake_supervisor import FakeSupervisor
from tests.standby.fake_transfers import FakeTransfers


class Plug:
    """Of one system, pulled at its `dies_at`-th step, before or after it; a step is whatever outlives it. `on_pull` is called
    once, at once."""

    def __init__(self, on_pull: Callable[[], None], dies_at: int | None, after: bool) -> None:
        self.dead = False
        self.steps = 0
        self._on_pull = on_pull
        self._dies_at = dies_at
        self._after = after

    def begin(self) -> int | None:
        """The number of the step; None when it does not happen."""
        if self.dead:
            return None
        number = self.steps
        self.steps += 1
        if number == self._dies_at and not self._after:
            self._pull()
            return None
        return number

    def end(self, number: int) -> None:
        if number == self._dies_at and not self.dead:
            self._pull()

    def _pull(self) -> None:
        self.dead = True
        self._on_pull()


class Mortal:
    """What a system holds of something that outlives it: calls of a dead one do nothing, and never return if they could wait."""

    def __init__(self, plug: Plug, target: Any) -> None:
        self._plug = plug
        self._target = target

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._target, name)
        if inspect.iscoroutinefunction(value):
            return lambda *arguments, **named: self._later(value, arguments, named)
        if not callable(value):
            return value
        return lambda *arguments, **named: self._now(value, arguments, named)

    def _now(self, call: Callable[..., Any], arguments: Any, named: Any) -> Any:
        step = self._plug.begin()
        if step is None:
            return None
        result = call(*arguments, **named)
        self._plug.end(step)
        return result

    async def _later(self, call: Callable[..., Awaitable[Any]], arguments: Any, named: Any) -> Any:
        step = self._plug.begin()
        if step is not None:
            result = await call(*[_bare(argument) for argument in arguments], **named)
            self._plug.end(step)
            if not self._plug.dead:
                return result
        return await asyncio.get_running_loop().create_future()


def _bare(argument: Any) -> Any:
    return argument._target if isinstance(argument, Mortal) else argument


class MortalTimeline(Mortal):
    """A record is no step: nobody goes by it."""

    def _now(self, call: Callable[..., Any], arguments: Any, named: Any) -> Any:
        return None if self._plug.dead else call(*arguments, **named)


class MortalSupervisor(Mortal):
    def child(self) -> Child:
        child: Child = Mortal(self._plug, self._target.child())
        return child


class MortalStore(Store):
    def __init__(self, path: Path, plug: Plug) -> None:
        super().__init__(path)
        self._plug = plug

    @property
    def is_dead(self) -> bool:
        return self._plug.dead

    def save(self, changes: Mapping[Name, bytes | None], done: Sequence[Done] = (), gone: Collection[int] = ()) -> None:
        step = self._plug.begin()
        if step is not None:
            super().save(changes, done, gone)
            self._plug.end(step)


class MortalHost:
    def __init__(self, path: Path, rules: StandbyConfig) -> None:
        self.timeline = FakeTimeline()
        self.driver = FakeDriver(self.timeline)
        self.driver.continues = self._continue
        self.supervisor = FakeSupervisor()
        self.network = FakeNetwork()
        self.transfers = FakeTransfers()
        self.deaths = 0
        self._restarting: asyncio.Future[None] | None = None
        self._path = path
        self._rules = rules
        self._up = asyncio.Event()

    async def start(self, deaths: Sequence[int] = (), *, after: bool = False) -> None:
        """The first system dies at the first of those steps, the next one at the next of its own, the last one not."""
        self._deaths, self._after = deaths, after
        self._starting = asyncio.ensure_future(self._start())
        await self._up.wait()

    async def _start(self) -> None:
        deaths, after = self._deaths, self._after
        dies_at = deaths[self.deaths] if self.deaths < len(deaths) else None
        self.plug = plug = Plug(self._died, dies_at, after)
        self.store = MortalStore(self._path, plug)
        timeline, supervisor = MortalTimeline(plug, self.timeline), MortalSupervisor(plug, self.supervisor)
        driver = Mortal(plug, self.driver)
        transfers = Mortal(plug, self.transfers)
        arguments: Any = (driver, supervisor, self.store, timeline, Faults(self.timeline), self.network, transfers)
        self.system = System(self._rules, REAL_TIME, *arguments)
        self.system.owners.add(Doorbells(self.system, driver))
        outlived = self.supervisor.outlived()
        for app in outlived:
            object.__setattr__(app, "child", Mortal(plug, app.child))
        await self.system.start(outlived, self.supervisor.descriptors())
        if not plug.dead:
            self._up.set()

    async def bench_or_done(self, call: bench.FromBench) -> None:
        """A call of which a system that has done it, and died before it said so, leaves the next one nothing to do."""
        before = self.deaths
        try:
            await self.bench(call)
        except (UsageError, HostError):
            if self.deaths == before:
                raise

    async def bench(self, call: bench.FromBench, *fds: int, on_death: Callable[[], None] = lambda: None) -> Any:
        """A call that a system does not live to answer is asked again, of the next one."""
        while True:
            await self._up.wait()
            if self.plug.dead:  # again, between this wait and its end
                continue
            died = self.deaths
            with Descriptors([os.dup(fd) for fd in fds]) as descriptors:
                answer = self.system.serve_bench(call, descriptors)
                if not inspect.iscoroutine(answer):
                    if died == self.deaths:
                        return answer
                    on_death()
                    continue
                asked = asyncio.ensure_future(answer)
                while not asked.done() and died == self.deaths:
                    await asyncio.wait([asked], timeout=0.001)
                if died == self.deaths:
                    return asked.result()
                asked.cancel()
                on_death()

    async def app(self, name: str = "mail") -> FakeApp:
        """The only one: if the system dies with the call, the app's end of the test's line hangs up, and it ends."""

        def hang_up() -> None:
            for started in self.supervisor.apps:
                started.child.kill()

        with open(os.devnull) as test:  # noqa: PTH123
            await self.bench(bench.StartApp(name, "its:App", [], True), test.fileno(), on_death=hang_up)
        app = self.supervisor.apps[-1].child
        await app.begin()
        return app

    def _died(self) -> None:
        """Its descriptors are closed, and another one is started."""
        self.deaths += 1
        self._up.clear()
        nobody, other = pair()
        other.close()
        for app in self.system.processes:
            fd = app._peer.line.fileno()
            if fd >= 0:
                asyncio.get_running_loop().remove_reader(fd)
                os.dup2(nobody.fileno(), fd)
        push_fd = self.system.push.client.socket_fd
        if push_fd is not None:
            asyncio.get_running_loop().remove_reader(push_fd)
            os.dup2(nobody.fileno(), push_fd)
        nobody.close()
        for channel in self.system.channels.table:
            if channel.sock is not None and channel.sock.fileno() >= 0:
                asyncio.get_running_loop().remove_reader(channel.sock.fileno())
        self.system.sockets.watch.stop()
        self.driver.nobody_listens()
        self.transfers.nobody_listens()
        self._restarting = asyncio.ensure_future(self._start_anew(self.system))

    async def _start_anew(self, dead: System) -> None:
        await dead._background.stop()
        await self._start()

    def _continue(self, pids: tuple[int, ...]) -> None:
        for started in self.supervisor.apps:
            if started.child.pid in pids:
                started.child.go_on()

    async def close(self) -> None:
        await self.system.close()
        if self._restarting is not None:  # it died as it was closed: nobody wants another one
            self._restarting.cancel()
            await asyncio.wait([self._restarting])
        self.supervisor.close()
        self.store.close()
        self.driver.say(Settled())
