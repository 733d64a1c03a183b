"""The system dies at every step that outlives it, in virtual time, and nobody loses or gets anything twice for it."""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from rig.config import StandbyConfig
from rig.device.payload import PayloadKeepAlive
from rig.errors import BenchError
from rig.standby.wire import bench
from rig.standby.wire.app_channels import SetPayload
from rig.standby.wire.statuses import ControlChannelTriggerStatus as Status
from rig.standby.wire.to_app import RunTask
from tests.standby.every_step import lived
from tests.standby.mortal_host import MortalHost
from tests.standby.virtual_time import run

MINUTE_S = 60.0
PUSHES = 3
RULES = StandbyConfig(hw_slots_total=1, hw_slots_per_app=1)


async def _until(what: str, wanted: Callable[[], bool], limit_s: float = 3.0, look_s: float = 0.05) -> None:
    async with asyncio.timeout(limit_s):
        while not wanted():
            await asyncio.sleep(look_s)
    assert wanted(), what


async def _life(host: MortalHost) -> None:
    """Of an app with one channel at a time, and with a pattern: pushes while the host sleeps and wakes, a keep-alive, another
    channel."""
    app = await host.app()
    assert await app.open("inbox", minutes=15) is Status.HARDWARE_SLOT_ALLOCATED
    await host.bench(bench.EnterStandby())
    for number in range(1, PUSHES + 1):
        await _until("the host sleeps", lambda: host.driver.asleep_with is not None)
        [key] = host.driver.connections
        host.driver.device_wakes("PACKET", key)
        app.peers["inbox"].send(b"news")
        await _until("the push task runs", lambda: _count(app.tasks, "push") == number)  # noqa: B023
    await _until("the host sleeps", lambda: host.driver.asleep_with is not None)
    [bell] = host.driver.patterns
    host.driver.device_wakes("PACKET", bell)
    await _until("the host sleeps", lambda: host.driver.asleep_with is not None)
    await _until("the keep-alive task runs", lambda: _count(app.tasks, "keepalive") == 1, 16 * MINUTE_S, MINUTE_S)
    await host.bench(bench.ExitStandby())
    await _until("the user is back", lambda: not app.stopped)
    await app.close("inbox")
    assert await app.open("outbox") is Status.HARDWARE_SLOT_ALLOCATED
    await asyncio.sleep(MINUTE_S)
    assert (_count(app.tasks, "push"), _count(app.tasks, "keepalive")) == (PUSHES, 1)
    assert len(host.driver.connections) == len(host.driver.patterns) == 1
    assert len(host.supervisor.stored) == 1
    app.kill()
    await _until("the app has ended", lambda: not host.driver.connections and not host.driver.patterns)
    assert not host.supervisor.stored
    assert not host.timeline.find("SERVICE_FAULT")


def _count(tasks: list[RunTask], kind: str) -> int:
    return sum(task.kind == kind for task in tasks)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_the_system_may_die_at_every_step(tmp_path: Path, after: bool) -> None:
    steps = lived(_life, tmp_path / "undisturbed.db", rules=RULES)
    assert steps > 60
    for dies_at in range(steps - 6):
        lived(_life, tmp_path / f"{dies_at}.db", dies_at, after=after, rules=RULES)


def test_and_the_next_one_while_it_takes_up_what_there_was(tmp_path: Path) -> None:
    for number, deaths in enumerate(itertools.product(range(5, 60, 7), range(8))):
        lived(_life, tmp_path / f"{number}.db", *deaths, after=bool(number % 2), rules=RULES)


def test_a_connection_that_the_driver_would_not_have_again_is_the_apps_to_end(tmp_path: Path) -> None:
    """The next system finds that the driver has no slot for it, and is refused one: nobody sleeps with it."""

    async def life() -> None:
        host = MortalHost(tmp_path / "store", RULES)
        await host.start()
        app = await host.app()
        assert await app.open("inbox") is Status.HARDWARE_SLOT_ALLOCATED
        host.driver.connections.clear()
        host.driver.fails["reserve"] = BenchError("RIG-N22", "the host has no way to it")
        host.plug._pull()
        await _until("the app is told", lambda: app.failed == ["inbox"])
        host.driver.fails.clear()
        await host.bench(bench.EnterStandby())
        await _until("the host sleeps", lambda: host.driver.asleep_with == [])
        await host.bench(bench.ExitStandby())
        await app.close("inbox")
        assert await app.open("outbox") is Status.HARDWARE_SLOT_ALLOCATED
        assert not host.timeline.find("SERVICE_FAULT")
        app.kill()
        await host.close()

    run(life)


