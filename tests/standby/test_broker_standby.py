"""Sockets with the broker in connected standby: which of them the device keeps, and what becomes of their places there."""

from __future__ import annotations

import asyncio
import socket

from rig.device.numbers import WakeReason
from rig.errors import DeviceError
from rig.standby.wire import bench
from rig.standby.wire.app_tasks import RegisterTask
from rig.standby.wire.hresult import HResult
from rig.standby.wire.nic import Lost
from rig.standby.wire.socket_enums import SocketActivityTriggerReason as Reason
from rig.standby.wire.surroundings import Surroundings
from rig.standby.wire.task_enums import SystemConditionType
from rig.standby.wire.to_app import RunTask
from rig.standby.wire.triggers import SocketActivity
from tests.standby.broker_scene import scene
from tests.standby.fake_app import FakeApp, tcp_pair
from tests.standby.giver import (
    ask,
    give,
    refused,
    take,
    transfer,
)
from tests.standby.virtual_time import virtual


@virtual
async def test_a_socket_that_wakes_sleeps_with_the_device_and_runs_its_task_when_that_wakes() -> None:
    async with scene() as s:
        peer = await s.give(wakes=True)
        await s.host.fall_asleep()
        assert s.host.driver.asleep_with == [s.key]
        s.host.driver.device_wakes("TCP_DATA", s.key)
        peer.send(b"wake up")
        await s.served.until_read("news", b"wake up")
        await s.host.timeline.wait("SLEEP_ENTER", after=len(s.host.timeline.told))
        assert s.host.driver.asleep_with == [s.key]


@virtual
async def test_nothing_that_does_not_wake_fires_in_standby_awake_or_asleep() -> None:
    async with scene() as s:
        quiet = await s.give("quiet")
        loud = await s.give("loud", wakes=True)
        await s.host.fall_asleep()
        quiet.send(b"1")
        s.host.driver.device_wakes("TCP_DATA", s.key)
        loud.send(b"2")
        await s.served.until_read("loud", b"2")
        await s.quiet()
        assert not s.served.read["quiet"]
        await s.host.bench(bench.ExitStandby())
        await s.served.until_read("quiet", b"1")


@virtual
async def test_a_peer_that_the_device_found_gone_and_a_connection_that_is_lost_are_closed() -> None:
    async with scene() as s:
        await s.give("first", wakes=True)
        await s.host.fall_asleep()
        s.host.driver.device_wakes(WakeReason.KA_TIMEOUT.name, s.key)
        await s.quiet()
        assert s.served.reasons == [("first", Reason.SOCKET_CLOSED)]
        assert not s.host.driver.connections
        await s.host.bench(bench.ExitStandby())
        await s.give("second", wakes=True)
        s.host.driver.say(Lost(s.key))
        await s.quiet()
        assert s.served.reasons[1:] == [("second", Reason.SOCKET_CLOSED)]
        assert not s.host.driver.connections


@virtual
async def test_a_socket_whose_run_waits_is_not_the_devices() -> None:
    """It has something unread, and would keep the host awake for ever."""
    task = RegisterTask("serves", "mail.Serves", SocketActivity(), conditions=(SystemConditionType.USER_PRESENT,))
    async with scene(task) as s:
        await s.host.bench(bench.SetSurroundings(Surroundings(user_present=False)))
        peer = await s.give(wakes=True)
        peer.send(b"1")
        await s.quiet()
        await s.host.fall_asleep()
        assert s.host.driver.asleep_with == []
        await s.host.bench(bench.SetSurroundings(Surroundings()))
        await s.served.until_read("news", b"1")


@virtual
async def test_the_device_refuses_what_it_has_no_room_for_and_the_broker_has_nothing_of_it() -> None:
    async with scene() as s:
        s.host.driver.fails["reserve"] = DeviceError(64, 4, "LIST_FULL", "ADD_TCP_SLOT")
        ours, peer = tcp_pair()
        assert (await refused(transfer(s.app, ours, "news", s.task_id, wakes=True))).hresult is HResult.NO_SLOT
        assert not s.host.supervisor.stored
        assert not list(s.host.system.sockets.table)
        ours.send(b"still mine")
        assert peer.recv(20) == b"still mine"
        s.host.driver.fails.clear()
        await transfer(s.app, ours, "news", s.task_id, wakes=True)
        s.host.driver.fails["reserve"] = DeviceError(64, 4, "LIST_FULL", "ADD_TCP_SLOT")
        assert "its connections: 1 of brokered sockets" in (await refused(s.give("more", wakes=True))).text
        peer.send(b"yours")
        await s.served.until_read("news", b"yours")


@virtual
async def test_the_kernel_keeps_no_connection_alive_that_the_device_keeps() -> None:
    """It would count what nobody answers while the host sleeps; the app has it as it was."""
    for wakes in (True, False):
        async with scene() as s:
            ours, peer = tcp_pair()
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            with ours.dup() as same, peer:
                await transfer(s.app, ours, "news", s.task_id, wakes=wakes)
                assert bool(same.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)) == (not wakes)
                other = await s.host.app("mail")
                _, sock = await ask(other, "news")
                assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
                sock.close()
                other.kill()
                await s.quiet()
                assert bool(same.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)) == (not wakes)


@virtual
async def test_a_task_gives_its_socket_back_to_the_place_that_it_had_without_the_device_being_asked() -> None:
    """Which may be full by then: a socket that the broker once took keeps working (B-33)."""
    async with scene() as s:
        peer = await s.give(wakes=True)
        key = s.key
        s.host.driver.fails["reserve"] = DeviceError(64, 4, "LIST_FULL", "ADD_TCP_SLOT")
        for number in range(3):
            peer.send(b"%d" % number)
            await s.quiet()
        assert s.served.read["news"] == b"012"
        assert s.key == key
        await s.host.fall_asleep()
        assert s.host.driver.asleep_with == [key]


@virtual
async def test_a_place_that_a_task_does_not_give_its_socket_back_to_is_free_when_its_run_is_over() -> None:
    async with scene() as s:
        kept: list[socket.socket] = []

        async def keep(process: FakeApp, order: RunTask) -> None:
            kept.append((await take(process, "news"))[0])
            await asyncio.sleep(1)
            process.end_task(order.instance)

        running: list[asyncio.Task[None]] = []
        s.host.supervisor.host_task = lambda process, order: running.append(asyncio.ensure_future(keep(process, order)))
        peer = await s.give(wakes=True)
        peer.send(b"1")
        await s.quiet()
        assert s.host.driver.connections
        await asyncio.sleep(2)
        assert not s.host.driver.connections


@virtual
async def test_a_connection_made_anew_under_the_id_of_one_that_ended_has_its_place_at_once() -> None:
    async with scene() as s:
        peers: list[socket.socket] = []

        async def renew(process: FakeApp, order: RunTask) -> None:
            old, _ = await take(process, "news")
            old.close()
            peers.append(await give(process, "news", s.task_id, wakes=True))
            assert len(s.host.driver.connections) == 1
            process.end_task(order.instance)

        running: list[asyncio.Task[None]] = []
        s.host.supervisor.host_task = lambda process, order: running.append(asyncio.ensure_future(renew(process, order)))
        peer = await s.give(wakes=True)
        before = s.key
        peer.close()
        await s.quiet()
        await running[0]
        assert s.key != before
