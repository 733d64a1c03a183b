"""The broker of sockets in virtual time: whatever comes on a socket fires its task once, at whatever moment it comes."""

from __future__ import annotations

import asyncio
import os
import socket

import pytest

from rig.standby.system.tasks.scheduler import RUNS_PER_APP
from rig.standby.wire import bench
from rig.standby.wire.app_sockets import SocketTaken, TakeSocket
from rig.standby.wire.app_tasks import RegisterTask, UnregisterTask
from rig.standby.wire.hresult import HResult
from rig.standby.wire.socket_enums import SocketActivityKind as Kind
from rig.standby.wire.socket_enums import SocketActivityTriggerReason as Reason
from rig.standby.wire.surroundings import Surroundings
from rig.standby.wire.task_enums import SystemConditionType
from rig.standby.wire.triggers import SocketActivity
from tests.standby.broker_scene import MINUTE_MS, scene
from tests.standby.fake_app import FakeApp, tcp_pair
from tests.standby.giver import (
    INSIDE,
    activity,
    ask,
    infos,
    refused,
    reset,
    take,
    transfer,
)
from tests.standby.virtual_time import virtual

# -- what comes, and when ----------------------------------------------------------------------------------------------


@virtual
async def test_what_has_come_before_the_transfer_fires_at_once_and_what_comes_after_it_too() -> None:
    async with scene() as s:
        ours, peer = tcp_pair()
        peer.send(b"before")
        await s.quiet()
        await transfer(s.app, ours, "news", s.task_id, context=b"c")
        await s.served.until_read("news", b"before")
        await s.quiet()
        peer.send(b" after")
        await s.served.until_read("news", b"before after")
        assert s.reasons == [Reason.SOCKET_ACTIVITY] * 2
        assert s.served.contexts == {b"c"}


@virtual
async def test_data_at_every_moment_of_a_transfer_and_of_a_take_is_read_once_and_in_order() -> None:
    """The device takes 10 ms for a slot: the moments are 0.2 ms apart."""
    async with scene() as s:
        s.host.driver.takes_s = 0.01
        for point in range(80):
            ours, peer = tcp_pair()
            moment = point * 0.0002
            asyncio.get_running_loop().call_later(moment, peer.send, b"1")
            asyncio.get_running_loop().call_later(moment + 0.007, peer.send, b"2")
            await transfer(s.app, ours, f"s{point}", s.task_id, wakes=True)
            await s.served.until_read(f"s{point}", b"12")
            await s.quiet()
            sock, _ = await take(s.app, f"s{point}")
            sock.close()
            await s.quiet()
            assert s.served.read[f"s{point}"] == b"12"
        assert not s.host.driver.connections
        assert not s.host.supervisor.stored


@virtual
async def test_while_the_app_has_the_socket_nothing_fires_and_what_it_leaves_unread_does_when_it_is_given_back() -> None:
    async with scene() as s:
        peer = await s.give()
        sock, taken = await take(s.app, "news")
        peer.send(b"mine, yours")
        await s.quiet()
        assert not s.reasons
        assert sock.recv(4) == b"mine"
        await transfer(s.app, sock, "news", taken.task_id)
        await s.served.until_read("news", b", yours")


@virtual
async def test_a_run_that_has_to_wait_is_the_only_one() -> None:
    task = RegisterTask("serves", "mail.Serves", SocketActivity(), conditions=(SystemConditionType.INTERNET_AVAILABLE,))
    async with scene(task) as s:
        await s.host.bench(bench.SetSurroundings(Surroundings(internet=False)))
        peer = await s.give(keep_alive_ms=5 * MINUTE_MS)
        for _ in range(3):
            peer.send(b"x")
            await s.quiet()
        await asyncio.sleep(600)
        assert len(list(s.host.system.tasks.instances)) == 1
        await s.host.bench(bench.SetSurroundings(Surroundings()))
        await s.served.until_read("news", b"xxx")
        assert s.reasons == [Reason.SOCKET_ACTIVITY]


