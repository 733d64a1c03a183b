"""Push tasks that begin by a standing order: who has one, when it is taken back, and that each run counts. In virtual time."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from rig.config import StandbyConfig
from rig.standby.system.channels import standing_orders
from rig.standby.system.registration import Registration
from rig.standby.system.tasks import scheduler
from rig.standby.wire import bench
from rig.standby.wire.app_channels import CloseChannel, UsingTransport
from rig.standby.wire.app_tasks import RegisterTask, TaskDone, UnregisterTask
from rig.standby.wire.from_app import ReadBegin, ReadCompleted
from rig.standby.wire.message import Call
from rig.standby.wire.surroundings import Surroundings
from rig.standby.wire.task_enums import SystemConditionType
from rig.standby.wire.to_app import RunTask, StandingOrder, TaskProgressed
from rig.standby.wire.triggers import ChannelPush
from tests.standby.fake_app import FakeApp
from tests.standby.fake_host import FakeHost, fake_host
from tests.standby.mortal_host import MortalHost
from tests.standby.virtual_time import virtual

UNHEARD = 10
"""Messages that an app has not heard when it goes on: it comes to its data before it has heard them all."""
SAVES = Surroundings(ac=False, battery_percent=5, energy_saver=True)


async def woken(host: FakeHost, app: FakeApp, channel: str = "inbox") -> RunTask:
    """A wake for data on the channel, to the run that it brings; the host sleeps again."""
    [key] = host.driver.connections
    before, after = len(app.tasks), len(host.timeline.told)
    host.driver.device_wakes("PACKET", key)
    app.peers[channel].send(b"news")
    await host.timeline.wait("SLEEP_ENTER", after=after)
    [task] = app.tasks[before:]
    return task


async def in_standby(host: FakeHost) -> FakeApp:
    """With one hardware channel that has an order."""
    app = await host.app()
    await app.open("inbox")
    await host.fall_asleep()
    await woken(host, app)
    assert app.standing["inbox"].run is not None
    return app


def begun(host: FakeHost) -> list[int]:
    return [told.instance for told in host.timeline.find("TASK_START")]


def ended(host: FakeHost) -> list[int]:
    return [told.instance for told in host.timeline.find("TASK_END") if told.reason == "done"]


@virtual
async def test_runs_that_an_app_begins_by_itself_are_runs_as_any_other() -> None:
    async with fake_host() as host:
        app = await in_standby(host)
        [order] = app.standing_told
        assert order.run is not None
        numbers = [(await woken(host, app)).instance for _ in range(3)]
        assert app.standing_told == [order], "it is told once"
        assert set(numbers) <= set(range(order.run.instance, order.last + 1))
        assert begun(host) == ended(host) == [task.instance for task in app.tasks]
        assert len(set(begun(host))) == 4


@virtual
async def test_the_host_stays_awake_for_a_run_that_its_app_has_begun() -> None:
    async with fake_host() as host:
        app = await in_standby(host)
        app.on_task = lambda task: None
        [key] = host.driver.connections
        entries = host.driver.entries
        host.driver.device_wakes("PACKET", key)
        app.peers["inbox"].send(b"news")
        await asyncio.sleep(5.0)
        assert not app.stopped
        assert host.driver.entries == entries
        app.end_task(app.tasks[-1].instance)
        await asyncio.sleep(1.0)
        assert app.stopped


@virtual
async def test_nobody_has_one_while_the_user_is_there() -> None:
    async with fake_host() as host:
        app = await host.app()
        await app.open("inbox")
        app.peers["inbox"].send(b"news")
        await host.timeline.wait("TASK_END")
        assert not app.standing_told
        await host.fall_asleep()
        await host.bench(bench.ExitStandby())
        await host.settle()
        assert app.standing["inbox"].run is None


@virtual
@pytest.mark.parametrize("why", ["software", "a condition", "twice registered", "battery saver"])
async def test_who_would_have_to_ask_each_time_has_none(why: str) -> None:
    async with fake_host() as host:
        app = await host.app()
        await app.open("inbox", hardware=why != "software")
        if why == "a condition":
            [first] = [r.task_id for r in app_registrations(host) if r.trigger == ChannelPush("inbox")]
            await app.call(UnregisterTask(first, False))
            present = (SystemConditionType.USER_PRESENT,)
            await app.call(RegisterTask("inbox", "Inbox", ChannelPush("inbox"), present))
            await host.bench(bench.SetSurroundings(Surroundings(user_present=False)))
        elif why == "battery saver":
            await host.bench(bench.SetSurroundings(SAVES))
        elif why == "twice registered":
            await app.call(RegisterTask("again", "Inbox", ChannelPush("inbox")))
        await host.fall_asleep()
        await host.settle()
        assert not app.standing_told


@virtual
async def test_one_that_battery_saver_takes_back_while_the_host_sleeps_is_heard_of_before_the_read_completes() -> None:
    async with fake_host() as host:
        app = await in_standby(host)
        runs = len(app.tasks)
        await host.bench(bench.SetSurroundings(SAVES))
        [key] = host.driver.connections
        host.driver.device_wakes("PACKET", key)
        app.peers["inbox"].send(b"news")
        assert (await host.timeline.wait("TASK_PENDING")).reason == "battery saver"
        assert len(app.tasks) == runs


@virtual
async def test_a_run_that_was_begun_at_the_moment_of_taking_back_counts() -> None:
    async with fake_host() as host:
        app = await in_standby(host)
        number = (await woken(host, app)).instance + 1
        await host.bench(bench.ExitStandby())
        await host.settle()
        assert app.standing["inbox"].run is None
        app.notify(ReadBegin("inbox"))
        app.notify(ReadCompleted("inbox", 1, False, True, number))
        await host.settle()
        assert begun(host)[-1] == number
        app.notify(TaskDone(number, None))
        await host.settle()
        assert ended(host)[-1] == number


@virtual
@pytest.mark.parametrize("number", [0, 1, 2**62])
async def test_a_number_that_is_not_the_apps_begins_nothing(number: int) -> None:
    async with fake_host() as host:
        app = await in_standby(host)
        another = await host.app("another")
        starts = len(begun(host))
        for channel in ("inbox", "none"):
            another.notify(ReadBegin(channel))
            another.notify(ReadCompleted(channel, 1, False, True, number))
        if number:
            app.notify(ReadBegin("inbox"))
            app.notify(ReadCompleted("inbox", 1, False, True, number))
        await host.settle()
        assert len(begun(host)) == starts


@virtual
async def test_a_number_is_used_once() -> None:
    async with fake_host() as host:
        app = await in_standby(host)
        used = (await woken(host, app)).instance
        starts = begun(host)
        app.notify(ReadBegin("inbox"))
        app.notify(ReadCompleted("inbox", 1, False, True, used))
        await host.settle()
        assert begun(host) == starts


@virtual
async def test_an_app_has_more_before_they_are_used_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standing_orders, "RUNS", 4)
    monkeypatch.setattr(standing_orders, "FEW", 1)
    async with fake_host() as host:
        app = await in_standby(host)
        for _ in range(20):
            await woken(host, app)
        assert len(begun(host)) == len(set(begun(host))) == 21
        by_itself = [task for task in app.tasks if any(_is_of(task.instance, told) for told in app.standing_told)]
        assert len(by_itself) >= 19
        assert len(app.standing_told) >= 5


@virtual
async def test_one_that_an_app_did_not_come_to_use_is_taken_back_all_the_same() -> None:
    """It asks while anything is unheard, and keeps what it has."""
    async with fake_host() as host:
        app = await in_standby(host)
        [process] = host.system.processes
        for number in range(UNHEARD):
            process.tell(TaskProgressed("nobody's", number, 0))
        told = len(app.standing_told)
        await woken(host, app)
        assert len(app.standing_told) > told, "it had to ask, and is told again"
        await host.bench(bench.SetSurroundings(SAVES))
        await host.bench(bench.ExitStandby())
        await host.settle()
        assert app.standing["inbox"].run is None


@virtual
@pytest.mark.parametrize("how", ["unregistered", "registered twice", "closed", "bound anew", "by another process"])
async def test_who_has_the_answer_to_a_call_that_changes_what_runs_has_none_any_more(how: str) -> None:
    async with fake_host() as host:
        app = await host.app()
        await app.open("inbox")
        other = await host.app() if how == "by another process" else app
        [task_id] = [r.task_id for r in app_registrations(host) if r.trigger == ChannelPush("inbox")]
        await host.bench(bench.EnterStandby())
        calls: dict[str, Call[Any]] = {
            "registered twice": RegisterTask("again", "Inbox", ChannelPush("inbox")),
            "closed": CloseChannel("inbox"),
            "bound anew": UsingTransport("inbox", 2),
        }
        await other.call(calls.get(how, UnregisterTask(task_id, False)))
        assert app.standing["inbox"].run is None


@virtual
@pytest.mark.parametrize(
    ("conditions", "around"),
    [
        pytest.param((SystemConditionType.USER_PRESENT,), Surroundings(user_present=False), id="a condition"),
        pytest.param((), Surroundings(quiet_hours=True), id="a reset"),
        pytest.param((), SAVES, id="battery saver"),
    ],
)
async def test_a_change_around_the_host_takes_it_back(conditions: tuple[SystemConditionType, ...], around: Surroundings) -> None:
    async with fake_host() as host:
        app = await host.app()
        await app.open("inbox")
        [task_id] = [r.task_id for r in app_registrations(host) if r.trigger == ChannelPush("inbox")]
        await app.call(UnregisterTask(task_id, False))
        await app.call(RegisterTask("inbox", "Inbox", ChannelPush("inbox"), conditions))
        await host.bench(bench.EnterStandby())
        await host.settle()
        app.peers["inbox"].send(b"news")
        [channel] = host.system.channels.table
        assert channel.standing.given
        await host.bench(bench.SetSurroundings(around))
        assert not channel.standing.given


@virtual
async def test_who_is_about_to_end_begins_nothing_more() -> None:
    async with fake_host() as host:
        app = await host.app()
        await app.open("inbox")
        app.on_task = lambda task: None
        await host.bench(bench.EnterStandby())
        await host.settle()
        app.peers["inbox"].send(b"one that has its grace")
        await host.settle()
        ending = asyncio.ensure_future(host.bench(bench.EndApp(host.instance_of(app), by_user=False)))
        await host.settle()
        runs = len(app.tasks)
        assert app.standing["inbox"].run is None
        app.peers["inbox"].send(b"news")
        await host.settle()
        assert len(app.tasks) == runs
        await ending


@virtual
async def test_a_run_that_crosses_a_change_which_forbids_it_is_cancelled_as_any_other() -> None:
    async with fake_host() as host:
        app = await in_standby(host)
        number = (await woken(host, app)).instance + 1
        await host.bench(bench.SetSurroundings(SAVES))
        app.notify(ReadBegin("inbox"))
        app.notify(ReadCompleted("inbox", 1, False, True, number))
        await host.settle()
        assert host.timeline.find("CANCEL_SENT")[-1].reason == "ENERGY_SAVER"


@virtual
async def test_an_app_that_is_stopped_is_not_told_for_ever_what_changes_to_and_fro() -> None:
    async with fake_host() as host:
        app = await in_standby(host)
        told = len(app.standing_told)
        for _ in range(600):
            await host.bench(bench.SetSurroundings(SAVES))
            await host.bench(bench.SetSurroundings(Surroundings()))
        await host.settle()
        assert host.asleep
        await woken(host, app)
        assert app.standing_told[told].run is None
        assert len(app.standing_told) == told + 2


@virtual
async def test_runs_that_never_end_are_not_many_more_than_an_app_may_have(monkeypatch: pytest.MonkeyPatch) -> None:
    most = 20
    monkeypatch.setattr(scheduler, "RUNS_PER_APP", most)
    async with fake_host(wall_clock_s=36_000.0, idle_task_s=36_000.0) as host:
        app = await in_standby(host)
        app.on_task = lambda task: None
        [key] = host.driver.connections
        host.driver.device_wakes("PACKET", key)
        for _ in range(3 * most):
            app.peers["inbox"].send(b"news")
            await host.settle()
        assert most <= len(begun(host)) - len(ended(host)) <= most + standing_orders.RUNS


@virtual
async def test_a_run_that_was_begun_when_the_system_died_counts_once(tmp_path: Path) -> None:
    host = MortalHost(tmp_path / "system.db", StandbyConfig())
    await host.start()
    app = await host.app()
    await app.open("inbox")
    await host.bench(bench.EnterStandby())
    await asyncio.sleep(1.0)
    [key] = host.driver.connections
    for _ in range(2):
        host.driver.device_wakes("PACKET", key)
        app.peers["inbox"].send(b"news")
        await asyncio.sleep(1.0)
    number = app.tasks[-1].instance + 1
    host.driver.device_wakes("PACKET", key)
    app.notify(ReadBegin("inbox"))
    app.notify(ReadCompleted("inbox", 1, False, True, number))
    app.notify(TaskDone(number, None))
    host.plug._pull()
    await asyncio.sleep(1.0)
    for event in ("TASK_START", "TASK_END"):
        assert [told.instance for told in host.timeline.find(event)].count(number) == 1
    app.kill()
    await asyncio.sleep(1.0)
    await host.close()


@virtual
async def test_after_a_death_runs_go_on_in_the_order_in_which_their_process_has_them(tmp_path: Path) -> None:
    """One that was ordered, and one that began behind it with a lower number: the limit of the first goes on."""
    host = MortalHost(tmp_path / "system.db", StandbyConfig(wall_clock_s=20.0, idle_task_s=3600.0))
    await host.start()
    app = await host.app()
    await app.open("inbox")
    await host.bench(bench.EnterStandby())
    await asyncio.sleep(1.0)
    app.on_task = lambda task: None
    [process] = host.system.processes
    for number in range(UNHEARD):
        process.tell(TaskProgressed("nobody's", number, 0))
    [key] = host.driver.connections
    host.driver.device_wakes("PACKET", key)
    for _ in range(2):
        app.peers["inbox"].send(b"news")
        await asyncio.sleep(1.0)
    ordered, by_itself = [task.instance for task in app.tasks]
    assert by_itself < ordered
    await asyncio.sleep(8.0)
    host.plug._pull()
    await asyncio.sleep(11.0)
    assert [cancel.instance for cancel in app.cancels] == [ordered]
    app.kill()
    await asyncio.sleep(1.0)
    await host.close()


def _is_of(number: int, told: StandingOrder) -> bool:
    return told.run is not None and told.run.instance <= number <= told.last


def app_registrations(host: FakeHost) -> list[Registration]:
    return [r for package in host.system.packages.values() for r in package.registrations.values()]
