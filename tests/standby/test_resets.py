"""Channels that the system takes away: which, when, what their apps are told, and that nothing of them is left."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from rig.config import StandbyConfig
from rig.device.payload import PayloadKeepAlive
from rig.errors import BenchError
from rig.standby.system.channels.slots import SlotKind
from rig.standby.wire import bench
from rig.standby.wire.app_channels import ConstructChannel, SetPayload, StopPayload, WaitForPushEnabled
from rig.standby.wire.app_tasks import RegisterTask
from rig.standby.wire.from_app import ReadBegin, ReadCompleted
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.nic import NoMoreTokens
from rig.standby.wire.statuses import ControlChannelTriggerStatus as Status
from rig.standby.wire.surroundings import Surroundings
from rig.standby.wire.task_enums import ControlChannelTriggerResetReason, SystemTriggerType
from rig.standby.wire.triggers import ResetDetails, SystemEvent
from tests.standby.fake_app import FakeApp
from tests.standby.fake_host import FakeHost, fake_host
from tests.standby.mortal_host import MortalHost
from tests.standby.virtual_time import run, virtual

HARD, SOFT = SlotKind.HARDWARE, SlotKind.SOFTWARE
HOUR_S = 3600.0
AWAY: list[tuple[dict[str, Any], str]] = [
    ({"session_connected": False}, "FAST_USER_SWITCHED"),
    ({"quiet_hours": True}, "QUIET_HOURS_EXIT"),
]
"""Levers under which the broker is not ready, and what a reset says when it is again."""


async def turn(host: FakeHost, **levers: Any) -> None:
    """The others are as at first."""
    await host.bench(bench.SetSurroundings(Surroundings(**levers)))
    await host.settle()


async def both_kinds(host: FakeHost) -> FakeApp:
    app = await host.app()
    assert await app.open("hard") is Status.HARDWARE_SLOT_ALLOCATED
    assert await app.open("soft", hardware=False) is Status.SOFTWARE_SLOT_ALLOCATED
    return app


def resets(host: FakeHost) -> list[tuple[str, str, bool, bool]]:
    return [(told.app, told.reason, told.hardware, told.software) for told in host.timeline.find("RESET")]


def nothing_is_left(host: FakeHost) -> None:
    assert [host.slots_in_use(kind) for kind in SlotKind] == [0, 0]
    assert not host.driver.connections


@virtual
async def test_over_standby_software_slots_are_lost_and_hardware_slots_are_not() -> None:
    async with fake_host() as host:
        app = await both_kinds(host)
        await host.fall_asleep()
        assert [host.slots_in_use(kind) for kind in (HARD, SOFT)] == [1, 0]
        assert not resets(host), "it is told when the user is back"
        app.peers["soft"].send(b"lost")
        await host.bench(bench.ExitStandby())
        await host.settle()
        assert resets(host) == [("mail", "LOW_POWER_EXIT", False, True)]
        assert host.timeline.find("RESET")[0].at_s >= host.timeline.find("POWER", state="active")[0].at_s
        app.peers["soft"].send(b"lost too")
        app.peers["hard"].send(b"news")
        await asyncio.sleep(HOUR_S)
        assert {task.channel for task in app.tasks} == {"hard"}, "neither data nor its keep-alive timer run anything"
        assert not host.timeline.find("USAGE_FAULT")


@virtual
async def test_a_host_that_did_not_come_to_sleep_has_lost_nothing() -> None:
    """The user is back while an app still reads: what came for software channels meanwhile runs their tasks now."""
    async with fake_host() as host:
        app = await both_kinds(host)
        app.read_s = 1.0
        await host.bench(bench.EnterStandby())
        app.peers["soft"].send(b"held")
        await asyncio.sleep(0.5)
        assert host.system.power.screen.name == "ENTERING_STANDBY"
        app.notify(ReadBegin(None))
        await asyncio.sleep(1.0)
        assert not app.tasks
        await host.bench(bench.ExitStandby())
        await host.settle()
        assert [task.channel for task in app.tasks] == ["soft"]
        assert not resets(host)


@pytest.mark.parametrize(("levers", "reason"), AWAY)
@virtual
async def test_both_kinds_go_with_the_broker_and_their_apps_hear_when_it_is_back(levers: dict[str, Any], reason: str) -> None:
    async with fake_host() as host:
        app, other = await both_kinds(host), await host.app("other")
        await other.open("soft", hardware=False)
        idle = await host.app("idle")
        await idle.call(ConstructChannel("unused", 30, True))
        await turn(host, **levers)
        nothing_is_left(host)
        assert not resets(host)
        for peer in (*app.peers.values(), *other.peers.values()):
            peer.send(b"lost")
        await asyncio.sleep(HOUR_S)
        await turn(host)
        assert resets(host) == [("mail", reason, True, True), ("other", reason, False, True)]
        assert not app.tasks
        await turn(host, **levers)
        await turn(host)
        assert len(resets(host)) == 2, "there was nothing left to take"


@virtual
async def test_of_what_was_taken_away_nobody_knows_how_far_its_sealed_keep_alives_came() -> None:
    """The device may have sent some of them: none may be sent again."""
    async with fake_host() as host:
        app = await host.app()
        await app.open("hard")
        await app.call(SetPayload("hard", PayloadKeepAlive.sealed_records([bytes(32)] * 2)))
        await host.fall_asleep()
        await host.bench(bench.ExitStandby())
        await turn(host, session_connected=False)
        assert not host.driver.connections
        with pytest.raises(HostError) as refused:
            await app.call(StopPayload("hard"))
        assert refused.value.hresult is HResult.ELEMENT_NOT_FOUND


@virtual
async def test_the_last_token_of_what_was_taken_away_runs_nothing() -> None:
    async with fake_host() as host:
        app = await host.app()
        await app.open("hard")
        [key] = host.driver.connections
        host.driver.fails["give_back"] = BenchError("RIG-B03", "the device does not answer")
        await turn(host, session_connected=False)
        host.driver.say(NoMoreTokens(key))
        await host.settle()
        assert not app.tasks


@pytest.mark.parametrize("again", ["bind", "construct"])
@virtual
async def test_a_channel_that_is_built_again_works_again(again: str) -> None:
    async with fake_host() as host:
        app = await both_kinds(host)
        await turn(host, session_connected=False)
        await turn(host)
        for channel, hardware in (("hard", True), ("soft", False)):
            assert Status(await app.call(WaitForPushEnabled(channel))) is Status.SERVICE_UNAVAILABLE, "it is dead"
            if again == "bind":
                app.forget_transport(channel)
                await app.connect(channel)
                status = Status(await app.call(WaitForPushEnabled(channel)))
            else:
                await app.close(channel)
                status = await app.open(channel, hardware=hardware)
            assert status.allocated
            app.peers[channel].send(b"news")
            await host.settle()
        assert [task.channel for task in app.tasks] == ["hard", "soft"]
        assert [host.slots_in_use(kind) for kind in (HARD, SOFT)] == [1, 1]
        assert len(host.driver.connections) == 1


@pytest.mark.parametrize(("levers", "reason"), AWAY)
@pytest.mark.parametrize("hardware", [True, False])
@virtual
async def test_who_asks_while_the_broker_is_away_is_told_to_ask_again(
    levers: dict[str, Any], reason: str, hardware: bool
) -> None:
    async with fake_host(hw_slots_total=0 if not hardware else 1) as host:
        app = await host.app()
        await turn(host, **levers)
        assert await app.open("inbox", hardware=hardware) is Status.SERVICE_UNAVAILABLE
        nothing_is_left(host)
        await turn(host)
        assert resets(host) == [("mail", reason, hardware, not hardware)]
        await app.close("inbox")
        assert (await app.open("inbox", hardware=hardware)).allocated


@virtual
async def test_a_connect_while_the_broker_is_away_is_no_matter_of_slots() -> None:
    async with fake_host(hw_slots_total=0) as host:
        app = await host.app()
        await turn(host, session_connected=False)
        assert await app.open("inbox") is Status.SERVICE_UNAVAILABLE


@virtual
async def test_an_app_that_runs_again_is_told_what_it_had() -> None:
    async with fake_host() as host:
        app, other = await both_kinds(host), await host.app("other")
        await other.open("hard")
        app.kill()
        await host.timeline.wait("APP_TERMINATED", app="mail")
        assert not resets(host)
        again = await host.app()
        await host.settle()
        assert resets(host) == [("mail", "APPLICATION_RESTART", True, True)]
        again.kill()
        await host.timeline.wait("APP_TERMINATED", after=len(host.timeline.told))
        await host.app()
        await host.settle()
        assert len(resets(host)) == 1, "the one between had none"


@virtual
async def test_an_app_that_closed_its_channels_is_told_nothing() -> None:
    async with fake_host() as host:
        app = await both_kinds(host)
        for channel in ("hard", "soft"):
            await app.close(channel)
        await host.fall_asleep()
        await host.bench(bench.ExitStandby())
        await turn(host, session_connected=False)
        await turn(host)
        app.kill()
        await host.timeline.wait("APP_TERMINATED")
        await host.app()
        await host.settle()
        assert not resets(host)


@virtual
async def test_a_reset_that_the_device_cannot_hear_of_is_made_good_before_the_next_sleep() -> None:
    async with fake_host() as host:
        await both_kinds(host)
        host.driver.fails["give_back"] = BenchError("RIG-B03", "no answer")
        await turn(host, session_connected=False)
        assert host.driver.connections
        host.driver.fails.clear()
        await host.fall_asleep()
        nothing_is_left(host)


@virtual
async def test_a_user_who_comes_and_goes_at_any_moment_of_a_set_up_leaves_no_channel_half_alive() -> None:
    """In steps of half a millisecond; the device takes 10 ms for a call."""
    for step in range(60):
        async with fake_host(hw_slots_total=1) as host:
            host.driver.takes_s = 0.01
            app = await host.app()
            opening = asyncio.ensure_future(app.open("inbox"))
            await asyncio.sleep(step * 0.0005)
            early = opening.done()
            await turn(host, session_connected=False)
            await turn(host)
            status = await opening
            if early or status is Status.SERVICE_UNAVAILABLE:
                assert resets(host) == [("mail", "FAST_USER_SWITCHED", True, False)], f"step {step}"
                await asyncio.sleep(0.05)
                nothing_is_left(host)
            else:
                assert status is Status.HARDWARE_SLOT_ALLOCATED
                assert not resets(host), f"step {step}: it began after that"
            await app.close("inbox")
            assert await app.open("inbox") is Status.HARDWARE_SLOT_ALLOCATED


# -- and the system dies -----------------------------------------------------------------------------------------------


def test_what_is_to_be_told_outlives_the_system(tmp_path: Path) -> None:
    """At every step of the system between the loss and the word of it: the task runs once, and all slots are free."""

    async def life(dies_at: int | None) -> int:
        host = MortalHost(tmp_path / f"{dies_at}.db", StandbyConfig())
        await host.start([dies_at] if dies_at is not None else [])
        app = await host.app()
        await app.open("hard")
        await app.open("soft", hardware=False)
        await app.call(RegisterTask("resets", "Resets", SystemEvent(SystemTriggerType.CONTROL_CHANNEL_RESET), in_app=True))
        await host.bench(bench.SetSurroundings(Surroundings(session_connected=False)))
        await asyncio.sleep(1)
        await host.bench(bench.SetSurroundings(Surroundings()))
        await asyncio.sleep(1)
        told = {(told.reason, told.hardware, told.software) for told in host.timeline.find("RESET")}
        assert told == {("FAST_USER_SWITCHED", True, True)}
        assert not host.driver.connections
        assert [host.system.channels.slots.in_use(kind) for kind in SlotKind] == [0, 0]
        app.notify(ReadBegin("hard"))
        app.notify(ReadCompleted("hard", 1, over=False))
        await asyncio.sleep(1)
        [task] = app.tasks
        assert task.details == ResetDetails(ControlChannelTriggerResetReason.FAST_USER_SWITCHED, hardware=True, software=True)
        steps = host.plug.steps
        await host.close()
        return steps

    steps = run(lambda: life(None))
    for dies_at in range(20, steps):
        run(lambda: life(dies_at))  # noqa: B023
