"""What the broker of sockets refuses, how much it takes of one app, and that nothing of a socket is left open."""

from __future__ import annotations

import asyncio
import os
import socket

from rig.standby.wire.app_sockets import BindEnabled, EnableTransfer
from rig.standby.wire.hresult import HResult
from rig.standby.wire.socket_enums import SocketActivityConnectedStandbyAction as Action
from rig.standby.wire.socket_enums import SocketActivityKind as Kind
from tests.standby.broker_scene import scene
from tests.standby.fake_app import FakeApp, tcp_pair
from tests.standby.giver import (
    INSIDE,
    infos,
    refused,
    take,
    transfer,
)
from tests.standby.virtual_time import virtual


@virtual
async def test_listeners_and_datagram_sockets_that_are_to_wake_cannot_be_bound_where_that_is_chosen() -> None:
    for strict in (False, True):
        async with scene(strict_wake_kinds=strict) as s:
            for kind in (Kind.STREAM_SOCKET_LISTENER, Kind.DATAGRAM_SOCKET):
                await s.app.call(EnableTransfer(kind, s.task_id, Action.WAKE))
                await s.app.call(BindEnabled(kind, Action.DO_NOT_WAKE))
                bound = s.app.call(BindEnabled(kind, Action.WAKE))
                if strict:
                    assert (await refused(bound)).hresult is HResult.NOT_SUPPORTED_FOR_SOCKET
                else:
                    await bound


@virtual
async def test_what_is_no_socket_of_its_kind_is_refused() -> None:
    async with scene() as s:
        listener = socket.create_server(("127.0.0.1", 0))
        datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        unconnected, (connected, _) = socket.socket(), tcp_pair()
        wrong = [
            (listener, Kind.STREAM_SOCKET),
            (datagrams, Kind.STREAM_SOCKET),
            (unconnected, Kind.STREAM_SOCKET),
            (connected, Kind.STREAM_SOCKET_LISTENER),
            (unconnected, Kind.STREAM_SOCKET_LISTENER),
            (connected, Kind.DATAGRAM_SOCKET),
            (connected, Kind.NONE),
            (socket.socketpair()[0], Kind.STREAM_SOCKET),
        ]
        for sock, kind in wrong:
            refusal = await refused(transfer(s.app, sock, "news", s.task_id, kind=kind))
            assert refusal.hresult is HResult.INVALID_ARG, (kind, refusal)
        assert not s.host.supervisor.stored


@virtual
async def test_an_app_may_have_as_many_as_the_configuration_says_and_lists_them_all() -> None:
    async with scene(broker_sockets_per_app=300) as s:
        for number in range(300):
            await s.give(f"s{number}", context=bytes(1000))
        assert [info.id for info in await infos(s.app)] == [f"s{number}" for number in range(300)]
        ours, _ = tcp_pair()
        assert (await refused(transfer(s.app, ours, "late", s.task_id))).hresult is HResult.OUT_OF_MEMORY


@virtual
async def test_sockets_are_listed_once_each_in_the_order_of_their_transfers_whatever_the_device_took() -> None:
    """The first is asked for at the device, and comes to the broker behind the second."""
    async with scene() as s:
        s.host.driver.takes_s = 1.0
        first = asyncio.ensure_future(s.give("first", wakes=True))
        await asyncio.sleep(0.1)
        await s.give("second")
        await first
        assert [info.id for info in await infos(s.app)] == ["first", "second"]


@virtual
async def test_nothing_of_sockets_is_left_open() -> None:
    async with scene(INSIDE) as s:
        await s.quiet()

        async def round_trip() -> None:
            peer = await s.give(wakes=True)
            peer.send(b"1")
            await s.served.until_read("news", b"1")
            s.served.read.clear()
            await s.quiet()
            sock, _ = await take(s.app, "news")
            sock.close()
            peer.close()
            await s.quiet()

        await round_trip()
        before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
        for _ in range(5):
            await round_trip()
        assert len(os.listdir("/proc/self/fd")) <= before  # noqa: PTH208


@virtual
async def test_a_socket_that_takes_the_place_of_another_one_needs_no_room_of_its_own() -> None:
    async with scene(broker_sockets_per_app=1, socket_id_twice="replace") as s:
        before = await s.give()
        await s.give()
        assert before.recv(1) == b"", "the broker has closed it"
        assert (await refused(s.give("more"))).hresult == HResult.OUT_OF_MEMORY
        [info] = await infos(s.app)
        assert info.id == "news"


@virtual
async def test_a_task_may_give_its_socket_back_under_another_id() -> None:
    async with scene() as s:
        given: list[asyncio.Task[None]] = []

        async def rename(process: FakeApp) -> None:
            sock, _ = await take(process, "news")
            sock.recv(1)
            await transfer(process, sock, "renamed", s.task_id, wakes=True)

        s.host.supervisor.host_task = lambda process, order: given.append(asyncio.ensure_future(rename(process)))
        peer = await s.give(wakes=True)
        peer.send(b"1")
        await s.quiet()
        await given[0]
        [connection] = s.host.driver.connections.values()
        assert connection.names["socket"] == "renamed", "the device has one place for a connection, while the run lasts too"
