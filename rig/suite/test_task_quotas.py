"""Windows 8's quotas: the processor time and the bytes of an app's tasks, as the kernel accounts for them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rig.clock import Clock
from rig.config import StandbyConfig
from rig.suite.task_scene import TaskScene

pytestmark = pytest.mark.profile("win8")

QUOTA_S, PERIOD_MIN = 0.1, 30
CPU = StandbyConfig(
    cpu_quota_s=QUOTA_S, cpu_quota_min=PERIOD_MIN, cpu_quota_lock_screen_s=QUOTA_S, cpu_quota_lock_screen_min=PERIOD_MIN
)
CLOCK = Clock(100_000)
"""A period in 3 s: a busy machine gives a task so much processor time in it, too."""
BYTES = StandbyConfig(network_quota_kb=100, network_quota_lock_screen_kb=100, cpu_quota_s=60, cpu_quota_lock_screen_s=60)


@pytest.mark.requirement("BGT-026")
@pytest.mark.bench_config(standby=CPU, clock=CLOCK)
@pytest.mark.host_alone
def test_a_task_that_computes_is_paused_at_its_quota_and_goes_on_when_it_is_filled_up(tasks: TaskScene) -> None:
    tasks.register("Computes")
    after = tasks.fire()
    paused = tasks.timeline.wait("TASK_PAUSED", task="Computes", after=after)
    goes_on = tasks.timeline.wait("TASK_CONTINUED", task="Computes", after=paused.seq)
    told = tasks.timeline.wait("RUN_EXIT", task="Computes", after=goes_on.seq).fault
    suspended, throttled = (int(count) for count in told.split()[-2:])
    assert suspended == throttled >= 1


@pytest.mark.requirement("BGT-026")
@pytest.mark.bench_config(standby=CPU, clock=CLOCK)
@pytest.mark.host_alone
def test_a_task_that_waits_uses_up_nothing(tasks: TaskScene) -> None:
    tasks.register("Defers")
    assert tasks.fire_and_end("Defers").reason == "done"
    assert not tasks.timeline.find("TASK_PAUSED")


@pytest.mark.requirement("BGT-027")
@pytest.mark.bench_config(standby=BYTES)
@pytest.mark.parametrize("ac", [False, True], ids=["battery", "external power"])
@pytest.mark.host_alone
def test_on_battery_so_many_bytes_and_no_more(tasks: TaskScene, ac: bool) -> None:
    tasks.host.levers.set(ac=ac)
    server = tasks.bench.server
    tasks.register(f"Sends {server.address} {server.port}")
    after = tasks.fire()
    if ac:
        assert tasks.timeline.wait("RUN_EXIT", after=after).fault == "InterruptedError: 0 0"
        assert not tasks.timeline.find("TASK_PAUSED")
        return
    assert "bytes" in tasks.timeline.wait("TASK_PAUSED", after=after).reason
    tasks.host.levers.set(ac=True)
    told = tasks.timeline.wait("RUN_EXIT", after=after).fault
    assert [int(count) for count in told.split()[-2:]] == [1, 1]


@pytest.mark.requirement("BGT-028")
@pytest.mark.bench_config(standby=CPU, clock=Clock(2_000_000))
@pytest.mark.host_alone
def test_channel_tasks_run_however_exhausted_the_apps_quota_is(tasks: TaskScene) -> None:
    """The period is a minute here: nothing is filled up meanwhile. The app is suspended, as a task in its process would count."""
    server = tasks.bench.server
    app = tasks.start("chat", entry="rig.suite.busy_chat_app:BusyChatApp")
    app.call("open_channel", channel="inbox", host=server.address, port=server.port, minutes=1439)
    app.call("compute_in_background")
    after = tasks.fire()
    tasks.timeline.wait("TASK_PAUSED", app="chat", after=after)
    app.suspend()
    for number in range(3):
        server.push(b"push %d" % number)
        run = tasks.timeline.wait("RUN_EXIT", kind="push", after=after)
        assert run.fault is None
        after = run.seq + 1
    assert not tasks.timeline.find("TASK_PAUSED", kind="push")


@pytest.mark.requirement("BGT-028")
@pytest.mark.bench_config(standby=replace(CPU, cpu_quota_min=1440, cpu_quota_lock_screen_min=1440))
@pytest.mark.host_alone
def test_so_does_a_channels_keep_alive_task(tasks: TaskScene) -> None:
    """A day is more than a minute here: nothing is filled up meanwhile."""
    server = tasks.bench.server
    app = tasks.start("chat", entry="rig.suite.busy_chat_app:BusyChatApp")
    app.call("open_channel", channel="inbox", host=server.address, port=server.port, minutes=15)
    app.call("compute_in_background")
    paused = tasks.timeline.wait("TASK_PAUSED", app="chat", after=tasks.fire())
    app.suspend()
    begun = tasks.timeline.wait("RUN_ENTER", kind="keepalive", after=paused.seq)
    assert tasks.timeline.wait("RUN_EXIT", kind="keepalive", after=begun.seq).fault is None
    assert not tasks.timeline.find("TASK_PENDING", kind="keepalive")
