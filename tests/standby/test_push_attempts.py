"""Attempts to reach the push service that fail in strange ways or at bad moments, on a host in virtual time."""

from __future__ import annotations

import asyncio
import socket

from rig.manifest.manifest import Manifest
from rig.push_line import CloseApp, Hello, OpenChannel
from rig.standby.system.push.client import LONGEST_WAIT_S
from rig.standby.wire import bench
from rig.standby.wire.app_push import CreatePushChannel
from rig.standby.wire.surroundings import Surroundings
from tests.standby.test_push import contents, scene
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
