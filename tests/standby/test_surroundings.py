"""Surroundings in the system: turned, told once, and there again for a system that is a new one."""

from __future__ import annotations

from rig.config import StandbyConfig
from rig.standby.system.situation import Situation
from rig.standby.wire import bench
from rig.standby.wire.surroundings import NetworkCostType, Surroundings
from tests.standby.fake_host import FakeHost, fake_host
from tests.standby.fake_network import CONNECTED, NO_LINK
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
            await again.close()


@virtual
async def test_a_link_that_goes_is_heard_at_once_on_a_host_that_is_awake() -> None:
    async with fake_host() as host:
        host.network.become(NO_LINK)
        (told,) = host.timeline.find("NETWORK_CHANGED")
        assert (told.link, host.system.situation.now.internet_available) == (False, False)
        host.network.become(NO_LINK)
        assert len(host.timeline.find("NETWORK_CHANGED")) == 1


@virtual
async def test_what_the_network_does_while_the_host_sleeps_is_seen_at_the_wake_once() -> None:
    async with fake_host() as host:
        await host.fall_asleep()
        for state in (NO_LINK, CONNECTED, NO_LINK):
            host.network.become(state)
        await host.settle()
        assert not host.timeline.find("NETWORK_CHANGED")
        host.driver.device_wakes("WAKE_TIMER")
        await host.settle()
        assert [told.link for told in host.timeline.find("NETWORK_CHANGED")] == [False]


@virtual
async def test_a_sleep_with_a_network_that_is_as_before_is_no_change() -> None:
    async with fake_host() as host:
        await host.fall_asleep()
        host.network.become(NO_LINK)
        host.network.become(CONNECTED)
        host.driver.device_wakes("WAKE_TIMER")
        await host.settle()
        assert not host.timeline.find("NETWORK_CHANGED")


@virtual
async def test_what_the_network_did_while_there_was_no_system_is_seen_by_the_next() -> None:
    async with fake_host() as host:
        await host.settle()
        again = FakeHost(StandbyConfig(), host.store)
        again.network.become(NO_LINK)
        await again.system.start()
        try:
            assert [told.link for told in again.timeline.find("NETWORK_CHANGED")] == [False]
        finally:
            await again.close()
