"""The system dies whenever it writes something down, in virtual time, and nobody loses or gets anything twice for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from rig.config import StandbyConfig
from rig.standby.wire import bench
from rig.standby.wire.statuses import ControlChannelTriggerStatus as Status
from rig.standby.wire.to_app import RunTask
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
    """Of an app with one channel at a time: pushes while the host sleeps and wakes, a keep-alive, another channel."""
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
    await _until("the keep-alive task runs", lambda: _count(app.tasks, "keepalive") == 1, 16 * MINUTE_S, MINUTE_S)
    await host.bench(bench.ExitStandby())
    await _until("the user is back", lambda: not app.stopped)
    await app.close("inbox")
    assert await app.open("outbox") is Status.HARDWARE_SLOT_ALLOCATED
    await asyncio.sleep(MINUTE_S)
    assert (_count(app.tasks, "push"), _count(app.tasks, "keepalive")) == (PUSHES, 1)
    assert len(host.driver.connections) == 1
    assert len(host.supervisor.stored) == 1
    app.kill()
    await _until("the app has ended", lambda: not host.driver.connections)
    assert not host.supervisor.stored
    assert not host.timeline.find("SERVICE_FAULT")


def _count(tasks: list[RunTask], kind: str) -> int:
    return sum(task.kind == kind for task in tasks)


def _live(path: Path, dies_at: int | None, *, after: bool = False) -> int:
    """Returns how often something was saved."""

    async def life() -> int:
        host = MortalHost(path, RULES)
        await host.start(dies_at, after=after)
        saves = host.store
        await _life(host)
        await host.close()
        assert host.deaths == (dies_at is not None)
        return saves.saves

    return run(life)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_the_system_may_die_whenever_something_is_written_down(tmp_path: Path, after: bool) -> None:
    saves = _live(tmp_path / "undisturbed.db", None)
    assert saves > 35
    for dies_at in range(saves - 1):
        try:
            _live(tmp_path / f"{dies_at}.db", dies_at, after=after)
        except BaseException as error:
            error.add_note(f"the system died at {dies_at} of {saves}, {'after' if after else 'before'} it was written down")
            raise
