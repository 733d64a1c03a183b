"""Each way that a background task takes, once, on real processes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.bench import Bench
from rig.config import BenchConfig, StandbyConfig
from rig.manifest.manifest import Manifest
from rig.net import userns
from rig.standby.app_handle import AppHandle
from rig.standby.wire.task_enums import ApplicationTriggerResult, SystemTriggerType
from rig.timeline import Record

ENTRY = "tests.standby.sync_app:Sync"
PATIENT = StandbyConfig(wall_clock_s=30.0, app_trigger_wall_s=3.0)
"""A run that ends by itself does so in its time, on a busy machine too."""

HURRIED = StandbyConfig(wall_clock_s=0.5, cancel_grace_s=1.0)
"""For those that have to be told: the grace is for hearing it on a busy machine."""

hurried = pytest.mark.parametrize("bench", [HURRIED], indirect=True, ids=["hurried"])


@pytest.fixture(scope="module", params=[PATIENT], ids=["patient"])
def bench(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    if not userns.privileged():
        pytest.skip(userns.refusal().cause)
    with Bench(BenchConfig(standby=request.param), tmp_path_factory.mktemp("tasks")) as bench:
        yield bench
        assert bench.timeline.find("SERVICE_FAULT") == []


@pytest.fixture
def app(bench: Bench, request: pytest.FixtureRequest) -> Iterator[AppHandle]:
    """One of its own for each test: registrations outlive an app's process."""
    app = bench.host.start_app(f"app {request.node.name}", ENTRY)
    yield app
    app.close()


def pid_of(bench: Bench, app: AppHandle) -> int:
    return int(bench.timeline.wait("APP_READY", app=app.name).pid)


def alive(pid: int) -> bool:
    """A zombie has no memory."""
    try:
        return Path(f"/proc/{pid}/statm").read_text().split()[0] != "0"
    except OSError:
        return False


def left(bench: Bench, app: AppHandle, task: str, trigger: str = "away", *, own_process: bool) -> Record:
    """Register it, and the user leaves; returns how its instance ends."""
    bench.host.levers.user_is_back()
    app.call("register", task=task, trigger=trigger, own_process=own_process)
    after = bench.timeline.mark()
    bench.host.levers.user_leaves()
    return bench.timeline.wait("TASK_END", app=app.name, after=after)


@pytest.mark.parametrize("own_process", [True, False])
def test_a_task_runs_to_its_end(bench: Bench, app: AppHandle, own_process: bool) -> None:
    ended = left(bench, app, "Quick", own_process=own_process)
    assert (ended.reason, ended.fault) == ("done", None)
    assert len(bench.timeline.find("RUN_ENTER", instance=ended.detail["instance"])) == 1
    assert bool(bench.timeline.find("TASK_HOST_START", app=app.name)) is own_process
    if own_process:
        assert bench.timeline.wait("TASK_HOST_END", app=app.name).status == "exit status 0", "it did not have to be killed"
    bench.timeline.wait("sync-progress", app=app.name, value=50)
    bench.timeline.wait("sync-result", app=app.name, fault=None)


@pytest.mark.parametrize("own_process", [True, False])
def test_what_it_raises_is_raised_where_its_result_is_looked_at(bench: Bench, app: AppHandle, own_process: bool) -> None:
    assert left(bench, app, "Wrong", own_process=own_process).fault == "ValueError: no mail today"
    bench.timeline.wait("sync-result", app=app.name, fault="ValueError: no mail today")


def test_a_crash_out_of_process_leaves_the_app_and_one_in_process_takes_it_along(bench: Bench, app: AppHandle) -> None:
    """BGT-007."""
    pid = pid_of(bench, app)
    assert left(bench, app, "Crash", own_process=True).reason == "its process ended"
    bench.timeline.wait("sync-result", app=app.name, fault="its process ended")
    assert alive(pid)
    assert left(bench, app, "Crash", own_process=False).reason == "its process ended"
    bench.timeline.wait("APP_TERMINATED", app=app.name)
    assert not alive(pid)


@hurried
@pytest.mark.parametrize("own_process", [True, False])
def test_an_obedient_task_ends_when_it_is_cancelled(bench: Bench, app: AppHandle, own_process: bool) -> None:
    ended = left(bench, app, "Obedient", own_process=own_process)
    assert ended.reason == "cancelled"
    assert bench.timeline.find("CANCEL_SENT", app=app.name)[-1].reason == "EXECUTION_TIME_EXCEEDED"
    assert not bench.timeline.find("TASK_KILLED", app=app.name)


@hurried
@pytest.mark.parametrize("own_process", [True, False])
def test_a_stubborn_one_is_killed_with_its_process(bench: Bench, app: AppHandle, own_process: bool) -> None:
    pid = pid_of(bench, app)
    assert left(bench, app, "Stubborn", own_process=own_process).reason == "killed"
    if own_process:
        bench.timeline.wait("TASK_HOST_END", app=app.name, status="signal SIGKILL")
    else:
        bench.timeline.wait("APP_TERMINATED", app=app.name, status="signal SIGKILL")
    assert alive(pid) is own_process


