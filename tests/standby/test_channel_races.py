"""Something happens at every moment of a channel's set-up, in steps of 0.2 ms of virtual time: no wrong status, nothing is left.

One host lives through all points of a sweep, so that what one of them leaves behind is found by the next ones.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from rig.config import StandbyConfig
from rig.standby.system.channels.slots import SlotKind
from rig.standby.system.power import Screen
from rig.standby.wire import bench
from rig.standby.wire.app_channels import (
    CloseChannel,
    ConnectBegin,
    ConnectEnd,
    ConstructChannel,
    UsingTransport,
    WaitForPushEnabled,
)
from rig.standby.wire.app_tasks import RegisterTask
from rig.standby.wire.statuses import ControlChannelTriggerStatus as Status
from rig.standby.wire.surroundings import Surroundings
from rig.standby.wire.triggers import ChannelPush
from tests.standby.fake_app import FakeApp
from tests.standby.fake_host import FakeHost, fake_host
from tests.standby.mortal_host import MortalHost
from tests.standby.virtual_time import run, virtual

STEP_S, POINTS = 0.0002, 120
"""24 ms: from before the constructor until after the grant."""
PAUSE_S, DEVICE_S = 0.001, 0.01
"""Between two calls of the app; of each call of the driver."""
HARDWARE = pytest.mark.parametrize("hardware", [True, False], ids=["hardware", "software"])


async def set_up(app: FakeApp, hardware: bool) -> Status:
    await app.call(ConstructChannel("inbox", 30, hardware))
    await asyncio.sleep(PAUSE_S)
    await app.call(RegisterTask("inbox", "Inbox", ChannelPush("inbox")))
    await asyncio.sleep(PAUSE_S)
    await app.call(UsingTransport("inbox", 1))
    await asyncio.sleep(PAUSE_S)
    await app.call(ConnectBegin("inbox", 1, "192.0.2.9", 5228))
    await asyncio.sleep(PAUSE_S)
    ours = app.new_transport("inbox")
    await asyncio.sleep(PAUSE_S)
    await app.call(ConnectEnd("inbox", 1), [ours.fileno()])
    await asyncio.sleep(PAUSE_S)
    status = Status(await app.call(WaitForPushEnabled("inbox")))
    app.reads_from("inbox")
    return status


def all_agree(host: FakeHost) -> None:
    """Slots as the policy counts them, as channels have them, as the driver holds them; descriptors in the store."""
    channels = list(host.system.channels.table)
    for kind in SlotKind:
        assert host.slots_in_use(kind) == sum(channel.kind is kind for channel in channels)
    assert set(host.driver.connections) == {channel.key for channel in channels if channel.key is not None}
    assert set(host.supervisor.stored) == {channel.stored_as for channel in channels if channel.sock is not None}


async def the_next_one_gets_its_slot(host: FakeHost, app: FakeApp, hardware: bool) -> None:
    await app.call(CloseChannel("inbox"))
    app.drop_transport("inbox")
    all_agree(host)
    assert not list(host.system.channels.table)
    assert await app.open("next", hardware=hardware) is (
        Status.HARDWARE_SLOT_ALLOCATED if hardware else Status.SOFTWARE_SLOT_ALLOCATED
    )
    await app.close("next")


# -- what happens ------------------------------------------------------------------------------------------------------

Happens = Callable[[FakeHost, FakeApp], Awaitable[None]]


async def standby_and_back(host: FakeHost, app: FakeApp) -> None:
    await host.bench(bench.EnterStandby())
    await asyncio.sleep(0.1)
    await host.bench(bench.ExitStandby())


async def screen_off_and_on(host: FakeHost, app: FakeApp) -> None:
    """Before the host can have slept."""
    await host.bench(bench.EnterStandby())
    await asyncio.sleep(0.002)
    await host.bench(bench.ExitStandby())


async def users_switch(host: FakeHost, app: FakeApp) -> None:
    await host.bench(bench.SetSurroundings(Surroundings(session_connected=False)))
    await asyncio.sleep(0.002)
    await host.bench(bench.SetSurroundings(Surroundings()))


async def quiet_hours_in_standby(host: FakeHost, app: FakeApp) -> None:
    await host.bench(bench.EnterStandby())
    await host.bench(bench.SetSurroundings(Surroundings(quiet_hours=True)))
    await asyncio.sleep(0.05)
    await host.bench(bench.SetSurroundings(Surroundings()))
    await host.bench(bench.ExitStandby())


async def another_window(host: FakeHost, app: FakeApp) -> None:
    await host.bench(bench.Suspend(host.instance_of(app)))
    await asyncio.sleep(0.002)
    await host.bench(bench.Resume(host.instance_of(app)))


@HARDWARE
@pytest.mark.parametrize("how", ["finish", "reset"])
@virtual
async def test_the_peer_goes(how: str, hardware: bool) -> None:
    """Before the set-up is over it ends with TRANSPORT_DISCONNECTED, and afterwards the channel has its slot."""
    seen = set()
    async with fake_host(hw_slots_total=1, sw_slots_per_app=1) as host:
        host.driver.takes_s = DEVICE_S
        app = await host.app()
        for point in range(POINTS):
            after = len(host.timeline.told)
            setting_up = asyncio.ensure_future(set_up(app, hardware))
            await asyncio.sleep(point * STEP_S)
            granted = any(told.event == "SLOT_GRANT" for told in host.timeline.told[after:])
            in_time = not granted and "inbox" in app.peers
            if "inbox" in app.peers:
                app.end_peer("inbox", how)
            status = await setting_up
            seen.add((in_time, status))
            assert status is Status.TRANSPORT_DISCONNECTED or not in_time, f"point {point}"
            assert status.allocated or in_time, f"point {point}"
            await host.settle()
            all_agree(host)
            await the_next_one_gets_its_slot(host, app, hardware)
    assert len(seen) == 2, "some points were before the end of the set-up, some after it"


@HARDWARE
@pytest.mark.parametrize("happens", [standby_and_back, screen_off_and_on, users_switch, quiet_hours_in_standby, another_window])
@virtual
async def test_the_world_changes(happens: Happens, hardware: bool) -> None:
    """A channel that was given is alive, or its app was told of its reset; one that was refused may be had afterwards."""
    statuses = set()
    async with fake_host(hw_slots_total=1, sw_slots_per_app=1) as host:
        host.driver.takes_s = DEVICE_S
        app = await host.app()
        for point in range(POINTS):
            after = len(host.timeline.told)
            setting_up = asyncio.ensure_future(set_up(app, hardware))
            await asyncio.sleep(point * STEP_S)
            await happens(host, app)
            statuses.add(status := await setting_up)
            await asyncio.sleep(0.1)
            assert status.allocated or status is Status.SERVICE_UNAVAILABLE, f"point {point}"
            assert host.system.power.screen is Screen.ACTIVE
            all_agree(host)
            reset = [told for told in host.timeline.told[after:] if told.event == "RESET"]
            [channel] = host.system.channels.table
            assert bool(reset) == (channel.reset or not status.allocated), f"point {point}: {status.name}, {reset}"
            if not reset:
                app.peers["inbox"].send(b"news")
                await host.settle()
                assert len(app.tasks) == 1, f"point {point}: it is alive"
            app.tasks.clear()
            await the_next_one_gets_its_slot(host, app, hardware)
    assert any(status.allocated for status in statuses)


@HARDWARE
@pytest.mark.filterwarnings("error:coroutine .* was never awaited", "error::pytest.PytestUnraisableExceptionWarning")
@virtual
async def test_the_app_is_killed(hardware: bool) -> None:
    async with fake_host(hw_slots_total=1, sw_slots_per_app=1) as host:
        host.driver.takes_s = DEVICE_S
        for point in range(POINTS):
            app = await host.app()
            after = len(host.timeline.told)
            setting_up = asyncio.ensure_future(set_up(app, hardware))
            await asyncio.sleep(point * STEP_S)
            app.kill()
            setting_up.cancel()
            await host.timeline.wait("APP_TERMINATED", after=after)
            await host.settle()
            all_agree(host)
            assert not list(host.system.channels.table), f"point {point}"


# -- and the system dies -----------------------------------------------------------------------------------------------


async def peer_resets(host: MortalHost, app: FakeApp) -> None:
    app.end_peer("inbox", "reset")


async def sleeps(host: MortalHost, app: FakeApp) -> None:
    await host.bench(bench.EnterStandby())
    await asyncio.sleep(1)
    await host.bench(bench.ExitStandby())


async def switched(host: MortalHost, app: FakeApp) -> None:
    await host.bench(bench.SetSurroundings(Surroundings(session_connected=False)))
    await asyncio.sleep(1)
    await host.bench(bench.SetSurroundings(Surroundings()))


@HARDWARE
@pytest.mark.parametrize("happens", [peer_resets, sleeps, switched])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_the_system_dies_at_every_step_of_that(
    tmp_path: Path, happens: Callable[[MortalHost, FakeApp], Awaitable[None]], hardware: bool, after: bool
) -> None:
    """Before or after each thing that it does: the next one comes to the same end."""
    rules = StandbyConfig(hw_slots_total=1, sw_slots_per_app=1)

    async def life(*deaths: int) -> tuple[int, Any]:
        host = MortalHost(tmp_path / f"{deaths}.db", rules)
        await host.start(deaths, after=after)
        app = await host.app()
        status = await set_up(app, hardware)
        assert status.allocated, f"deaths at {deaths}"
        await happens(host, app)
        await asyncio.sleep(1)
        resets = {(told.reason, told.hardware, told.software) for told in host.timeline.find("RESET")}
        await app.call(CloseChannel("inbox"))
        app.drop_transport("inbox")
        assert not host.driver.connections, f"deaths at {deaths}"
        assert not host.supervisor.stored
        assert [host.system.channels.slots.in_use(kind) for kind in SlotKind] == [0, 0]
        assert (await app.open("next", hardware=hardware)).allocated, f"deaths at {deaths}"
        steps = host.plug.steps
        app.kill()
        await asyncio.sleep(1)
        await host.close()
        return steps, resets

    steps, resets = run(life)
    for dies_at in range(3, steps - 3):
        assert run(lambda: life(dies_at))[1] == resets, f"the system died at step {dies_at}"  # noqa: B023
