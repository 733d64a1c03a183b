"""Our extension: brokered listeners and datagram sockets that wake are patterns of the device."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from rig.device.numbers import PatternType
from rig.errors import DeviceError
from rig.standby.system.sockets.activity import EXPECTED_S
from rig.standby.wire import bench
from rig.standby.wire.hresult import HResult
from rig.standby.wire.nic import Lost
from rig.standby.wire.socket_enums import SocketActivityKind as Kind
from tests.standby.fake_app import FakeApp
from tests.standby.fake_host import FakeHost, fake_host
from tests.standby.giver import Served, refused, register, take, transfer
from tests.standby.virtual_time import virtual

LISTENER, DATAGRAM = Kind.STREAM_SOCKET_LISTENER, Kind.DATAGRAM_SOCKET


class Scene:
    def __init__(self, host: FakeHost, app: FakeApp, task_id: str) -> None:
        self.host = host
        self.app = app
        self.task_id = task_id

    async def give(self, kind: Kind) -> tuple[str, int]:
        """Its address."""
        if kind is LISTENER:
            sock = socket.create_server(("127.0.0.1", 0))
        else:
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sock.bind(("127.0.0.1", 0))
        address: tuple[str, int] = sock.getsockname()
        await transfer(self.app, sock, "it", self.task_id, kind=kind, wakes=True)
        return address

    @property
    def key(self) -> str:
        (key,) = self.host.driver.patterns
        return key


@asynccontextmanager
async def scene() -> AsyncIterator[Scene]:
    async with fake_host(wake_listeners_and_datagrams=True) as host:
        host.supervisor.host_task = Served().run
        app = await host.app()
        yield Scene(host, app, await register(app))


@virtual
@pytest.mark.parametrize("kind", [LISTENER, DATAGRAM])
async def test_a_pattern_has_the_sockets_port_until_the_app_takes_the_socket(kind: Kind) -> None:
    async with scene() as s:
        _, port = await s.give(kind)
        pattern = s.host.driver.patterns[s.key].pattern
        assert (pattern.type, pattern.port, pattern.ip) == (
            PatternType.IPV4_SYN if kind is LISTENER else PatternType.UDP_PORT,
            port,
            "127.0.0.1",
        )
        sock, _ = await take(s.app, "it")
        sock.close()
        await s.host.settle()
        assert not s.host.driver.patterns


@virtual
async def test_without_the_extension_there_is_none() -> None:
    async with fake_host() as host:
        app = await host.app()
        await Scene(host, app, await register(app)).give(LISTENER)
        assert not host.driver.patterns


@virtual
async def test_one_that_its_task_does_not_take_wakes_nobody_any_more() -> None:
    async with scene() as s:
        s.host.supervisor.host_task = lambda process, order: process.done(order)
        address = await s.give(DATAGRAM)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"hello", address)
        await asyncio.sleep(1)
        assert not s.host.driver.patterns


@virtual
async def test_the_host_stays_awake_until_the_connection_that_woke_it_is_there_or_is_overdue() -> None:
    async with scene() as s:
        address = await s.give(LISTENER)
        await s.host.fall_asleep()
        s.host.driver.device_wakes("PATTERN", s.key)
        woken_s = s.host.now_s
        await asyncio.sleep(EXPECTED_S / 2)
        assert not s.host.asleep
        await s.host.timeline.wait("SLEEP_ENTER", after=len(s.host.timeline.told))
        assert s.host.now_s - woken_s >= EXPECTED_S
        s.host.driver.device_wakes("PATTERN", s.key)
        client = socket.create_connection(address)
        told = await s.host.timeline.wait("SOCKET_ACTIVITY")
        asleep = await s.host.timeline.wait("SLEEP_ENTER", after=s.host.timeline.told.index(told))
        assert asleep.at_s - told.at_s < EXPECTED_S / 2
        client.close()


@virtual
@pytest.mark.parametrize("moment_s", [point * 0.0005 for point in range(20)])
async def test_what_comes_in_the_moment_in_which_the_host_falls_asleep_wakes_it(moment_s: float) -> None:
    """The kernel has it, and the device will never see it: falling asleep takes 10 ms here."""
    async with scene() as s:
        s.host.driver.takes_s = 0.01
        address = await s.give(DATAGRAM)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            asyncio.get_running_loop().call_later(moment_s, sender.sendto, b"hello", address)
            await s.host.bench(bench.EnterStandby())
            await s.host.timeline.wait("SOCKET_ACTIVITY")


@virtual
async def test_a_pattern_that_the_device_would_not_have_again_is_tried_before_the_next_sleep() -> None:
    async with scene() as s:
        await s.give(LISTENER)
        key = s.key
        s.host.driver.patterns.clear()
        s.host.driver.say(Lost(key))
        await s.host.fall_asleep()
        assert s.key == key
        assert not s.host.timeline.find("SOCKET_ACTIVITY")


@virtual
async def test_a_device_without_room_is_a_refusal() -> None:
    async with scene() as s:
        s.host.driver.fails["add_pattern"] = DeviceError(64, 4, "LIST_FULL", "ADD_PATTERN")
        assert (await refused(s.give(LISTENER))).hresult is HResult.NO_SLOT
        assert not s.host.supervisor.stored
