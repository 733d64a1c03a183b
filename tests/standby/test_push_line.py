"""Push on a host in virtual time: the line to the service, and what apps ask of it."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

from rig.manifest.manifest import Manifest
from rig.push_line import (
    FRAME_BYTES,
    LENGTH,
    ChannelOpened,
    CloseApp,
    FromHost,
    Hello,
    Notify,
    OpenChannel,
    Welcome,
    frame,
)
from rig.standby.system.push.client import LONGEST_WAIT_S
from rig.standby.system.push.line import FRAME_S
from rig.standby.wire import bench
from rig.standby.wire.app_push import ClosePushChannel, CreatePushChannel
from rig.standby.wire.caller import CALL_TIMEOUT_S
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.nic import NotIdle
from tests.standby.fake_network import CONNECTED, NO_LINK
from tests.standby.push_scene import contents, scene
from tests.standby.virtual_time import virtual

# -- the line ------------------------------------------------------------------------------------------------------------


@virtual
async def test_what_comes_again_and_numbers_that_go_back_are_done_once() -> None:
    async with scene() as s:
        app = await s.app()
        await s.post(b"1")
        for number in (1, 0, 1):
            s.service.say(Notify(number, "mail", b"again"))
        await s.post(b"2")
        assert contents(app) == [b"1", b"2"]


@virtual
async def test_a_service_that_was_started_anew_counts_from_the_beginning() -> None:
    async with scene() as s:
        app = await s.app()
        await s.post(b"1")
        s.service.name, s.service.number = "second", 0
        s.service.hang_up()
        await s.host.timeline.wait("PUSH_CONNECTED", after=len(s.host.timeline.told))
        await s.post(b"2")
        assert contents(app) == [b"1", b"2"]


@virtual
async def test_it_is_made_again_at_once_and_then_with_longer_and_longer_waits() -> None:
    async with scene() as s:
        s.service.refuses = True
        await asyncio.sleep(60)
        s.service.hang_up(reset=True)
        await asyncio.sleep(1000)
        s.service.refuses = False
        hellos = len(s.service.all(Hello))
        await asyncio.sleep(LONGEST_WAIT_S)
        assert len(s.service.all(Hello)) == hellos + 1


@virtual
async def test_a_service_that_has_gone_without_a_word_is_missed_while_the_user_is_there() -> None:
    async with scene() as s:
        s.service.answers = lambda message: None
        await asyncio.sleep(16 * 60)
        assert s.host.timeline.find("PUSH_LOST")


@virtual
async def test_a_service_that_is_away_for_days_is_found_all_the_same() -> None:
    async with scene() as s:
        s.service.refuses = True
        s.service.hang_up()
        await asyncio.sleep(2000 * LONGEST_WAIT_S)
        s.service.refuses = False
        await s.host.timeline.wait("PUSH_CONNECTED", after=len(s.host.timeline.told))


@virtual
async def test_without_a_network_nobody_is_called() -> None:
    async with scene() as s:
        dialled: list[Any] = []
        s.host.network.become(NO_LINK)
        s.service.hang_up()
        s.host.network.connect = lambda *to: dialled.append(to)  # type: ignore[method-assign, assignment]
        await asyncio.sleep(1000)
        assert not dialled


@virtual
async def test_it_is_made_again_at_once_when_the_network_is_back() -> None:
    async with scene() as s:
        s.host.network.become(NO_LINK)
        s.service.hang_up()
        await asyncio.sleep(1000)
        s.host.network.become(CONNECTED)
        at_s = s.host.now_s
        told = await s.host.timeline.wait("PUSH_CONNECTED", after=len(s.host.timeline.told))
        assert told.at_s - at_s < 0.1


GARBAGE = {
    "too long": LENGTH.pack(FRAME_BYTES + 1),
    "nothing": LENGTH.pack(0),
    "no map": LENGTH.pack(1) + b"\xc0",
    "noise": LENGTH.pack(5) + b"\xff\xfe\xfd\xfc\xfb",
    "twice welcome": frame(Welcome("first", 0)),
    "half": frame(Notify(1, "mail", b"x" * 100))[:50],
    "half a length": b"\0\0",
}


@pytest.mark.parametrize("what", GARBAGE)
@virtual
async def test_garbage_ends_the_line_and_hurts_nobody(what: str) -> None:
    async with scene() as s:
        app = await s.app()
        s.service.say_bytes(GARBAGE[what])
        await s.host.timeline.wait("PUSH_LOST")
        await s.host.timeline.wait("PUSH_CONNECTED", after=len(s.host.timeline.told))
        await s.post(b"news")
        assert contents(app) == [b"news"]


@pytest.mark.parametrize("hang_up", [False, True])
@virtual
async def test_half_a_frame_costs_no_more_than_its_time(hang_up: bool) -> None:
    """Nor does the loop look at it again and again meanwhile."""
    async with scene() as s:
        began_s = s.host.now_s
        s.service.say_bytes(GARBAGE["half"])
        await s.host.settle()
        if hang_up:
            s.service.hang_up()
        told = await s.host.timeline.wait("PUSH_LOST")
        assert (told.at_s - began_s < 1) if hang_up else (FRAME_S <= told.at_s - began_s < FRAME_S + 1)


@virtual
async def test_nor_does_half_a_frame_keep_the_host_awake_for_longer() -> None:
    """The host tries to sleep again and again meanwhile, which an unread byte does not let it."""
    async with scene() as s:
        await s.host.fall_asleep()
        (key,) = s.host.driver.connections
        s.service.say_bytes(GARBAGE["half"])
        s.host.driver.not_idle = NotIdle(key, "50 bytes unread")
        s.host.driver.device_wakes("TCP_DATA", key)
        began_s = s.host.now_s
        told = await s.host.timeline.wait("PUSH_LOST")
        assert FRAME_S <= told.at_s - began_s < FRAME_S + 1
        s.host.driver.not_idle = None
        await s.host.timeline.wait("SLEEP_ENTER", after=len(s.host.timeline.told))


@virtual
async def test_a_frame_in_pieces_is_whole() -> None:
    async with scene() as s:
        app = await s.app()
        whole = frame(Notify(1, "mail", b"x" * 3000))
        for at in range(0, len(whole), 500):
            s.service.say_bytes(whole[at : at + 500])
            await asyncio.sleep(0.5)
        await s.host.settle()
        assert contents(app) == [b"x" * 3000]


# -- channels ------------------------------------------------------------------------------------------------------------


@virtual
async def test_a_channel_is_asked_of_the_service() -> None:
    async with scene() as s:
        app = await s.app()
        info = await app.call(CreatePushChannel("alternate", "chat"))
        assert info.uri == "http://push.example/mail/chat"
        await app.call(ClosePushChannel("alternate", "chat"))


@virtual
async def test_an_answer_to_the_system_before_is_nobodys() -> None:
    async with scene() as s:
        app = await s.app()

        def answer(message: FromHost) -> None:
            if isinstance(message, OpenChannel):
                for request in range(100):
                    s.service.say(ChannelOpened(request, "http://push.example/stale", 1))
            s.service.answer(message)

        s.service.answers = answer
        assert (await app.call(CreatePushChannel())).uri == "http://push.example/mail/"


@virtual
async def test_without_connectivity_it_raises_at_once() -> None:
    async with scene() as s:
        app = await s.app()
        s.host.network.become(NO_LINK)
        with pytest.raises(HostError) as raised:
            await app.call(CreatePushChannel())
        assert raised.value.hresult is HResult.FAIL
        s.host.network.become(CONNECTED)
        await app.call(CreatePushChannel())


@virtual
async def test_a_service_that_is_down_makes_it_raise_and_one_that_does_not_answer_too() -> None:
    async with scene() as s:
        app = await s.app()
        s.service.answers = lambda message: None
        with pytest.raises(HostError, match="does not answer"):
            await app.call(CreatePushChannel())
        s.service.refuses = True
        s.service.hang_up()
        with pytest.raises(HostError, match="FAIL"):
            await app.call(CreatePushChannel())


@virtual
async def test_an_app_hears_that_nobody_answers_before_it_gives_up_the_call() -> None:
    async with scene() as s:
        app = await s.app()

        async def slowly(address: str, port: int) -> socket.socket:
            await asyncio.sleep(9)
            return s.service.dial()

        s.host.network.connect = slowly  # type: ignore[method-assign]
        s.service.answers = lambda message: None
        s.service.hang_up()
        await asyncio.sleep(1)
        began_s = s.host.now_s
        with pytest.raises(HostError) as raised:
            await app.call(CreatePushChannel())
        assert raised.value.hresult is HResult.FAIL
        assert s.host.now_s - began_s < CALL_TIMEOUT_S


@virtual
async def test_the_service_hears_that_an_app_is_gone_now_or_later() -> None:
    async with scene() as s:
        await s.host.bench(bench.InstallPackage(Manifest("mail", entry="its:App"), []))
        s.service.refuses = True
        s.service.hang_up()
        await s.host.bench(bench.UninstallPackage("mail"))
        s.service.refuses = False
        await s.service.until(lambda: bool(s.service.all(CloseApp)))
        assert s.service.all(CloseApp)[0].app == "mail"
