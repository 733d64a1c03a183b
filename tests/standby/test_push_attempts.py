"""Attempts to reach the push service that fail in strange ways or at bad moments, on a host in virtual time."""

from __future__ import annotations

import asyncio
import socket

import pytest

from rig.errors import DeviceError
from rig.manifest.manifest import Manifest
from rig.push_line import CloseApp, FromHost, Goodbye, Hello, OpenChannel
from rig.standby.system.push.client import LONGEST_AWAKE_S, LONGEST_WAIT_S
from rig.standby.wire import bench
from rig.standby.wire.app_push import CreatePushChannel
from rig.standby.wire.hresult import HostError
from rig.standby.wire.surroundings import Surroundings
from tests.standby.fake_host import fake_host
from tests.standby.fake_push_service import FakePushService
from tests.standby.push_scene import contents, scene
from tests.standby.virtual_time import virtual

LONG_NAMES = tuple(f"{number:03d}" + "\U0001f4a4" * 253 for number in range(200))
"""Of as many exempt apps as the service hears of; together they are longer than a frame."""


@virtual
async def test_exempt_apps_whose_names_fill_more_than_a_frame_leave_the_line_as_it_is() -> None:
    async with scene() as s:
        app = await s.app()
        await s.host.bench(bench.SetSurroundings(Surroundings(energy_saver_exempt=LONG_NAMES)))
        await s.post(b"1")
        s.service.hang_up()
        await s.host.timeline.wait("PUSH_CONNECTED", after=len(s.host.timeline.told))
        await s.post(b"2")
        assert contents(app) == [b"1", b"2"]
        assert s.service.power.exempt == LONG_NAMES[: len(s.service.power.exempt)] != ()
        assert len(s.host.timeline.find("PUSH_LOST")) == 1


@virtual
async def test_a_fault_of_an_attempt_is_not_the_last_of_push() -> None:
    async with scene() as s:
        app = await s.app()
        dial, faulty = s.host.network.dial, [True]

        def fails_once() -> socket.socket:
            assert dial is not None
            if faulty:
                faulty.clear()
                raise ZeroDivisionError("nobody foresaw it")
            return dial()

        s.host.network.dial = fails_once
        s.service.hang_up()
        await s.host.timeline.wait("PUSH_CONNECTED", after=len(s.host.timeline.told))
        await s.post(b"news")
        assert contents(app) == [b"news"]
        (fault,) = s.host.timeline.find("SERVICE_FAULT")
        s.host.timeline.told.remove(fault)  # it is written down, and expected


@virtual
async def test_a_line_that_breaks_behind_its_first_words_is_made_again() -> None:
    """The host reads Welcome and a notification at once, and its acknowledgement finds a line that is gone."""
    async with scene() as s:
        app = await s.app()
        service = s.service

        def breaks(message: FromHost) -> None:
            service.answer(message)
            if isinstance(message, Hello):
                service.answers = service.answer
                service.hang_up(reset=True)

        service.hang_up()
        service.answers = breaks
        service.post("mail", b"news")
        await s.host.timeline.wait("PUSH_CONNECTED", after=len(s.host.timeline.told))
        await service.until_acknowledged()
        await s.host.settle()
        assert contents(app) == [b"news"]
        assert len(service.all(Hello)) == 3


@virtual
async def test_the_user_who_comes_back_does_not_wait_for_the_next_attempt() -> None:
    """It was away for long: in standby the host asks for it once in a minute."""
    async with scene() as s:
        await s.host.fall_asleep()
        s.service.refuses = True
        (key,) = s.host.driver.connections
        s.service.hang_up()
        s.host.driver.device_wakes("KA_TIMEOUT", key)
        await s.host.timeline.wait("PUSH_LOST")
        await asyncio.sleep(20 * LONGEST_WAIT_S)
        s.service.refuses = False
        at_s = s.host.now_s
        await s.host.bench(bench.ExitStandby())
        told = await s.host.timeline.wait("PUSH_CONNECTED", after=len(s.host.timeline.told))
        assert told.at_s - at_s < 1


