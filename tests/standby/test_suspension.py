"""An app that wants to know is asked before it is stopped: the system in virtual time."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from rig.config import StandbyConfig
from rig.standby.wire import bench
from rig.standby.wire.from_app import FollowSuspension, ReadBegin, ReadCompleted, Suspended
from rig.standby.wire.nic import Lost
from tests.standby.every_step import lived
from tests.standby.fake_app import FakeApp
from tests.standby.fake_host import FakeHost, fake_host
from tests.standby.mortal_host import MortalHost
from tests.standby.virtual_time import virtual

DEADLINE_S = 5.0


async def asking(host: FakeHost, *, answers: bool = True) -> FakeApp:
    """An app with a channel that is asked before it is stopped."""
    app = await host.app()
    await app.open("inbox")
    app.notify(FollowSuspension(True, True))
    await host.settle()
    if not answers:
        app.on_suspending = lambda asked: None
    return app


@virtual
async def test_who_has_no_handlers_is_stopped_without_being_asked() -> None:
    async with fake_host() as host:
        app = await host.app()
        await host.bench(bench.Suspend(host.instance_of(app)))
        assert app.stopped, "before anything else happened"
        assert not app.asked
        assert not host.timeline.find("APP_SUSPENDING")


@virtual
async def test_it_is_stopped_when_it_says_that_it_is_done_and_told_when_it_goes_on() -> None:
    async with fake_host() as host:
        app = await asking(host, answers=False)
        await host.bench(bench.Suspend(host.instance_of(app)))
        await asyncio.sleep(DEADLINE_S / 2)
        assert not app.stopped
        [asked] = app.asked
        app.notify(Suspended(asked.number))
        await host.settle()
        assert app.stopped
        events = [told.event for told in host.timeline.told if told.event.startswith("APP_SUSPEND")]
        assert events == ["APP_SUSPENDING", "APP_SUSPEND"]
        await host.bench(bench.Resume(host.instance_of(app)))
        await host.settle()
        assert (app.stopped, len(app.resumed)) == (False, 1)


@virtual
async def test_a_host_that_enters_standby_waits_for_it_under_a_hold_of_its_name() -> None:
    async with fake_host() as host:
        app = await asking(host, answers=False)
        await host.bench(bench.EnterStandby())
        await asyncio.sleep(1)
        [refused] = host.timeline.find("SLEEP_REFUSED")
        assert (refused.holder, refused.reason) == ("app mail/1", "it is asked before it is suspended")
        assert not host.driver.entries
        app.notify(Suspended(app.asked[0].number))
        await host.timeline.wait("SLEEP_ENTER")
        assert app.stopped
        assert host.timeline.find("HELD", holder="app mail/1", reason="it is asked before it is suspended")


@virtual
async def test_who_never_says_so_is_stopped_when_its_time_is_over_and_that_is_told() -> None:
    async with fake_host(suspend_deadline_s=DEADLINE_S) as host:
        app = await asking(host, answers=False)
        began_s = host.now_s
        await host.bench(bench.EnterStandby())
        slept = await host.timeline.wait("SLEEP_ENTER")
        assert slept.at_s - began_s == pytest.approx(DEADLINE_S, abs=0.1)
        [overdue] = host.timeline.find("SUSPEND_OVERDUE")
        assert (overdue.instance, overdue.within_s) == (1, DEADLINE_S)
        assert app.stopped


@virtual
async def test_it_is_asked_before_each_sleep_and_told_once_when_the_user_is_back() -> None:
    async with fake_host() as host:
        app = await asking(host)
        await host.fall_asleep()
        [key] = host.driver.connections
        for _ in range(2):
            after = len(host.timeline.told)
            host.driver.device_wakes("PACKET", key)
            app.peers["inbox"].send(b"news")
            await host.timeline.wait("SLEEP_ENTER", after=after)
        assert [asked.number for asked in app.asked] == [1, 2, 3]
        assert not app.resumed
        await host.bench(bench.ExitStandby())
        await host.settle()
        assert [resumed.number for resumed in app.resumed] == [4]
        await host.bench(bench.Resume(host.instance_of(app)))
        await host.settle()
        assert len(app.resumed) == 1


@virtual
async def test_a_user_who_is_back_while_it_goes_on_for_a_wake_is_told_of_too() -> None:
    async with fake_host() as host:
        app = await asking(host)
        await host.fall_asleep()
        app.read_s = 1.0
        [key] = host.driver.connections
        host.driver.device_wakes("PACKET", key)
        app.peers["inbox"].send(b"news")
        await host.settle()
        assert not app.stopped
        assert not app.resumed
        await host.bench(bench.ExitStandby())
        await host.settle()
        assert len(app.resumed) == 1


@virtual
async def test_one_that_is_only_told_is_stopped_without_being_asked() -> None:
    async with fake_host() as host:
        app = await host.app()
        app.notify(FollowSuspension(False, True))
        await host.settle()
        await host.bench(bench.Suspend(host.instance_of(app)))
        assert app.stopped
        await host.bench(bench.Resume(host.instance_of(app)))
        await host.settle()
        assert (app.asked, len(app.resumed)) == ([], 1)


async def data(host: FakeHost, app: FakeApp) -> None:
    app.peers["inbox"].send(b"news")


async def a_read_of_its_own(host: FakeHost, app: FakeApp) -> None:
    app.notify(ReadBegin(None))


async def the_user(host: FakeHost, app: FakeApp) -> None:
    await host.bench(bench.Resume(host.instance_of(app)))


async def a_dead_transport(host: FakeHost, app: FakeApp) -> None:
    [key] = host.driver.connections
    host.driver.say(Lost(key))


@pytest.mark.parametrize("comes", [data, a_read_of_its_own, the_user, a_dead_transport])
@virtual
async def test_what_comes_while_it_is_asked_has_it_go_on(comes) -> None:  # type: ignore[no-untyped-def]
    async with fake_host(suspend_deadline_s=DEADLINE_S) as host:
        app = await asking(host, answers=False)
        app.read_s = 0.1
        await host.bench(bench.Suspend(host.instance_of(app)))
        await host.settle()
        after = len(host.timeline.told)
        await comes(host, app)
        await host.timeline.wait("APP_RESUME", after=after)
        await host.settle()
        assert len(app.resumed) == (comes is the_user)
        app.notify(Suspended(app.asked[0].number))
        await host.settle()
        assert not app.stopped, "that asking is over"
        assert not host.timeline.find("APP_SUSPEND")


@virtual
async def test_a_push_that_comes_while_it_is_asked_is_run_and_then_it_is_asked_anew() -> None:
    async with fake_host(suspend_deadline_s=DEADLINE_S) as host:
        app = await asking(host, answers=False)
        await host.bench(bench.EnterStandby())
        await asyncio.sleep(1)
        app.peers["inbox"].send(b"news")
        await asyncio.sleep(1)
        assert [task.kind for task in app.tasks] == ["push"]
        assert [asked.number for asked in app.asked] == [1, 2]
        app.notify(Suspended(1))
        await host.settle()
        assert not app.stopped
        app.notify(Suspended(2))
        await host.timeline.wait("SLEEP_ENTER")
        assert not host.timeline.find("SUSPEND_OVERDUE")


@virtual
async def test_one_that_dies_while_it_is_asked_holds_nothing_awake() -> None:
    async with fake_host(suspend_deadline_s=DEADLINE_S) as host:
        app = await asking(host, answers=False)
        await host.bench(bench.EnterStandby())
        await host.settle()
        began_s = host.now_s
        app.kill()
        slept = await host.timeline.wait("SLEEP_ENTER")
        assert slept.at_s - began_s < 1
        await asyncio.sleep(2 * DEADLINE_S)
        assert not host.timeline.find("SUSPEND_OVERDUE")


@virtual
async def test_one_that_follows_no_more_is_stopped_at_once() -> None:
    async with fake_host() as host:
        app = await asking(host)
        app.notify(FollowSuspension(False, False))
        await host.settle()
        await host.bench(bench.Suspend(host.instance_of(app)))
        assert app.stopped
        await host.bench(bench.Resume(host.instance_of(app)))
        await host.settle()
        assert not app.asked
        assert not app.resumed


@virtual
async def test_what_is_said_of_no_asking_changes_nothing() -> None:
    async with fake_host() as host:
        app = await asking(host)
        for number in (1, 2**63 - 1):
            app.notify(Suspended(number))
        app.notify(ReadCompleted(None, 1, False))
        await host.settle()
        assert not app.stopped


@virtual
async def test_a_user_who_closes_it_has_it_asked_before_it_ends() -> None:
    async with fake_host(suspend_deadline_s=DEADLINE_S) as host:
        app = await asking(host, answers=False)
        closing = asyncio.ensure_future(host.bench(bench.EndApp(host.instance_of(app), by_user=True)))
        await asyncio.sleep(DEADLINE_S / 2)
        assert not app.killed
        app.notify(Suspended(app.asked[0].number))
        await closing
        assert app.killed
        assert [told.cause for told in host.timeline.find("APP_END")] == ["closed by the user"]


@virtual
async def test_one_that_is_closed_and_never_says_that_it_is_done_ends_all_the_same() -> None:
    async with fake_host(suspend_deadline_s=DEADLINE_S) as host:
        app = await asking(host, answers=False)
        began_s = host.now_s
        await host.bench(bench.EndApp(host.instance_of(app), by_user=True))
        assert host.now_s - began_s == pytest.approx(DEADLINE_S, abs=0.1)
        assert app.killed


@pytest.mark.parametrize("comes", [data, a_read_of_its_own])
@virtual
async def test_what_comes_while_it_is_closed_does_not_end_it_before_it_is_done(comes) -> None:  # type: ignore[no-untyped-def]
    async with fake_host(suspend_deadline_s=DEADLINE_S) as host:
        app = await asking(host, answers=False)
        app.read_s = 0.1
        began_s = host.now_s
        closing = asyncio.ensure_future(host.bench(bench.EndApp(host.instance_of(app), by_user=True)))
        await host.settle()
        await comes(host, app)
        await asyncio.sleep(DEADLINE_S / 2)
        assert not app.killed
        app.notify(Suspended(app.asked[-1].number))
        await closing
        assert app.killed
        assert host.now_s - began_s < DEADLINE_S


@pytest.mark.parametrize("by_user", [True, False])
@virtual
async def test_one_that_is_stopped_already_or_ended_by_the_system_is_not_asked(by_user: bool) -> None:
    async with fake_host() as host:
        app = await asking(host)
        if by_user:
            await host.bench(bench.Suspend(host.instance_of(app)))
            await host.settle()
        asked = len(app.asked)
        await host.bench(bench.EndApp(host.instance_of(app), by_user=by_user))
        assert (app.killed, len(app.asked)) == (True, asked)


async def _life(host: MortalHost) -> None:
    """Of an app that is asked before each of two sleeps, and between them is woken."""
    app = await host.app()
    app.notify(FollowSuspension(True, True))
    await app.open("inbox")
    await host.bench(bench.EnterStandby())
    async with asyncio.timeout(DEADLINE_S - 1):
        await asleep(host)
        [key] = host.driver.connections
        host.driver.device_wakes("PACKET", key)
        app.peers["inbox"].send(b"news")
        while not app.tasks:
            await asyncio.sleep(0.05)
        await asleep(host)
    assert app.stopped
    assert len(app.asked) >= 2
    await host.bench(bench.ExitStandby())
    await asyncio.sleep(2 * DEADLINE_S)
    assert not app.stopped
    assert app.resumed[-1].number > app.asked[-1].number
    assert len(app.tasks) == 1
    assert not host.timeline.find("SUSPEND_OVERDUE")
    assert not host.timeline.find("SERVICE_FAULT")
    app.kill()


async def asleep(host: MortalHost) -> None:
    while host.driver.asleep_with is None:
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_the_system_may_die_at_every_step_of_that(tmp_path: Path, after: bool) -> None:
    rules = StandbyConfig(suspend_deadline_s=DEADLINE_S)
    steps = lived(_life, tmp_path / "undisturbed.db", rules=rules)
    assert steps > 30
    for dies_at in range(steps - 6):
        lived(_life, tmp_path / f"{dies_at}.db", dies_at, after=after, rules=rules)
