"""An app that gets no processor to stop on is waited for: the host stays awake so long, and its system does everything else."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest

from rig import process_tree
from rig.process_tree import Outer, is_still
from rig.standby.system import child
from rig.standby.system.child import AT_ONCE_S, ForkedChild
from rig.standby.wire import bench
from rig.standby.wire.app_tasks import RequestAccess
from rig.standby.wire.supervision import Forked
from tests.standby.fake_host import FakeHost, fake_host
from tests.standby.virtual_time import virtual

LATE_S = 5.0
PATIENCE_S = 30.0
"""With a process that shares the processor with many."""


async def late_to_stop(host: FakeHost) -> float:
    """In standby with an app that stops at the time that is returned."""
    app = await host.app("late")
    app.late_until_s = host.now_s + LATE_S
    await host.bench(bench.EnterStandby())
    await host.settle()
    return app.late_until_s


@virtual
async def test_the_host_sleeps_as_soon_as_it_has_stopped() -> None:
    async with fake_host() as host:
        stops_s = await late_to_stop(host)
        assert not host.asleep
        asleep = await host.timeline.wait("SLEEP_ENTER")
        assert stops_s <= asleep.at_s <= stops_s + 1.0
        (suspended,) = host.timeline.find("APP_SUSPEND", app="late")
        assert stops_s <= suspended.at_s <= asleep.at_s
        assert host.timeline.find("SLEEP_REFUSED")[0].holder == "app late/1"


@virtual
async def test_others_are_served_meanwhile() -> None:
    async with fake_host() as host:
        other = await host.app("other")
        stops_s = await late_to_stop(host)
        await host.bench(bench.ExitStandby())
        await other.call(RequestAccess())
        assert host.now_s < stops_s


@virtual
async def test_it_goes_on_when_the_user_is_back_before_it_has_stopped() -> None:
    async with fake_host() as host:
        await late_to_stop(host)
        await host.bench(bench.ExitStandby())
        (app,) = host.apps.values()
        await host.settle()
        await app.call(RequestAccess())
        assert not app.stopped
        assert not host.timeline.find("APP_SUSPEND")


@virtual
async def test_it_may_end_before_it_has_stopped() -> None:
    async with fake_host() as host:
        await late_to_stop(host)
        (app,) = host.apps.values()
        app.kill()
        await host.timeline.wait("APP_TERMINATED", app="late")
        await host.timeline.wait("SLEEP_ENTER")
        assert not host.timeline.find("APP_SUSPEND")


@virtual
async def test_a_process_that_is_late_takes_no_time_of_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """A real one, which gets no processor."""
    monkeypatch.setattr(process_tree, "is_still", lambda process: False)
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as process:
        late = ForkedChild("late")
        late.is_born(Forked(process.pid, process.pid))
        began_s = time.monotonic()
        assert not late.stop()
        assert not late.stop()
        assert time.monotonic() - began_s < AT_ONCE_S + LATE_S
        monkeypatch.setattr(process_tree, "is_still", is_still)
        while not late.stop():
            assert time.monotonic() - began_s < PATIENCE_S
        assert late.pids == (process.pid,)
        assert is_still(Outer(process.pid))
        late.go_on()
        process.send_signal(signal.SIGKILL)


@virtual
async def test_one_that_is_to_go_on_before_it_has_stopped_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_tree, "is_still", lambda process: False)
    monkeypatch.setattr(child, "AT_ONCE_S", 0)
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as process:
        late = ForkedChild("late")
        late.is_born(Forked(process.pid, process.pid))
        assert not late.stop()
        late.go_on()
        deadline_s = time.monotonic() + PATIENCE_S
        while is_still(Outer(process.pid)):
            assert time.monotonic() < deadline_s
        process.send_signal(signal.SIGKILL)