def test_an_application_trigger_runs_one_at_a_time_and_goes_on_without_its_app(bench: Bench, app: AppHandle) -> None:
    """APT-002, APT-004, APT-007."""
    app.call("register", task="Obedient", trigger="application", own_process=True)
    assert app.call("request", arguments={"folder": "inbox"}) == ApplicationTriggerResult.ALLOWED
    assert app.call("request") == ApplicationTriggerResult.CURRENTLY_RUNNING
    started = bench.timeline.wait("RUN_ENTER", app=app.name)
    os.kill(pid_of(bench, app), 9)
    terminated = bench.timeline.wait("APP_TERMINATED", app=app.name)
    bench.timeline.wait("RUN_EXIT", instance=started.detail["instance"], after=terminated.seq)


def test_a_device_use_task_and_one_that_fires_once(bench: Bench, app: AppHandle) -> None:
    app.call("register", task="Quick", trigger="device_use", own_process=True)
    assert app.call("request_device") == 0
    bench.timeline.wait("TASK_END", app=app.name, kind="device_use", reason="done")
    app.call("register", task="Quick", trigger="sms", own_process=False)
    for _ in range(2):
        bench.host.levers.event(SystemTriggerType.SMS_RECEIVED)
    bench.timeline.wait("TASK_END", app=app.name, kind="system", reason="done")
    assert len(bench.timeline.find("TASK_START", app=app.name, kind="system")) == 1
    assert len(app.call("registered")) == 1


def test_a_timer_wakes_the_host_and_keeps_it_awake_for_the_run(bench: Bench, app: AppHandle) -> None:
    app.call("register", task="Quick", trigger="time", own_process=True)
    asleep = bench.host.enter_standby()
    started = bench.timeline.wait("TASK_START", app=app.name, kind="time", after=asleep.seq)
    ended = bench.timeline.wait("TASK_HOST_END", app=app.name, after=started.seq)
    assert not [r for r in bench.timeline.find("SLEEP_ENTER", after=started.seq) if r.seq < ended.seq]
    bench.timeline.wait("SLEEP_ENTER", after=ended.seq)
    bench.host.exit_standby()


def test_a_host_that_has_gone_back_to_sleep_by_itself_is_asleep_at_once(bench: Bench, app: AppHandle) -> None:
    app.call("register", task="Quick", trigger="sms", own_process=True)
    first = bench.host.enter_standby()
    bench.host.levers.event(SystemTriggerType.SMS_RECEIVED)
    ended = bench.timeline.wait("TASK_END", app=app.name, after=first.seq)
    again = bench.timeline.wait("SLEEP_ENTER", after=ended.seq)
    assert bench.host.enter_standby() == again
    bench.host.exit_standby()
    assert bench.host.enter_standby().seq > again.seq
    bench.host.exit_standby()


def test_a_run_and_what_waits_outlive_the_system(bench: Bench, app: AppHandle) -> None:
    bench.host.levers.set(user_present=True, internet=False)
    app.call("register", task="Quick", trigger="sms", own_process=True, condition="INTERNET_AVAILABLE")
    bench.host.levers.event(SystemTriggerType.SMS_RECEIVED)
    pending = bench.timeline.wait("TASK_PENDING", app=app.name)
    after = bench.timeline.mark()
    os.kill(bench.host.pid, 9)
    bench.timeline.wait("SYSTEM_STARTED", after=after)
    bench.host.levers.set(internet=True)
    ended = bench.timeline.wait("TASK_END", app=app.name, instance=pending.detail["instance"])
    assert ended.reason == "done"
    assert len(bench.timeline.find("RUN_ENTER", app=app.name)) == 1


def test_a_run_that_sleeps_is_idle_and_one_that_computes_is_not(tmp_path: Path) -> None:
    """BGT-034: as the kernel counts its time."""
    rules = StandbyConfig(idle_task_s=0.4, wall_clock_s=1.5, cancel_grace_s=0.2)
    if not userns.privileged():
        pytest.skip(userns.refusal().cause)
    with Bench(BenchConfig(standby=rules), tmp_path) as bench:
        app = bench.host.start_app("mail", ENTRY)
        left(bench, app, "Busy", own_process=True)
        assert bench.timeline.find("CANCEL_SENT")[-1].reason == "EXECUTION_TIME_EXCEEDED"
        app.call("register", task="Obedient", trigger="application", own_process=True)
        app.call("request")
        assert bench.timeline.wait("CANCEL_SENT", kind="application").reason == "IDLE_TASK"


def test_an_installed_app_that_does_not_run_is_launched_for_its_task(bench: Bench) -> None:
    bench.host.levers.user_is_back()
    bench.host.install(Manifest("installed", entry=ENTRY))
    app = bench.host.launch("installed")
    app.call("register", task="Quick", trigger="away", own_process=False)
    app.terminate()
    after = bench.timeline.mark()
    bench.host.levers.user_leaves()
    assert bench.timeline.wait("TASK_END", app="installed", after=after).reason == "done"
    bench.timeline.wait("APP_SUSPEND", app="installed", after=after)
