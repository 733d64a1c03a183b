"""An owner whom the system knows by no name: whom a wake continues, and what is left when an app or the system ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from rig.config import StandbyConfig
from rig.device.pattern import Pattern
from rig.standby.system.driver import PatternToOffload
from rig.standby.wire import bench
from rig.standby.wire.nic import Lost, NotIdle
from tests.standby.doorbells import FIRST_PORT, Doorbells
from tests.standby.fake_host import FakeHost, fake_host
from tests.standby.mortal_host import MortalHost
from tests.standby.virtual_time import run, virtual


@asynccontextmanager
async def host_with_bells() -> AsyncIterator[tuple[FakeHost, Doorbells]]:
    async with fake_host() as host:
        bells = Doorbells(host.system, host.driver)
        host.system.owners.add(bells)
        yield host, bells


@virtual
async def test_a_pattern_continues_the_app_whose_it_is_and_its_owner_hears_why() -> None:
    async with host_with_bells() as (host, bells):
        first, second = await host.app("first"), await host.app("second")
        await host.fall_asleep()
        for app in (first, second, first):
            key = f"pattern {[first, second].index(app) + 1}"
            assert host.driver.patterns[key].resume == (app.pid,)
            host.driver.device_wakes("PACKET", key)
            assert [app.stopped for app in (first, second)] == [app is second, app is first]
            assert bells.rung[-1] == (key, "PACKET")
            await host.timeline.wait("SLEEP_ENTER", after=len(host.timeline.told))
            await host.settle()
        assert sorted(pattern.pattern.port or 0 for pattern in host.driver.patterns.values()) == [FIRST_PORT + 1, FIRST_PORT + 2]


@virtual
async def test_who_keeps_the_host_awake_is_named_as_its_owner_calls_it() -> None:
    async with host_with_bells() as (host, _):
        await host.app("mail")
        host.driver.not_idle = NotIdle("pattern 1", "it rings")
        await host.bench(bench.EnterStandby())
        assert (await host.timeline.wait("SLEEP_REFUSED")).holder == "the bell of app mail/1"
        host.driver.not_idle = NotIdle("pattern 9", "nobody's any more")
        after = len(host.timeline.told)
        assert (await host.timeline.wait("SLEEP_REFUSED", after=after)).holder == "the network"
        host.driver.not_idle = None
        await host.timeline.wait("SLEEP_ENTER")


@virtual
async def test_an_app_that_ends_takes_its_pattern_with_it_and_leaves_the_other_ones() -> None:
    async with host_with_bells() as (host, _):
        first = await host.app("mail")
        await host.app("mail")
        await host.fall_asleep()
        first.kill()
        await host.timeline.wait("APP_TERMINATED", instance=1)
        assert list(host.driver.patterns) == ["pattern 2"]


@virtual
async def test_one_that_the_device_would_not_have_again_is_its_owners_to_give_again() -> None:
    async with host_with_bells() as (host, _):
        await host.app()
        await host.fall_asleep()
        [pattern] = host.driver.patterns.values()
        host.driver.patterns.clear()
        host.driver.device_wakes("FIRMWARE_STALLED")
        host.driver.say(Lost(pattern.key))
        host.driver.say(Lost("pattern 9"))
        await host.timeline.wait("SLEEP_ENTER", after=len(host.timeline.told))
        assert list(host.driver.patterns.values()) == [pattern]


def test_a_new_system_and_the_driver_agree_on_patterns(tmp_path: Path) -> None:
    """One that nobody knows is removed, one that the driver lacks is given to it, and all others stay as they are."""

    async def life() -> None:
        host = MortalHost(tmp_path / "store", StandbyConfig())
        await host.start()
        await host.app("first")
        await host.app("second")
        await host.bench(bench.EnterStandby())
        await host.timeline.wait("SLEEP_ENTER")
        await host.bench(bench.ExitStandby())
        kept, lacking = host.driver.patterns["pattern 1"], host.driver.patterns.pop("pattern 2")
        nobodys = PatternToOffload(key="pattern 9", names={}, pattern=Pattern.udp(0, 1))
        host.driver.patterns["pattern 9"] = nobodys
        host.plug._pull()
        await host.bench(bench.EnterStandby())
        await host.timeline.wait("SLEEP_ENTER", after=len(host.timeline.told))
        assert host.driver.patterns == {"pattern 1": kept, "pattern 2": lacking}
        await host.close()

    run(life)


@virtual
async def test_a_key_that_a_dead_system_had_not_written_down_may_be_given_again_while_the_new_one_agrees() -> None:
    """It is the same number that it gives next: what it removes is nobody's at that moment."""
    host = FakeHost(StandbyConfig())
    bells = Doorbells(host.system, host.driver)
    host.system.owners.add(bells)
    for key in ("pattern 9", "pattern 8", "pattern 7", "pattern 1"):
        host.driver.patterns[key] = PatternToOffload(key=key, names={}, pattern=Pattern.udp(0, 1))
    await host.system.start()
    host.driver.takes_s = 5.0
    await host.app()
    await host.fall_asleep()
    await asyncio.sleep(60)  # until the agreement is there, in virtual time
    assert [(key, pattern.names["app"]) for key, pattern in host.driver.patterns.items()] == [("pattern 1", "mail")]
    await host.close()
