"""When the host falls asleep, who keeps it awake, and what wakes it: the system in virtual time."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from rig.errors import BenchError
from rig.standby.wire import bench
from rig.standby.wire.app_tasks import TaskDone
from rig.standby.wire.from_app import ReadBegin, ReadCompleted
from rig.standby.wire.hresult import HostError
from rig.standby.wire.nic import NotIdle, Settled
from tests.standby.fake_host import fake_host
from tests.standby.virtual_time import virtual

LINGER_S = 0.02


@virtual
async def test_a_quiet_host_sleeps_at_once() -> None:
    async with fake_host() as host:
        app = await host.app()
        await app.open("inbox")
        await host.fall_asleep()
        assert app.stopped
        assert host.asleep
        assert len(host.driver.asleep_with or []) == 1
        assert [told.state for told in host.timeline.find("POWER")] == ["entering_standby", "connected_standby"]


@virtual
async def test_it_sleeps_again_a_linger_time_after_the_last_thing_that_happened() -> None:
    async with fake_host() as host:
        app = await host.app()
        await app.open("inbox")
        await host.fall_asleep()
        app.read_s = 0.5
        [key] = host.driver.connections
        woken_s = host.now_s
        host.driver.device_wakes("PACKET", key)
        app.peers["inbox"].send(b"news")
        slept = await host.timeline.wait("SLEEP_ENTER", after=len(host.timeline.told))
        assert slept.at_s - woken_s == pytest.approx(0.5 + LINGER_S, abs=0.01)
        assert [task.kind for task in app.tasks] == ["push"]


@virtual
async def test_a_driver_that_dies_between_its_word_and_its_sigcont_leaves_no_app_stopped() -> None:
    async with fake_host() as host:
        app = await host.app()
        await app.open("inbox")
        await host.fall_asleep()
        [key] = host.driver.connections
        host.driver.continues = lambda _pids: None
        host.driver.device_wakes("PACKET", key)
        assert not app.stopped


@virtual
async def test_one_that_comes_late_with_its_sigcont_continues_nobody() -> None:
    """The app was done in no time, and is stopped again."""
    async with fake_host() as host:
        app = await host.app()
        await app.open("inbox")
        await host.fall_asleep()
        app.go_on()
        host.driver.say(Settled())
        assert app.stopped


@virtual
async def test_who_keeps_the_host_awake_is_named_once() -> None:
    async with fake_host() as host:
        app = await host.app("mail")
        app.notify(ReadBegin(None))
        await host.settle()
        await host.bench(bench.EnterStandby())
        await asyncio.sleep(60)
        [refused] = host.timeline.find("SLEEP_REFUSED")
        assert (refused.holder, refused.reason) == ("app mail/1", "the completion of a read")
        assert not host.driver.entries
        app.notify(ReadCompleted(None, 1, False))
        await host.timeline.wait("SLEEP_ENTER")


@virtual
async def test_a_deferral_keeps_the_host_awake_until_it_is_complete() -> None:
    async with fake_host(wall_clock_s=3600.0) as host:
        app = await host.app()
        await app.open("inbox")
        app.on_task = lambda _task: None
        app.peers["inbox"].send(b"news")
        await host.settle()
        await host.bench(bench.EnterStandby())
        await asyncio.sleep(29 * 60)
        [refused] = host.timeline.find("SLEEP_REFUSED")
        assert refused.reason == "task inbox, instance 1"
        assert not app.stopped
        app.notify(TaskDone(app.tasks[0].instance, None))
        await host.timeline.wait("SLEEP_ENTER")


@virtual
async def test_an_attempt_that_is_refused_is_tried_again_less_and_less_often() -> None:
    async with fake_host() as host:
        app = await host.app("mail")
        await app.open("inbox")
        [key] = host.driver.connections
        host.driver.not_idle = NotIdle(key, "5 bytes unacknowledged")
        await host.bench(bench.EnterStandby())
        await asyncio.sleep(60)
        refused = host.timeline.find("SLEEP_REFUSED")
        assert {(told.holder, told.reason) for told in refused} == {("app mail/1, channel inbox", "5 bytes unacknowledged")}
        waits_ms = [round((b.at_s - a.at_s) * 1000) for a, b in itertools.pairwise(refused)]
        assert waits_ms[:5] == pytest.approx([21, 41, 81, 161, 321], abs=3)
        assert max(waits_ms) == pytest.approx(641, abs=3)


@virtual
async def test_anything_that_happens_begins_the_back_off_anew() -> None:
    async with fake_host() as host:
        app = await host.app()
        host.driver.not_idle = NotIdle(None, "a neighbour")
        await host.bench(bench.EnterStandby())
        await asyncio.sleep(60)
        host.driver.not_idle = None
        happened_s, after = host.now_s, len(host.timeline.told)
        app.go_on()
        app.notify(ReadCompleted(None, 1, False))
        slept = await host.timeline.wait("SLEEP_ENTER", after=after)
        assert slept.at_s - happened_s < 2 * LINGER_S


@virtual
async def test_an_entry_that_fails_is_told_and_tried_again() -> None:
    async with fake_host() as host:
        app = await host.app()
        await app.open("inbox")
        host.driver.fails["enter"] = BenchError("RIG-B03", "no SMP answer")
        await host.bench(bench.EnterStandby())
        failed = await host.timeline.wait("SLEEP_FAILED")
        assert "no SMP answer" in failed.error
        app.peers["inbox"].send(b"news")  # the host is awake: the app hears it
        await host.settle()
        assert len(app.tasks) == 1
        host.driver.fails.clear()
        await host.timeline.wait("SLEEP_ENTER")


@virtual
async def test_the_user_comes_back_while_the_host_falls_asleep() -> None:
    async with fake_host() as host:
        app = await host.app()
        await app.open("inbox")
        host.driver.takes_s = 1
        await host.bench(bench.EnterStandby())
        await asyncio.sleep(0.5)
        assert app.stopped
        await host.bench(bench.ExitStandby())
        assert not app.stopped
        assert host.system.power.awake
        await asyncio.sleep(3600)
        assert not host.asleep
        assert [told.state for told in host.timeline.find("POWER")] == ["entering_standby", "active"]


@virtual
async def test_the_device_wakes_the_host_before_anybody_has_read_that_it_sleeps() -> None:
    async with fake_host() as host:
        app = await host.app()
        await app.open("inbox")
        [key] = host.driver.connections
        entered = host.driver.enter

        async def enter_and_wake(keys: list[str], wake_timer_ms: int) -> object:
            outcome = await entered(keys, wake_timer_ms)
            host.driver.device_wakes("PACKET", key)
            app.peers["inbox"].send(b"news")
            host.driver.enter = entered  # type: ignore[method-assign]
            return outcome

        host.driver.enter = enter_and_wake  # type: ignore[assignment, method-assign]
        await host.bench(bench.EnterStandby())
        await host.timeline.wait("SLEEP_EXIT")
        await host.settle()
        assert len(app.tasks) == 1
        await host.timeline.wait("SLEEP_ENTER", after=len(host.timeline.told))


@virtual
async def test_an_app_that_starts_wakes_the_host_and_holds_it_until_it_is_ready() -> None:
    async with fake_host() as host:
        await host.app("mail")
        await host.fall_asleep()
        await host.app("chat")
        assert host.timeline.find("SLEEP_EXIT", cause="app_start")
        await host.timeline.wait("SLEEP_ENTER", after=len(host.timeline.told))


@virtual
async def test_shutdown_ends_all_and_leaves_nothing_on_the_device() -> None:
    async with fake_host() as host:
        app = await host.app()
        await app.open("inbox")
        await app.open("outbox", hardware=False)
        await host.fall_asleep()
        await host.bench(bench.Shutdown())
        await host.timeline.wait("APP_TERMINATED")
        assert not host.driver.connections
        await asyncio.sleep(86400)
        assert not app.tasks
        with pytest.raises(HostError, match="shut down"):
            await host.bench(bench.EnterStandby())
