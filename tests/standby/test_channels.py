"""Channels: what may run in standby, slots, and a device that is silent or forgets meanwhile."""

from __future__ import annotations

import asyncio

import pytest

from rig.device.numbers import WakeReason
from rig.errors import BenchError
from rig.standby.system.app_process import FAILURE_S
from rig.standby.wire import bench
from rig.standby.wire.app_channels import (
    CloseChannel,
    ConnectBegin,
    ConnectEnd,
    ConstructChannel,
    SetServerKeepAlive,
    UsingTransport,
    WaitForPushEnabled,
)
from rig.standby.wire.app_tasks import RegisterTask, RequestAccess
from rig.standby.wire.from_app import ReadBegin, ReadCompleted
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.nic import DeviceRestarted, LeaseExpired, Lost, NotIdle
from rig.standby.wire.statuses import ControlChannelTriggerStatus as Status
from rig.standby.wire.triggers import ChannelPush
from tests.standby.fake_app import FakeApp, tcp_pair
from tests.standby.fake_host import FakeHost, fake_host
from tests.standby.virtual_time import virtual

MINUTE_S, DAY_S = 60.0, 86400.0


@virtual
async def test_in_standby_only_a_hardware_channel_runs_tasks_and_the_other_ones_are_over_then() -> None:
    async with fake_host() as host:
        app = await host.app()
        assert await app.open("hard") is Status.HARDWARE_SLOT_ALLOCATED
        assert await app.open("soft", hardware=False) is Status.SOFTWARE_SLOT_ALLOCATED
        await host.fall_asleep()
        [key] = host.driver.connections
        host.driver.device_wakes("PACKET", key)
        app.peers["soft"].send(b"1")
        app.peers["hard"].send(b"2")
        await host.timeline.wait("SLEEP_ENTER", after=len(host.timeline.told))
        await host.settle()
        assert [task.channel for task in app.tasks] == ["hard"]
        app.peers["soft"].send(b"3")
        await asyncio.sleep(2 * MINUTE_S)
        assert [task.channel for task in app.tasks] == ["hard"], "data of a software channel resume nobody in standby"
        await host.bench(bench.ExitStandby())
        await host.settle()
        assert [(task.channel, task.kind) for task in app.tasks] == [("hard", "push")], "their slots are lost (CCT-047)"


@virtual
async def test_data_for_an_app_in_the_background_resume_it() -> None:
    async with fake_host() as host:
        app = await host.app()
        await app.open("inbox")
        await host.bench(bench.Suspend(host.instance_of(app)))
        assert app.stopped
        app.peers["inbox"].send(b"news")
        await host.timeline.wait("APP_RESUME", cause="data")
        await host.settle()
        assert len(app.tasks) == 1
        assert app.stopped, "it has nothing to do any more"


@virtual
async def test_a_connection_that_the_device_gave_up_is_the_apps_to_end() -> None:
    async with fake_host() as host:
        app = await host.app()
        await app.open("inbox")
        await host.fall_asleep()
        [key] = host.driver.connections
        host.driver.device_wakes(WakeReason.KA_TIMEOUT.name, key)
        await host.settle()
        assert app.failed == ["inbox"]


@virtual
async def test_a_lost_connection_is_given_back_before_the_next_sleep() -> None:
    async with fake_host() as host:
        app = await host.app()
        await app.open("inbox")
        await host.fall_asleep()
        [key] = host.driver.connections
        host.driver.device_wakes("PACKET", None)
        host.driver.say(Lost(key))
        await host.timeline.wait("SLEEP_ENTER", after=len(host.timeline.told))
        assert app.failed == ["inbox"]
        assert not host.driver.connections
        assert host.driver.asleep_with == []


@virtual
@pytest.mark.parametrize("how", ["lost", "given up"])
async def test_an_app_that_is_slow_to_hear_of_it_is_not_stopped_over_it(how: str) -> None:
    """On a loaded machine it has no processor for as long as the host lingers. It would hear it when something else continues
    it: for days perhaps."""
    async with fake_host() as host:
        app = await host.app()
        await app.open("inbox")
        await host.fall_asleep()
        [key] = host.driver.connections
        if how == "lost":
            host.driver.device_wakes("PACKET", None)
            host.driver.say(Lost(key))
        else:
            host.driver.device_wakes(WakeReason.KA_TIMEOUT.name, key)
        await asyncio.sleep(FAILURE_S / 2)
        assert not app.stopped
        app.notify(ReadBegin("inbox"))
        app.notify(ReadCompleted("inbox", 1, True))
        await host.settle()
        for task in app.tasks:
            app.done(task)
        after = len(host.timeline.told)
        await host.timeline.wait("SLEEP_ENTER", after=after)
        assert app.stopped


