"""Surroundings in the system: turned, told once, and there again for a system that is a new one."""

from __future__ import annotations

from rig.config import StandbyConfig
from rig.standby.system.situation import Situation
from rig.standby.wire import bench
from rig.standby.wire.surroundings import NetworkCostType, Surroundings
from tests.standby.fake_host import FakeHost, fake_host
from tests.standby.virtual_time import virtual

ON_BATTERY = Surroundings(ac=False, battery_percent=15, cost=NetworkCostType.FIXED)


@virtual
async def test_a_turn_is_a_record_of_what_changed_and_of_that_alone() -> None:
    async with fake_host() as host:
        await host.bench(bench.SetSurroundings(ON_BATTERY))
        await host.bench(bench.SetSurroundings(ON_BATTERY))
        (told,) = host.timeline.find("LEVER")
        assert told.detail == {"ac": False, "battery_percent": 15, "cost": "FIXED"}
        assert await host.bench(bench.GetSurroundings()) == ON_BATTERY


@virtual
async def test_a_change_is_heard_once_with_what_was_before() -> None:
    async with fake_host() as host:
        heard: list[tuple[Situation, Situation]] = []
        host.system.situation.subscribe(lambda before, after: heard.append((before, after)))
        await host.bench(bench.SetSurroundings(ON_BATTERY))
        await host.bench(bench.SetSurroundings(ON_BATTERY))
        assert [(before.surroundings, after.surroundings) for before, after in heard] == [(Surroundings(), ON_BATTERY)]


@virtual
async def test_the_screen_that_goes_off_is_a_change() -> None:
    async with fake_host() as host:
        assert host.system.situation.now.screen_on
        await host.fall_asleep()
        assert not host.system.situation.now.screen_on


@virtual
async def test_a_new_system_has_the_surroundings_of_the_one_before() -> None:
    async with fake_host() as host:
        await host.bench(bench.SetSurroundings(ON_BATTERY))
        again = FakeHost(StandbyConfig(), host.store)
        await again.system.start()
        try:
            assert again.system.surroundings.now == ON_BATTERY
            assert again.system.situation.now.surroundings == ON_BATTERY
            assert not again.timeline.find("LEVER")
        finally:
            await again.system.close()