@virtual
async def test_a_user_who_is_there_has_push_again_soon_after_the_service_is() -> None:
    """However often a line was lost before, and quickly."""
    async with scene() as s:
        s.service.refuses = True
        s.service.hang_up()
        await asyncio.sleep(20 * LONGEST_WAIT_S + 10)
        s.service.refuses = False
        at_s = s.host.now_s
        told = await s.host.timeline.wait("PUSH_CONNECTED", after=len(s.host.timeline.told))
        assert told.at_s - at_s <= LONGEST_AWAKE_S + 0.1


@virtual
async def test_a_host_that_something_holds_awake_in_standby_misses_a_service_that_has_gone_without_a_word() -> None:
    """No device looks after the line meanwhile; a transfer on external power may take hours."""
    async with scene() as s:
        hold = s.host.system.governor.hold("transfer of mail", "it runs")
        await s.host.bench(bench.EnterStandby())
        await s.service.until(lambda: not s.service.power.screen_on)
        await s.host.settle()
        s.service.answers = lambda message: None
        await asyncio.sleep(16 * 60)
        assert s.host.timeline.find("PUSH_LOST")
        hold.release()


@virtual
async def test_a_line_without_a_place_in_the_device_is_looked_at_after_each_sleep() -> None:
    """The service may have given it up meanwhile: it had something to say, and nobody acknowledged it."""
    async with fake_host() as host:
        host.driver.fails["reserve"] = DeviceError(64, 5, "FULL", "a connection")
        service = FakePushService()
        host.network.dial = service.dial
        await host.bench(bench.UsePushService("192.0.2.20", 5230))
        await host.timeline.wait("PUSH_DEAF")
        await host.fall_asleep()
        service.answers = lambda message: None
        host.driver.device_wakes("TIMER", "")
        lost = await host.timeline.wait("PUSH_LOST")
        service.answers = service.answer
        again = await host.timeline.wait("PUSH_CONNECTED", after=len(host.timeline.told))
        assert again.at_s - lost.at_s < 1
        service.close()


@virtual
async def test_an_app_that_is_uninstalled_while_the_line_is_made_is_gone_for_the_service() -> None:
    """Else its channels are closed when it has been installed again, and has asked for new ones."""
    async with scene() as s:
        await s.host.bench(bench.InstallPackage(Manifest("mail", entry="its:App"), []))
        put = s.host.supervisor.put

        async def slow(name: str, fd: int) -> None:
            await s.host.bench(bench.UninstallPackage("mail"))
            await put(name, fd)

        s.host.supervisor.put = slow  # type: ignore[method-assign]
        s.service.hang_up()
        await s.host.timeline.wait("PUSH_CONNECTED", after=len(s.host.timeline.told))
        await s.host.settle()
        s.host.supervisor.put = put  # type: ignore[method-assign]
        app = await s.app()
        await app.call(CreatePushChannel())
        s.service.hang_up()
        await s.host.timeline.wait("PUSH_CONNECTED", after=len(s.host.timeline.told))
        await s.host.settle()
        requests = [type(one) for one in s.service.heard if isinstance(one, CloseApp | OpenChannel)]
        assert requests == [CloseApp, OpenChannel]


@virtual
async def test_an_app_that_is_uninstalled_again_and_again_is_one_that_is_gone() -> None:
    async with scene() as s:
        s.service.refuses = True
        s.service.hang_up()
        for _ in range(3):
            await s.host.bench(bench.InstallPackage(Manifest("mail", entry="its:App"), []))
            await s.host.bench(bench.UninstallPackage("mail"))
        s.service.refuses = False
        await s.service.until(lambda: len(s.service.all(Hello)) == 2)
        await s.host.settle()
        assert [one.app for one in s.service.all(CloseApp)] == ["mail"]


@virtual
async def test_a_sleeping_host_takes_its_leave_of_a_service_that_it_is_to_use_no_more() -> None:
    """Else that has a host that is connected, and posts to it are received by nobody (RAW-012)."""
    async with scene() as s:
        await s.host.fall_asleep()
        await s.host.bench(bench.UsePushService("", 0))
        await s.host.settle()
        assert s.service.all(Goodbye)
        await s.host.timeline.wait("SLEEP_ENTER", after=len(s.host.timeline.told))
        assert not s.host.driver.connections


@virtual
async def test_a_host_that_was_shut_down_uses_no_service() -> None:
    async with scene() as s:
        await s.host.bench(bench.Shutdown())
        with pytest.raises(HostError, match="shut down"):
            await s.host.bench(bench.UsePushService("192.0.2.21", 5230))