@virtual
async def test_a_task_that_does_not_take_its_socket_is_not_run_again_until_it_is_given_anew() -> None:
    async with scene() as s:
        s.host.supervisor.host_task = lambda process, order: process.done(order)
        peer = await s.give(keep_alive_ms=5 * MINUTE_MS)
        peer.send(b"1")
        await asyncio.sleep(1200)
        peer.send(b"2")
        await asyncio.sleep(1200)
        assert len(s.host.timeline.find("SOCKET_ACTIVITY")) == 1
        assert [info.id for info in await infos(s.app)] == ["news"]
        s.host.supervisor.host_task = s.served.run
        sock, _ = await take(s.app, "news")
        await transfer(s.app, sock, "news", s.task_id)
        await s.served.until_read("news", b"12")


@virtual
async def test_sockets_of_one_app_that_all_have_something_at_once_all_get_their_run() -> None:
    """More than may wait for one app's processes."""
    async with scene() as s:
        count = RUNS_PER_APP + 40
        peers = [await s.give(f"s{number}") for number in range(count)]
        for number, peer in enumerate(peers):
            peer.send(b"%d" % number)
        for number in range(count):
            await s.served.until_read(f"s{number}", b"%d" % number, limit_s=60)
        assert s.host.timeline.find("SOCKET_WAITS")
        assert not s.host.timeline.find("USAGE_FAULT")


@virtual
@pytest.mark.parametrize("end", ["finish", "reset"])
async def test_the_end_of_a_connection_comes_behind_what_can_be_read_of_it(end: str) -> None:
    async with scene() as s:
        peer = await s.give()
        peer.send(b"the last")
        peer.close() if end == "finish" else reset(peer)
        await s.quiet()
        assert s.reasons[-1] is Reason.SOCKET_CLOSED
        assert s.served.read["news"] == b"the last"
        assert len(s.reasons) == 2


@virtual
async def test_a_listener_has_a_connection_to_give_and_a_datagram_socket_a_datagram() -> None:
    async with scene() as s:
        s.host.supervisor.host_task = lambda process, order: process.done(order)
        listener = socket.create_server(("127.0.0.1", 0))
        datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        datagrams.bind(("127.0.0.1", 0))
        to_listener, to_datagrams = listener.getsockname(), datagrams.getsockname()
        await transfer(s.app, listener, "door", s.task_id, kind=Kind.STREAM_SOCKET_LISTENER)
        await transfer(s.app, datagrams, "post", s.task_id, kind=Kind.DATAGRAM_SOCKET)
        client = socket.create_connection(to_listener)
        await s.quiet()
        sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sender.sendto(b"letter", to_datagrams)
        await s.quiet()
        told = [activity(order) for child in s.host.supervisor.everybody for order in child.tasks]
        assert [(told.id, told.reason) for told in told] == [
            ("door", Reason.CONNECTION_ACCEPTED),
            ("post", Reason.SOCKET_ACTIVITY),
        ]
        door, _ = await take(s.app, "door")
        accepted, _ = door.accept()
        client.send(b"hello")
        assert accepted.recv(5) == b"hello"
        post, _ = await take(s.app, "post")
        assert post.recv(10) == b"letter"


@virtual
async def test_a_datagram_socket_whose_peer_has_no_port_any_more_is_not_closed() -> None:
    async with scene() as s:
        nobody = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        nobody.bind(("127.0.0.1", 0))
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.connect(nobody.getsockname())
        nobody.close()
        again = sock.dup()
        await transfer(s.app, sock, "post", s.task_id, kind=Kind.DATAGRAM_SOCKET)
        again.send(b"is anybody there?")
        await s.quiet()
        assert not s.reasons
        again.send(b"it has read the error away")


# -- timers ------------------------------------------------------------------------------------------------------------


@virtual
async def test_a_timer_runs_the_task_each_time_that_it_is_over_as_long_as_the_socket_is_given_back() -> None:
    async with scene() as s:
        begun_s = s.host.now_s
        await s.give(keep_alive_ms=15 * MINUTE_MS)
        await asyncio.sleep(46 * 60)
        assert s.reasons == [Reason.KEEP_ALIVE_TIMER_EXPIRED] * 3
        fired = [told.at_s - begun_s for told in s.host.timeline.find("SOCKET_ACTIVITY")]
        assert fired == pytest.approx([900, 1800, 2700], abs=1)


