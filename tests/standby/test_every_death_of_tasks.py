"""The system dies at every step that outlives it while tasks wait, start, run and are over: each runs once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from rig.standby.wire import bench
from rig.standby.wire.app_tasks import FollowTasks, ListTasks, RegisterTask, TaskProgress
from rig.standby.wire.surroundings import Surroundings
from rig.standby.wire.task_enums import BackgroundTaskCancellationReason as Reason
from rig.standby.wire.task_enums import SystemConditionType, SystemTriggerType
from rig.standby.wire.to_app import RunTask
from rig.standby.wire.triggers import SystemEvent, Time
from tests.standby.every_step import lived
from tests.standby.fake_app import FakeApp
from tests.standby.mortal_host import MortalHost

MINUTE_S, HOUR_S = 60.0, 3600.0
AWAY = SystemEvent(SystemTriggerType.USER_AWAY)
ZONE_ONCE = SystemEvent(SystemTriggerType.TIME_ZONE_CHANGE, one_shot=True)
NEVER_MET = RegisterTask("never", None, Time(15, one_shot=True), conditions=(SystemConditionType.INTERNET_NOT_AVAILABLE,))


async def _until(what: str, wanted: Callable[[], bool], limit_s: float = 3.0, look_s: float = 0.05) -> None:
    async with asyncio.timeout(limit_s):
        while not wanted():
            await asyncio.sleep(look_s)
    assert wanted(), what


def _slowly(app: FakeApp, task: RunTask) -> None:
    """A run of half a second."""

    def end() -> None:
        if not app.killed:
            app.notify(TaskProgress(task.instance, 1))
            app.end_task(task.instance)

    asyncio.get_running_loop().call_later(0.5, end)


class Runs:
    """Of the whole host."""

    def __init__(self, host: MortalHost) -> None:
        self._host = host

    def of(self, name: str) -> int:
        """How often it was begun in any process."""
        return sum(task.name == name for started in self._host.supervisor.everybody for task in started.tasks)

    def under_way(self) -> int:
        return len(list(self._host.system.tasks.instances))


async def _life(host: MortalHost) -> None:
    """One task waits for a condition, one runs in the app, one in a process of its own while the host would sleep."""
    runs = Runs(host)
    host.supervisor.host_task = _slowly
    app = await host.app()
    app.on_task = lambda task: _slowly(app, task)
    app.notify(FollowTasks())
    for wanted in (
        RegisterTask("waits", "mail.Sync", ZONE_ONCE, conditions=(SystemConditionType.INTERNET_AVAILABLE,)),
        RegisterTask("inside", None, AWAY),
        RegisterTask("timer", "mail.Sync", Time(15, one_shot=True)),
        NEVER_MET,
    ):
        await app.call(wanted)
    around = Surroundings(internet=False)
    await host.bench(bench.SetSurroundings(around))
    await host.bench(bench.SetSurroundings(msgspec.structs.replace(around, time_zone="Europe/Berlin")))
    around = Surroundings(time_zone="Europe/Berlin", user_present=False)
    await host.bench(bench.SetSurroundings(around))
    await _until("both have run", lambda: runs.under_way() == 0)
    assert (runs.of("waits"), runs.of("inside")) == (1, 1)
    await host.bench(bench.EnterStandby())
    await _until("the timer has fired", lambda: runs.of("timer") == 1, 31 * MINUTE_S, MINUTE_S)
    await _until("the host sleeps again", lambda: host.driver.asleep_with is not None, 5 * MINUTE_S, MINUTE_S)
    await host.bench(bench.ExitStandby())
    await _until("the user is back", lambda: not app.stopped)
    assert [info.name for info in await app.call(ListTasks())] == ["inside"]
    assert [runs.of(name) for name in ("waits", "inside", "timer", "never")] == [1, 1, 1, 0]
    assert runs.under_way() == 1, "the one whose condition never held"
    await _until("no task host is left", lambda: len(list(host.system.processes)) == 1)
    assert {completion.instance for completion in app.completions} == {1, 2, 3, 4} - {_waiting(host)}
    app.kill()
    await _until("the app has ended", lambda: not list(host.system.processes))
    assert not host.timeline.find("SERVICE_FAULT")


def _waiting(host: MortalHost) -> int:
    [instance] = host.system.tasks.instances
    return instance.number


async def _stubborn_life(host: MortalHost) -> None:
    """A run that its limit cancels ends by itself; another one has to be killed."""
    host.supervisor.host_task = lambda process, task: None
    app = await host.app()
    app.on_task = lambda task: None
    app.on_cancel = lambda cancel: None if app.killed else app.end_task(cancel.instance, "cancelled")
    app.notify(FollowTasks())
    await app.call(RegisterTask("obedient", None, AWAY))
    await app.call(RegisterTask("stubborn", "mail.Sync", AWAY))
    await host.bench(bench.SetSurroundings(Surroundings(user_present=False)))
    runs = Runs(host)
    await _until("both run", lambda: runs.of("obedient") + runs.of("stubborn") == 2)
    await _until("both are over", lambda: runs.under_way() == 0, MINUTE_S)
    [process] = [child for child in host.supervisor.everybody if child.limits is not None]
    await _until("the stubborn one is dead", lambda: process.killed)
    for cancelled in (app, process):
        assert {cancel.reason for cancel in cancelled.cancels} == {Reason.EXECUTION_TIME_EXCEEDED}
    await _until("it is told", lambda: len({done.instance for done in app.completions}) == 2)
    assert {done.fault for done in app.completions} == {"cancelled", "its process ended"}
    assert not app.killed
    await _until("no task host is left", lambda: len(list(host.system.processes)) == 1)
    app.kill()
    await _until("the app has ended", lambda: not list(host.system.processes))
    assert not host.timeline.find("SERVICE_FAULT")


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_each_task_runs_once_wherever_the_system_dies(tmp_path: Path, after: bool) -> None:
    steps = lived(_life, tmp_path / "undisturbed.db", limit_s=3 * HOUR_S)
    assert steps > 50
    for dies_at in range(steps - 6):
        lived(_life, tmp_path / f"{dies_at}.db", dies_at, after=after, limit_s=3 * HOUR_S)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_run_is_cancelled_and_killed_wherever_the_system_dies(tmp_path: Path, after: bool) -> None:
    steps = lived(_stubborn_life, tmp_path / "undisturbed.db", limit_s=3 * HOUR_S)
    assert steps > 20
    for dies_at in range(steps - 6):
        lived(_stubborn_life, tmp_path / f"{dies_at}.db", dies_at, after=after, limit_s=3 * HOUR_S)


def test_and_the_next_one_dies_too_while_it_takes_up_what_there_was(tmp_path: Path) -> None:
    for number, dies_at in enumerate(range(20, 60, 3)):
        for second in range(0, 8, 2):
            lived(_life, tmp_path / f"{number} {second}.db", dies_at, second, after=bool(number % 2), limit_s=3 * HOUR_S)
