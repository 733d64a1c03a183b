"""Lives of sockets with the broker, drawn at random: given, taken, asked for by processes that die, written to, ended, asleep,
over deaths of the system and refusals of the device. Whatever has happened: each byte that a peer sent is read once and in order,
and when the app has all of its sockets back nothing of them is left anywhere.

    pytest --hypothesis-profile=long tests/standby/test_broker_lives.py     looks for an hour rather than for seconds
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rig.config import StandbyConfig
from rig.errors import DeviceError
from rig.standby.wire import bench
from rig.standby.wire.hresult import HostError
from rig.standby.wire.to_app import RunTask
from tests.standby.fake_app import FakeApp, tcp_pair
from tests.standby.giver import INSIDE, SERVES, Served, ask, infos, register, reset, take, transfer
from tests.standby.mortal_host import MortalHost
from tests.standby.strategies import examples
from tests.standby.virtual_time import run

IDS = ("a", "b", "c")
MINUTE_MS = 60_000
LIVES = 60
"""A few seconds."""
LIMIT_S = 24 * 3600.0

ids = st.sampled_from(IDS)
moves = st.one_of(
    st.tuples(st.just("give"), ids, st.booleans(), st.booleans(), st.sampled_from([0, 10 * MINUTE_MS])),
    st.tuples(st.just("push"), ids),
    st.tuples(st.just("push"), ids),
    st.tuples(st.just("end"), ids, st.booleans()),
    st.tuples(st.just("take"), ids),
    st.tuples(st.just("back"), ids),
    st.tuples(st.just("ask and die"), ids),
    st.tuples(st.just("standby")),
    st.tuples(st.just("user")),
    st.tuples(st.just("wake"), ids),
    st.tuples(st.just("die")),
    st.tuples(st.just("refuse"), st.booleans()),
    st.tuples(st.just("wait"), st.sampled_from([0.0, 0.002, 0.1, 700.0])),
)


class Careful(Served):
    """The app may have taken the socket first."""

    async def _serve(self, process: FakeApp, order: RunTask) -> None:
        try:
            await super()._serve(process, order)
        except HostError:
            if not process.killed:
                process.end_task(order.instance)


class Life:
    """Each `_MOVE` is a move; one that cannot be made now is none."""

    def __init__(self, host: MortalHost) -> None:
        self.host = host
        self.served = Careful()
        self.peers: dict[str, socket.socket] = {}
        self.sent: dict[str, bytes] = dict.fromkeys(IDS, b"")
        self.held: dict[str, socket.socket] = {}
        self.wakes: dict[str, bool] = {}
        self.numbers = itertools.count()
        self.present = True
        """The user is: else the app may be stopped in the middle of a call."""

    async def begin(self) -> None:
        self.host.supervisor.host_task = self.served.run
        self.app = await self.host.app()
        self.app.on_task = lambda order: self.served.run(self.app, order)
        self.others = [await self.host.app() for _ in range(3)]
        self.tasks = {False: await register(self.app, SERVES), True: await register(self.app, INSIDE)}

    async def move(self, name: str, *arguments: Any) -> None:
        with contextlib.suppress(HostError):
            await getattr(self, "_" + name.replace(" ", "_"))(*arguments)

    async def _give(self, name: str, wakes: bool, inside: bool, keep_alive_ms: int) -> None:
        """Each id once in a life: its bytes are one stream."""
        if name in self.peers or not self.present:
            return
        ours, self.peers[name] = tcp_pair()
        self.held[name], self.wakes[name] = ours, wakes
        await transfer(self.app, ours, name, self.tasks[inside], wakes=wakes, keep_alive_ms=keep_alive_ms)
        del self.held[name]

    async def _push(self, name: str) -> None:
        if name in self.peers and self.peers[name].fileno() >= 0:
            data = b"%d " % next(self.numbers)
            self.peers[name].send(data)
            self.sent[name] += data

    async def _end(self, name: str, hard: bool) -> None:
        if name in self.peers and self.peers[name].fileno() >= 0:
            reset(self.peers[name]) if hard else self.peers[name].close()

    async def _take(self, name: str) -> None:
        if name not in self.held and self.present:
            self.held[name], _ = await take(self.app, name)

    async def _back(self, name: str) -> None:
        if name in self.held and self.present:
            await transfer(self.app, self.held[name], name, self.tasks[False], wakes=self.wakes[name])
            del self.held[name]

    async def _ask_and_die(self, name: str) -> None:
        if not self.present or not self.others:
            return
        other = self.others.pop()
        try:
            _, sock = await ask(other, name)
            sock.close()
        finally:
            other.kill()

    async def _standby(self) -> None:
        self.present = False
        await self.host.bench_or_done(bench.EnterStandby())

    async def _user(self) -> None:
        await self.host.bench_or_done(bench.ExitStandby())
        await asyncio.sleep(0.1)
        self.present = True

    async def _wake(self, name: str) -> None:
        asleep = self.host.driver.asleep_with
        for key, connection in list(self.host.driver.connections.items()):
            if asleep is not None and connection.names.get("socket") == name and key in asleep:
                self.host.driver.device_wakes("TCP_DATA", key)
                await self._push(name)
                return

    async def _die(self) -> None:
        """And the next one is there when this is over."""
        await self.host._up.wait()
        if not self.host.plug.dead:
            self.host.plug._pull()
        await self.host._up.wait()

    async def _refuse(self, refuses: bool) -> None:
        self.host.driver.fails.clear()
        if refuses:
            self.host.driver.fails["reserve"] = DeviceError(64, 4, "LIST_FULL", "ADD_TCP_SLOT")

    async def _wait(self, time_s: float) -> None:
        await asyncio.sleep(time_s)

    # -- the end -------------------------------------------------------------------------------------------------------

    async def finish(self) -> None:
        await self._refuse(False)
        await asyncio.sleep(10)
        await self.host.bench_or_done(bench.ExitStandby())
        await asyncio.sleep(10)
        for info in await infos(self.app):
            self.held[info.id], _ = await take(self.app, info.id)
        for name, sock in {**self.served.kept, **self.held}.items():
            with contextlib.suppress(BlockingIOError, ConnectionResetError):
                self.served.read[name] += sock.recv(65536, socket.MSG_DONTWAIT)
            sock.close()
        await asyncio.sleep(10)
        for name in self.peers:
            assert self.served.read[name] == self.sent[name], name
        assert not await infos(self.app)
        assert not self.host.supervisor.stored
        assert not self.host.driver.connections
        assert not list(self.host.system.tasks.instances)
        for app in (self.app, *self.others):
            app.kill()
        await asyncio.sleep(10)
        assert not self.host.timeline.find("SERVICE_FAULT")


@settings(max_examples=examples(LIVES), deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(moves, min_size=5, max_size=25))
def test_no_byte_is_lost_or_read_twice_and_nothing_is_left(made: list[tuple[Any, ...]]) -> None:
    async def whole(path: Path) -> None:
        host = MortalHost(path, StandbyConfig())
        await host.start()
        async with asyncio.timeout(LIMIT_S):
            life = Life(host)
            await life.begin()
            for move in made:
                await life.move(*move)
            await life.finish()
        await host.close()

    with tempfile.TemporaryDirectory() as folder:
        run(lambda: whole(Path(folder) / "system.db"))