@virtual
@pytest.mark.parametrize("notice", [DeviceRestarted(2), LeaseExpired()], ids=["restarted", "lease"])
async def test_a_device_that_lost_all_is_given_the_next_sleep_as_before(notice: DeviceRestarted | LeaseExpired) -> None:
    async with fake_host() as host:
        app = await host.app()
        await app.open("inbox")
        await host.fall_asleep()
        host.driver.device_wakes("FIRMWARE_STALLED")
        host.driver.say(notice)
        await host.timeline.wait("SLEEP_ENTER", after=len(host.timeline.told))
        assert host.driver.asleep_with == list(host.driver.connections)
        assert len(host.driver.connections) == 1
        assert not app.failed


# -- identity ----------------------------------------------------------------------------------------------------------


@virtual
async def test_two_apps_of_one_name_are_two() -> None:
    async with fake_host() as host:
        first, second = await host.app("mail"), await host.app("mail")
        for app in (first, second):
            await app.open("inbox", minutes=30)
        assert len(host.driver.connections) == 2
        first.peers["inbox"].send(b"news")
        await host.settle()
        assert (len(first.tasks), len(second.tasks)) == (1, 0)
        first.kill()
        await host.timeline.wait("APP_TERMINATED")
        assert len(host.driver.connections) == 1
        second.peers["inbox"].send(b"news")
        await asyncio.sleep(31 * MINUTE_S)
        assert [task.kind for task in second.tasks] == ["push", "keepalive"]


@virtual
async def test_two_apps_of_one_name_have_the_slots_of_one() -> None:
    async with fake_host(hw_slots_total=8, hw_slots_per_app=2) as host:
        first, second = await host.app("mail"), await host.app("mail")
        assert await first.open("a") is Status.HARDWARE_SLOT_ALLOCATED
        assert await second.open("b") is Status.HARDWARE_SLOT_ALLOCATED
        assert await second.open("c") is Status.POLICY_ERROR
        first.kill()
        await host.timeline.wait("APP_TERMINATED")
        assert await second.open("d") is Status.HARDWARE_SLOT_ALLOCATED


# -- ends at every moment ----------------------------------------------------------------------------------------------


async def _steps(app: FakeApp) -> None:
    """A channel's whole set-up, and its end."""
    ours, theirs = tcp_pair()
    with ours, theirs:
        await app.call(ConstructChannel("inbox", 30, True))
        await app.call(RegisterTask("inbox", "Inbox", ChannelPush("inbox")))
        await app.call(UsingTransport("inbox", 1))
        await app.call(ConnectBegin("inbox", 1, "192.0.2.9", 5228))
        await app.call(ConnectEnd("inbox", 1), [ours.fileno()])
        await app.call(WaitForPushEnabled("inbox"))
        await app.call(UsingTransport("inbox", 2))
        await app.call(CloseChannel("inbox"))


async def _ends_after(host: FakeHost, delay_s: float) -> bool:
    """Whether the app had come to its end by itself. Calls of the driver take 10 ms each, all else next to nothing."""
    app = await host.app("mail")
    work = asyncio.ensure_future(_steps(app))
    done, _ = await asyncio.wait([work], timeout=delay_s)
    app.kill()
    work.cancel()
    await host.timeline.wait("APP_TERMINATED")
    return bool(done)


@virtual
async def test_an_app_that_ends_at_any_moment_leaves_nothing() -> None:
    delays_s = [number * 0.0005 for number in range(120)]
    through = []
    for delay_s in delays_s:
        async with fake_host(hw_slots_total=1) as host:
            host.driver.takes_s = 0.01
            through.append(await _ends_after(host, delay_s))
            assert not host.driver.connections, f"after {delay_s} s"
            other = await host.app("other")
            assert await other.open("inbox") is Status.HARDWARE_SLOT_ALLOCATED, f"the slot is free after {delay_s} s"
            await host.fall_asleep()
    assert not through[0]
    assert through[-1], "the last one saw the whole life of a channel"


# -- the device is silent ----------------------------------------------------------------------------------------------


