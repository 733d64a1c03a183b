"""Push on a host in virtual time that falls asleep, sleeps and wakes."""

from __future__ import annotations

import asyncio

from rig.errors import DeviceError
from rig.push_line import (
    Goodbye,
    Ping,
)
from rig.standby.wire import bench
from rig.standby.wire.app_push import CreatePushChannel
from rig.standby.wire.surroundings import Surroundings
from tests.standby.fake_host import fake_host
from tests.standby.fake_push_service import FakePushService
from tests.standby.push_scene import SAVER, Scene, contents, scene
from tests.standby.virtual_time import virtual


@virtual
async def test_a_frame_that_comes_wakes_the_host_again_and_again() -> None:
    async with scene() as s:
        app = await s.app()
        await s.host.fall_asleep()
        for content in (b"1", b"2", b"3"):
            await s.wakes(content)
            await s.host.timeline.wait("SLEEP_ENTER", after=len(s.host.timeline.told))
            await s.host.settle()
        assert contents(app) == [b"1", b"2", b"3"]


@virtual
async def test_the_service_knows_the_power_state_before_the_host_sleeps() -> None:
    async with scene() as s:
        assert s.service.power.screen_on
        held: list[Ping] = []
        s.service.answers = lambda message: held.append(message) if isinstance(message, Ping) else s.service.answer(message)
        await s.host.bench(bench.EnterStandby())
        await asyncio.sleep(1)
        assert not s.service.power.screen_on
        assert not s.host.asleep
        s.service.answer(held[0])
        await s.host.timeline.wait("SLEEP_ENTER")
        s.service.answers = s.service.answer
        await s.host.settle()
        await s.host.bench(bench.SetSurroundings(SAVER))
        await s.service.until(lambda: s.service.power.saver)
        assert not s.service.power.ac


@virtual
async def test_what_the_service_does_not_weigh_leaves_the_host_asleep() -> None:
    async with scene() as s:
        await s.host.fall_asleep()
        await s.host.bench(bench.SetSurroundings(Surroundings(roaming=True)))
        await asyncio.sleep(10)
        assert s.host.asleep
        assert not s.host.timeline.find("SLEEP_EXIT")


@virtual
async def test_a_service_that_is_silent_keeps_nobody_awake_for_long() -> None:
    async with scene() as s:
        s.service.answers = lambda message: None
        await s.host.bench(bench.EnterStandby())
        await s.host.timeline.wait("SLEEP_ENTER")
        await s.host.timeline.wait("PUSH_LOST")


@virtual
async def test_a_connection_that_the_device_has_lost_is_made_again() -> None:
    async with scene() as s:
        app = await s.app()
        await s.host.fall_asleep()
        (key,) = s.host.driver.connections
        s.host.driver.device_wakes("KA_TIMEOUT", key)
        await s.host.timeline.wait("PUSH_LOST")
        await s.host.timeline.wait("PUSH_CONNECTED", after=s.host.timeline.told.index(s.host.timeline.find("PUSH_LOST")[0]))
        await s.host.timeline.wait("SLEEP_ENTER", after=len(s.host.timeline.told))
        assert len(s.host.driver.connections) == 1
        await s.host.settle()
        await s.wakes(b"news")
        assert contents(app) == [b"news"]


@virtual
async def test_a_device_without_a_place_for_the_line_is_asked_again_before_the_next_sleep() -> None:
    async with fake_host() as host:
        host.driver.fails["reserve"] = DeviceError(64, 5, "FULL", "a connection")
        service = FakePushService()
        host.network.dial = service.dial
        await host.bench(bench.UsePushService("192.0.2.20", 5230))
        s = Scene(host, service)
        app = await s.app()
        assert (await host.timeline.wait("PUSH_DEAF")).places == {}
        await host.fall_asleep()
        assert host.driver.asleep_with == []
        service.post("mail", b"later")
        await asyncio.sleep(60)
        assert not app.tasks
        del host.driver.fails["reserve"]
        await host.bench(bench.ExitStandby())
        await service.until_acknowledged()
        await host.fall_asleep()
        await s.wakes(b"now")
        assert contents(app) == [b"later", b"now"]
        assert host.system.owners.places == {"the push client": 1}
        service.close()


@virtual
async def test_a_host_that_is_shut_down_leaves_nothing_in_the_device_and_takes_its_leave() -> None:
    async with scene() as s:
        await s.host.bench(bench.Shutdown())
        await s.service.until(lambda: bool(s.service.all(Goodbye)))
        await s.host.settle()
        assert not s.host.driver.connections
        assert not s.host.supervisor.stored


@virtual
async def test_an_app_that_asks_as_the_host_falls_asleep_has_its_answer() -> None:
    async with scene() as s:
        app = await s.app()
        await s.host.bench(bench.EnterStandby())
        await s.service.until(lambda: not s.service.power.screen_on)
        while not s.host.driver.entries:
            await asyncio.sleep(0.0001)
        app.go_on()
        assert (await app.call(CreatePushChannel())).uri
