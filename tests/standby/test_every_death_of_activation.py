"""The system dies at every step at which it starts an app for a task that runs in the app's process: the task runs once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from rig.manifest.manifest import Manifest
from rig.standby.wire import bench
from rig.standby.wire.app_tasks import RegisterTask
from rig.standby.wire.surroundings import Surroundings
from tests.standby.every_step import lived
from tests.standby.mortal_host import MortalHost
from tests.standby.tasks_at import AWAY

MINUTE_S = 60.0


async def _until(wanted: Callable[[], object]) -> None:
    async with asyncio.timeout(MINUTE_S):
        while not wanted():
            await asyncio.sleep(0.05)


async def _life(host: MortalHost) -> None:
    await host.bench_or_done(bench.InstallPackage(Manifest("mail", entry="its:App"), []))
    app = await host.app()
    await app.call(RegisterTask("sync", None, AWAY))
    [first] = host.system.processes
    await host.bench_or_done(bench.EndApp(first.instance, by_user=True))
    await host.bench(bench.EnterStandby())
    await host.bench(bench.SetSurroundings(Surroundings(user_present=False)))
    everybody = host.supervisor.everybody
    await _until(lambda: any(app.tasks for app in everybody))
    await _until(lambda: not list(host.system.tasks.instances))
    await _until(lambda: host.driver.asleep_with is not None)
    await asyncio.sleep(MINUTE_S)
    assert sum(len(app.tasks) for app in everybody) == 1
    [activated] = host.system.processes
    assert activated.untested
    assert activated.suspended
    assert not host.timeline.find("SERVICE_FAULT")


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_the_system_may_die_at_every_step(tmp_path: Path, after: bool) -> None:
    steps = lived(_life, tmp_path / "undisturbed.db")
    assert steps > 30
    for dies_at in range(steps - 4):
        lived(_life, tmp_path / f"{dies_at}.db", dies_at, after=after)