@virtual
async def test_a_silent_device_holds_up_only_who_needs_it() -> None:
    async with fake_host() as host:
        waits, other = await host.app("waits"), await host.app("other")
        await waits.call(ConstructChannel("inbox", 30, True))
        await waits.connect("inbox")
        host.driver.fall_silent()
        waiting = waits.submit(WaitForPushEnabled("inbox"))
        await host.settle()
        began_s = host.now_s
        await other.call(RequestAccess())
        await other.call(ConstructChannel("inbox", 30, False))
        await other.call(RegisterTask("inbox", "Inbox", ChannelPush("inbox")))
        await other.connect("inbox")
        assert Status(await other.call(WaitForPushEnabled("inbox"))) is Status.SOFTWARE_SLOT_ALLOCATED
        await waits.call(RequestAccess())
        assert host.now_s - began_s < 0.001
        assert not waiting.done()
        host.driver.answer_again()
        assert Status(await waiting) is Status.HARDWARE_SLOT_ALLOCATED


@virtual
async def test_a_task_registered_while_its_channel_closes_does_not_run_for_the_next_one_of_that_id() -> None:
    async with fake_host() as host:
        app = await host.app()
        await app.open("inbox")
        host.driver.fall_silent()
        closes = app.submit(CloseChannel("inbox"))
        await host.settle()
        await app.call(RegisterTask("late", "Late", ChannelPush("inbox")))
        host.driver.answer_again()
        await closes
        await app.open("inbox")
        app.peers["inbox"].send(b"news")
        await host.settle()
        assert [task.name for task in app.tasks if task.kind == "push"] == ["inbox"]


@virtual
async def test_the_slot_of_an_app_that_ends_while_the_device_is_silent_comes_back() -> None:
    async with fake_host(hw_slots_total=1) as host:
        app, other = await host.app("mail"), await host.app("other")
        await app.open("inbox")
        host.driver.fall_silent()
        app.kill()
        await host.settle()
        await other.call(ConstructChannel("soft", 30, False))
        host.driver.answer_again()
        await host.timeline.wait("APP_TERMINATED")
        assert await other.open("inbox") is Status.HARDWARE_SLOT_ALLOCATED


@virtual
async def test_calls_for_one_channel_keep_their_order() -> None:
    async with fake_host() as host:
        app = await host.app()
        await app.call(ConstructChannel("inbox", 30, True))
        await app.connect("inbox")
        host.driver.takes_s = 1
        waits = app.submit(WaitForPushEnabled("inbox"))
        closes = app.submit(CloseChannel("inbox"))
        late = app.submit(SetServerKeepAlive("inbox", 60))
        assert Status(await waits) is Status.HARDWARE_SLOT_ALLOCATED
        await closes
        with pytest.raises(HostError) as refused:
            await late
        assert refused.value.hresult is HResult.ELEMENT_NOT_FOUND
        assert not host.driver.connections
        await asyncio.sleep(DAY_S)
        assert not app.tasks


@virtual
async def test_a_device_that_refuses_gives_no_slot_away() -> None:
    async with fake_host(hw_slots_total=1) as host:
        app = await host.app()
        host.driver.fails["reserve"] = BenchError("RIG-B03", "no SMP answer")
        assert await app.open("inbox") is Status.SYSTEM_ERROR
        host.driver.fails["reserve"] = BenchError("RIG-N23", "the connection is over")
        assert await app.open("outbox") is Status.TRANSPORT_DISCONNECTED
        host.driver.fails.clear()
        assert await app.open("third") is Status.HARDWARE_SLOT_ALLOCATED


@virtual
async def test_what_is_no_tcp_socket_is_refused() -> None:
    async with fake_host() as host:
        app = await host.app()
        await app.call(ConstructChannel("inbox", 30, True))
        await app.call(UsingTransport("inbox", 1))
        with pytest.raises(HostError, match="no socket"):
            await app.call(ConnectEnd("inbox", 1), [0])


@virtual
async def test_who_is_not_idle_is_named_and_the_host_tries_on() -> None:
    async with fake_host() as host:
        app = await host.app("mail")
        await app.open("inbox")
        [key] = host.driver.connections
        host.driver.not_idle = NotIdle(key, "3 bytes unread")
        await host.bench(bench.EnterStandby())
        refused = await host.timeline.wait("SLEEP_REFUSED")
        assert (refused.holder, refused.reason) == ("app mail/1, channel inbox", "3 bytes unread")
        host.driver.not_idle = None
        await host.timeline.wait("SLEEP_ENTER")