RECORDS = PayloadKeepAlive.sealed_records([bytes(32)])


@pytest.mark.parametrize(("payload", "lost"), [(RECORDS, True), (PayloadKeepAlive.mqtt_ping(), False)], ids=["sealed", "pings"])
def test_records_that_were_sealed_ahead_never_begin_anew(tmp_path: Path, payload: PayloadKeepAlive, lost: bool) -> None:
    """The next system finds that the driver does not have the connection: some of them may have been sent. A ping is a ping."""

    async def life() -> None:
        host = MortalHost(tmp_path / "store", RULES)
        await host.start()
        app = await host.app()
        assert await app.open("inbox") is Status.HARDWARE_SLOT_ALLOCATED
        await app.call(SetPayload("inbox", payload))
        host.driver.connections.clear()
        host.plug._pull()
        await _until("the driver has it, or the app is told", lambda: bool(host.driver.connections or app.failed))
        assert (app.failed, len(host.driver.connections)) == ((["inbox"], 0) if lost else ([], 1))
        app.kill()
        await host.close()

    run(life)


@pytest.mark.parametrize("device_there", [True, False], ids=["woken for it", "woken later"])
def test_what_was_done_and_not_written_down_is_heard_again_from_a_host_that_sleeps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, device_there: bool
) -> None:
    """The system before slept with an app that it had stopped, and nothing of it could be written down: by the ledger its run is
    under way. It says so when it goes on; until then all that comes for it would wait behind that run."""

    async def life() -> None:
        host = MortalHost(tmp_path / "store", RULES)
        await host.start()
        app = await host.app()
        app.on_task = lambda order: None
        await app.open("inbox")
        await host.bench(bench.EnterStandby())
        await _until("the host sleeps", lambda: host.driver.asleep_with is not None)
        [key] = host.driver.connections
        host.driver.device_wakes("PACKET", key)
        app.peers["inbox"].send(b"news")
        await _until("the push task runs", lambda: bool(app.tasks))
        monkeypatch.setattr(host.store, "save", _disk_is_full)
        app.done(app.tasks[0])
        await _until("the host sleeps", lambda: host.driver.asleep_with is not None)
        assert app.stopped
        after = len(host.timeline.told)
        if not device_there:
            host.driver.fails["wake"] = BenchError("RIG-B03", "no SMP answer")
        host.plug._pull()
        if not device_there:
            await host.timeline.wait("SERVICE_FAULT", after=after, where="what the system before had under way")
            host.driver.device_wakes("LEASE_EXPIRED")
        await host.timeline.wait("TASK_END", after=after, instance=app.tasks[0].instance, reason="done")
        await _until("the host sleeps again", lambda: host.driver.asleep_with is not None)
        assert app.stopped
        assert [told.cause for told in host.timeline.find("APP_RESUME")[-1:]] == ["unfinished"]
        assert len(app.tasks) == 1
        app.kill()
        await host.close()

    run(life)


def test_a_host_whose_user_is_back_does_not_sleep_on_as_nobody_came_to_wake_it(tmp_path: Path) -> None:
    async def life() -> None:
        host = MortalHost(tmp_path / "store", RULES)
        await host.start()
        app = await host.app()
        await host.bench(bench.EnterStandby())
        await _until("the host sleeps", lambda: host.driver.asleep_with is not None)
        host.driver.fails["wake"] = BenchError("RIG-B03", "no SMP answer")
        with pytest.raises(BenchError):
            await host.bench(bench.ExitStandby())
        host.driver.fails.clear()
        host.plug._pull()
        assert (await host.timeline.wait("SLEEP_EXIT")).cause == "user"
        await host.bench(bench.EnterStandby())
        await _until("the host sleeps", lambda: host.driver.asleep_with is not None)
        app.kill()
        await host.close()

    run(life)


def _disk_is_full(*_arguments: object) -> None:
    raise sqlite3.OperationalError("database or disk is full")
