"""Time and maintenance triggers, over hours."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from rig.standby.wire.app_tasks import UnregisterTask
from rig.standby.wire.task_enums import BackgroundTaskCancellationReason as Reason
from rig.standby.wire.triggers import Maintenance, Time
from tests.standby.fake_host import FakeHost, fake_host
from tests.standby.tasks_at import MINUTE_S, UPKEEP, register, turn
from tests.standby.virtual_time import virtual

HOUR_S = 3600.0


def starts_min(host: FakeHost, since_s: float) -> list[float]:
    return [round((told.at_s - since_s) / MINUTE_S, 3) for told in host.timeline.find("TASK_START")]


@pytest.mark.parametrize("minutes", [15, 16, 29, 30, 45, 100, 1439])
@virtual
async def test_it_fires_n_to_n_plus_15_minutes_after_the_last_time_and_never_before(minutes: int) -> None:
    """BGT-018: whenever it was registered between two ticks."""
    for late_s in (0.0, 1.0, 7.5 * MINUTE_S, 14.9 * MINUTE_S):
        async with fake_host() as host:
            await asyncio.sleep(late_s)
            app = await host.app()
            await register(app, Time(minutes))
            begun_s = host.now_s
            await asyncio.sleep(4 * (minutes + 15) * MINUTE_S)
            at = [0.0, *starts_min(host, begun_s)]
            gaps = [later - earlier for earlier, later in itertools.pairwise(at)]
            assert len(gaps) >= 4
            assert all(minutes - 0.001 <= gap <= minutes + 15.001 for gap in gaps), gaps


@virtual
async def test_whoever_is_due_between_two_ticks_is_so_at_the_next() -> None:
    """BGT-018: the host looks every 15 minutes, for all at once."""
    async with fake_host() as host:
        app = await host.app()
        for minutes in (16, 20, 29):
            await register(app, Time(minutes))
            await asyncio.sleep(7.0)
        await asyncio.sleep(5 * HOUR_S)
        between_s = [(told.at_s + 1.0) % (15 * MINUTE_S) for told in host.timeline.find("TASK_START")]
        assert len(between_s) > 20
        assert between_s == pytest.approx([1.0] * len(between_s), abs=0.1)


@virtual
async def test_a_timer_that_is_called_a_moment_early_fires_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A loop looks as far ahead as its clock is coarse."""
    loop, early_s = asyncio.get_running_loop(), 0.5
    monkeypatch.setattr(loop, "_clock_resolution", early_s)
    async with fake_host() as host:
        app = await host.app()
        await register(app, Time(15))
        due_s = [timer.when() for timer in host.system.tasks.time._timers.values()]
        await asyncio.sleep(due_s[0] - early_s / 2 - host.now_s)
        await asyncio.sleep(MINUTE_S)
        assert len(app.tasks) == 1


@virtual
async def test_one_that_fires_once_is_registered_no_more() -> None:
    async with fake_host() as host:
        app = await host.app()
        await register(app, Time(15, one_shot=True))
        await asyncio.sleep(5 * HOUR_S)
        assert len(app.tasks) == 1
        assert not list(host.system.tasks.registry)


@virtual
async def test_one_that_is_unregistered_fires_no_more() -> None:
    async with fake_host() as host:
        app = await host.app()
        task = await register(app, Time(15))
        await asyncio.sleep(31 * MINUTE_S)
        before = len(app.tasks)
        await app.call(UnregisterTask(task, False))
        await asyncio.sleep(5 * HOUR_S)
        assert len(app.tasks) == before


@virtual
async def test_maintenance_waits_for_external_power_and_runs_once_then() -> None:
    """BGT-019."""
    async with fake_host() as host:
        app = await host.app()
        await turn(host, ac=False)
        await register(app, UPKEEP)
        await asyncio.sleep(3 * HOUR_S)
        assert not app.tasks
        assert {told.reason for told in host.timeline.find("TASK_PENDING")} == {"no external power"}
        await turn(host, ac=True)
        assert len(app.tasks) == 1
        await asyncio.sleep(31 * MINUTE_S)
        assert len(app.tasks) >= 2


@pytest.mark.parametrize("trigger", [Maintenance(15), Time(15)], ids=["maintenance", "time"])
@virtual
async def test_leaving_external_power_cancels_maintenance_alone(trigger: Maintenance | Time) -> None:
    async with fake_host() as host:
        app = await host.app()
        app.on_task = lambda task: None
        await register(app, trigger)
        while not app.tasks:
            await asyncio.sleep(10)
        await turn(host, ac=False)
        assert [cancel.reason for cancel in app.cancels] == [Reason.ABORT] * isinstance(trigger, Maintenance)


@virtual
async def test_a_tick_that_is_heard_late_moves_none_of_those_after_it() -> None:
    """A host that is slow to hear of its timers fires every 15 minutes all the same, not every 30."""
    async with fake_host() as host:
        app = await host.app()
        await register(app, Time(15))
        loop = asyncio.get_running_loop()
        due = loop.call_at
        loop.call_at = lambda when, *rest, **named: due(when + 0.01, *rest, **named)  # type: ignore[method-assign]
        await asyncio.sleep(10 * HOUR_S)
        assert len(app.tasks) >= 38