@virtual
async def test_a_timer_that_does_not_wake_ends_when_the_user_is_back_and_one_that_does_wakes_the_host() -> None:
    async with scene() as s:
        await s.give("quiet", keep_alive_ms=15 * MINUTE_MS)
        await s.give("loud", keep_alive_ms=20 * MINUTE_MS, wakes=True)
        await s.host.fall_asleep()
        await asyncio.sleep(21 * 60)
        assert s.served.reasons == [("loud", Reason.KEEP_ALIVE_TIMER_EXPIRED)]
        assert s.host.asleep
        await s.host.bench(bench.ExitStandby())
        await s.quiet()
        assert s.served.reasons[1:] == [("quiet", Reason.KEEP_ALIVE_TIMER_EXPIRED)]


# -- to whom -----------------------------------------------------------------------------------------------------------


@virtual
async def test_a_process_that_asks_twice_gets_the_same_socket_until_it_says_that_it_is_there() -> None:
    async with scene() as s:
        peer = await s.give(wakes=True)
        first, second = await ask(s.app, "news"), await ask(s.app, "news")
        assert first[0] == second[0]
        assert os.fstat(first[1].fileno()).st_ino == os.fstat(second[1].fileno()).st_ino
        other = await s.host.app("mail")
        assert (await refused(other.call(TakeSocket("news")))).hresult is HResult.ILLEGAL_METHOD_CALL
        s.app.notify(SocketTaken("news", first[0].transfer + 1))
        await s.quiet()
        assert len(await infos(s.app)) == 1, "of another transfer"
        s.app.notify(SocketTaken("news", first[0].transfer))
        assert (await refused(s.app.call(TakeSocket("news")))).hresult is HResult.ELEMENT_NOT_FOUND
        await s.quiet()
        assert not s.host.supervisor.stored
        assert not s.host.driver.connections
        for _, sock in (first, second):
            sock.close()
        assert peer.recv(1) == b"", "nobody has it any more"


@virtual
async def test_a_process_that_dies_before_it_has_the_socket_leaves_it_with_the_broker() -> None:
    async with scene() as s:
        peer = await s.give()
        other = await s.host.app("mail")
        _, sock = await ask(other, "news")
        peer.send(b"for whoever comes")
        await s.quiet()
        assert not s.reasons
        sock.close()
        other.kill()
        await s.served.until_read("news", b"for whoever comes")


@virtual
async def test_a_task_that_dies_before_it_has_the_socket_has_not_given_it_back() -> None:
    async with scene() as s:
        dying: list[asyncio.Task[None]] = []

        async def die(process: FakeApp) -> None:
            _, sock = await ask(process, "news")
            sock.close()
            process.kill()

        s.host.supervisor.host_task = lambda process, order: dying.append(asyncio.ensure_future(die(process)))
        peer = await s.give()
        peer.send(b"1")
        await s.quiet()
        assert len(s.host.timeline.find("SOCKET_ACTIVITY")) == 1
        sock, _ = await take(s.app, "news")
        assert sock.recv(1) == b"1"


@virtual
async def test_the_task_of_an_app_that_does_not_run_any_more_gets_the_socket() -> None:
    async with scene() as s:
        peer = await s.give(context=b"who I am", wakes=True)
        s.app.kill()
        await s.quiet()
        peer.send(b"hello")
        await s.served.until_read("news", b"hello")
        assert s.served.contexts == {b"who I am"}


@virtual
async def test_a_suspended_app_goes_on_for_a_task_of_its_own_process() -> None:
    async with scene(INSIDE) as s:
        peer = await s.give()
        await s.host.bench(bench.Suspend(s.host.instance_of(s.app)))
        assert s.app.stopped
        peer.send(b"hello")
        await s.served.until_read("news", b"hello")
        await s.quiet()
        assert s.app.stopped


@virtual
async def test_a_socket_whose_task_is_gone_is_silent() -> None:
    async with scene() as s:
        peer = await s.give(keep_alive_ms=MINUTE_MS)
        await s.app.call(UnregisterTask(s.task_id, cancel=False))
        peer.send(b"1")
        await asyncio.sleep(600)
        assert not s.reasons
        assert len(s.host.timeline.find("SOCKET_WAITS")) == 1
        sock, _ = await take(s.app, "news")
        assert sock.recv(1) == b"1"
        assert (await refused(transfer(s.app, sock, "news", s.task_id))).hresult is HResult.ELEMENT_NOT_FOUND
