"""The intervals of channels over days: keep-alive tasks of the server interval, and what the device keeps below the app."""

from __future__ import annotations

import asyncio

from rig.device.numbers import WakeReason
from rig.device.payload import PayloadKeepAlive
from rig.standby.wire import bench
from rig.standby.wire.app_channels import (
    DecreaseNetworkKeepAlive,
    GetNetworkKeepAlive,
    GetPayloadState,
    SetKeptAliveByDevice,
    SetPayload,
    SetServerKeepAlive,
)
from rig.standby.wire.nic import NoMoreTokens
from rig.standby.wire.to_app import RunTask
from tests.standby.fake_host import fake_host
from tests.standby.virtual_time import virtual

MINUTE_S, DAY_S = 60.0, 86400.0


@virtual
async def test_the_keep_alive_task_runs_every_server_interval_for_days() -> None:
    async with fake_host() as host:
        app = await host.app()
        await app.open("inbox", minutes=30)
        opened_s = host.now_s
        ran_s: list[float] = []

        def run_task(task: RunTask) -> None:
            ran_s.append(host.now_s)
            app.done(task)

        app.on_task = run_task
        await host.fall_asleep()
        await asyncio.sleep(3 * DAY_S + MINUTE_S)
        assert len(ran_s) == 3 * 48
        assert {task.kind for task in app.tasks} == {"keepalive"}
        late_s = [at_s - opened_s - number * 30 * MINUTE_S for number, at_s in enumerate(ran_s, 1)]
        assert max(late_s) < 0.1, "it does not drift"
        assert len(host.timeline.find("SLEEP_EXIT", cause="keep_alive_timer")) == 3 * 48
        assert host.asleep


@virtual
async def test_while_the_device_keeps_it_alive_in_standby_no_task_wakes_the_host_for_days() -> None:
    """It does again when the device has nothing to send, and while the host is in use."""
    async with fake_host() as host:
        app = await host.app()
        await app.open("inbox", minutes=30)
        await app.call(SetPayload("inbox", PayloadKeepAlive.mqtt_ping()))
        await app.call(SetKeptAliveByDevice("inbox", True))
        await host.fall_asleep()
        await asyncio.sleep(3 * DAY_S)
        assert not app.tasks
        assert not host.timeline.find("SLEEP_EXIT")
        await host.bench(bench.ExitStandby())
        await asyncio.sleep(31 * MINUTE_S)
        assert len(app.tasks) == 1
        await app.call(SetPayload("inbox", None))
        await host.fall_asleep()
        await asyncio.sleep(31 * MINUTE_S)
        assert len(app.tasks) == 2


@virtual
async def test_a_device_that_takes_no_payload_leaves_it_to_the_keep_alive_task() -> None:
    async with fake_host() as host:
        host.driver.takes_payloads = False
        app = await host.app()
        await app.open("inbox", minutes=30)
        await app.call(SetPayload("inbox", PayloadKeepAlive.mqtt_ping()))
        await app.call(SetKeptAliveByDevice("inbox", True))
        assert not (await app.call(GetPayloadState("inbox"))).taken
        await host.fall_asleep()
        await asyncio.sleep(DAY_S)
        assert len(app.tasks) == 48
        assert len(host.timeline.find("SLEEP_EXIT", cause="keep_alive_timer")) == 48


@virtual
async def test_a_payload_alone_leaves_the_keep_alive_task_as_it_is() -> None:
    """The negative control."""
    async with fake_host() as host:
        app = await host.app()
        await app.open("inbox", minutes=30)
        await app.call(SetPayload("inbox", PayloadKeepAlive.mqtt_ping()))
        await host.fall_asleep()
        await asyncio.sleep(DAY_S)
        assert len(app.tasks) == 48


@virtual
async def test_a_new_interval_counts_from_the_next_keep_alive_on() -> None:
    async with fake_host() as host:
        app = await host.app()
        await app.open("inbox", minutes=30)
        await app.call(SetServerKeepAlive("inbox", 60))
        await asyncio.sleep(10 * 3600)
        assert len(app.tasks) == 10


@virtual
async def test_network_intervals_reach_the_device_and_stop_at_the_floor() -> None:
    async with fake_host(network_ka_initial_min=15, network_ka_step_min=6, network_ka_floor_min=4) as host:
        app = await host.app()
        await app.open("inbox", minutes=30)
        [key] = host.driver.connections
        for wanted in (9, 4, 4):
            await app.call(DecreaseNetworkKeepAlive("inbox"))
            assert await app.call(GetNetworkKeepAlive("inbox")) == wanted
            assert host.driver.connections[key].network_minutes == wanted


@virtual
async def test_the_keep_alive_of_a_software_channel_does_not_wake_the_host() -> None:
    async with fake_host() as host:
        app = await host.app()
        await app.open("soft", hardware=False)
        await host.fall_asleep()
        await asyncio.sleep(DAY_S)
        assert not app.tasks
        assert not host.timeline.find("SLEEP_EXIT")
        await host.bench(bench.ExitStandby())
        await asyncio.sleep(31 * MINUTE_S)
        assert not app.tasks, "its slot is lost"
        await app.close("soft")
        await app.open("soft", hardware=False)
        await asyncio.sleep(31 * MINUTE_S)
        assert len(app.tasks) == 1


@virtual
async def test_when_the_tokens_are_used_up_the_keep_alive_task_runs() -> None:
    async with fake_host() as host:
        app = await host.app()
        await app.open("inbox")
        await host.fall_asleep()
        [key] = host.driver.connections
        host.driver.device_wakes(WakeReason.NO_MORE_TOKENS.name, key, resume=False)
        assert app.stopped
        host.driver.say(NoMoreTokens(key))
        await host.settle()
        assert [task.kind for task in app.tasks] == ["keepalive"]
