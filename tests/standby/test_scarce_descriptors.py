"""A system that may open no more files refuses what it has no descriptor for, and goes on; nothing of a refused call stays."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from rig import open_files
from rig.bench import Bench
from rig.clock import WAIT_S, Deadline
from rig.config import BenchConfig
from rig.net import userns
from rig.standby.wire import bench as wire
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.statuses import ControlChannelTriggerStatus as Status
from rig.suite.broker_scene import BrokerScene
from rig.suite.scene import Scene
from tests.standby.test_warm import warm_pid

pytestmark = pytest.mark.skipif(not userns.privileged(), reason="needs namespaces")

MOST = 6
"""A channel takes fewer."""


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with Bench(BenchConfig(), tmp_path) as bench:
        yield Scene(bench)


def open_in(pid: int) -> set[int]:
    return {int(entry.name) for entry in Path(f"/proc/{pid}/fd").iterdir()}


@contextmanager
def descriptors_left(pid: int, count: int) -> Iterator[None]:
    """The process may open so many more; it may end meanwhile."""
    used = open_in(pid)
    most = next(limit for limit in range(4096) if len(set(range(limit)) - used) == count and limit >= count)
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (most, before[1]))
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            resource.prlimit(pid, resource.RLIMIT_NOFILE, before)


def until_closed(pid: int, count: int) -> None:
    deadline = Deadline(WAIT_S)
    while len(open_in(pid)) > count:
        assert not deadline.expired, open_in(pid)


def outcome_of_opening(scene: Scene) -> Status | HResult:
    """It is closed again."""
    try:
        status = scene.open("scarce")
    except HostError as error:
        return error.hresult
    scene.app.call("close_channel", channel="scarce")
    return status


def test_a_channel_is_refused_whole_and_the_next_one_works(scene: Scene) -> None:
    scene.open_hardware("first")
    system, outcomes = scene.host.pid, list[Status | HResult]()
    before = len(open_in(system))
    for count in range(MOST):
        with descriptors_left(system, count):
            outcomes.append(outcome_of_opening(scene))
        until_closed(system, before)
        assert scene.open("plenty") is Status.HARDWARE_SLOT_ALLOCATED
        scene.app.call("close_channel", channel="plenty")
        assert len(scene.device.slots()) == 1
    assert HResult.OUT_OF_MEMORY in outcomes
    assert set(outcomes) <= {HResult.OUT_OF_MEMORY, Status.SYSTEM_ERROR, Status.HARDWARE_SLOT_ALLOCATED}
    assert outcomes[-1] is Status.HARDWARE_SLOT_ALLOCATED
    assert scene.host.pid == system
    assert not scene.timeline.find("SERVICE_FAULT")


def test_an_app_that_cannot_be_started_for_it_is_refused(scene: Scene) -> None:
    system = scene.host.pid
    before = len(open_in(system))
    for count in range(3):
        until_closed(system, before)
        with descriptors_left(system, count), pytest.raises(HostError, match="OUT_OF_MEMORY"):
            scene.start_app("chat")
    until_closed(system, before)
    scene.start_app("chat")
    assert scene.host.pid == system
    assert not scene.timeline.find("SERVICE_FAULT")
    assert not scene.timeline.find("APP_TERMINATED")


def given_until_refused(broker: BrokerScene, most: int) -> int:
    """How many sockets the broker has taken before it was full."""
    for given in range(most):
        try:
            broker.give(str(given))
        except HostError as refused:
            if refused.hresult is not HResult.OUT_OF_MEMORY:
                raise
            return given
    raise AssertionError(f"the broker has taken {most} sockets")


@pytest.mark.parametrize("full", ["system", "supervisor"])
def test_a_broker_that_is_full_leaves_the_host_what_it_needs(tmp_path: Path, full: str) -> None:
    """It refuses the socket, which stays the app's; apps start, the host sleeps, and a new system takes all of them up."""
    with Bench(BenchConfig(), tmp_path) as bench:
        broker = BrokerScene(bench)
        broker.give("before")
        supervisor = bench.host.supervisor_pid
        with descriptors_left(bench.host.pid if full == "system" else supervisor, open_files.RESERVED + MOST):
            given = given_until_refused(broker, 2 * MOST)
            assert given > 0
            broker.app.call("write", name=str(given), data=b"still the app's")
            broker.start("another")
            bench.host.enter_standby()
            bench.host.exit_standby()
            after = bench.timeline.mark()
            os.kill(bench.host.pid, signal.SIGKILL)
            bench.timeline.wait("SYSTEM_STARTED", after=after)
            assert len(broker.app.call("all_sockets")) == 1 + given
        assert bench.host.supervisor_pid == supervisor
        assert not bench.timeline.find("SERVICE_FAULT")


def test_the_hosts_processes_may_open_as_many_files_as_the_machine_lets_them(tmp_path: Path) -> None:
    """Whatever the soft limit is of who starts them."""
    hard = open_files.hard_limit()
    with Bench(BenchConfig(), tmp_path / "first"):  # the warm process is there
        pass
    own = max(int(fd.name) for fd in Path("/proc/self/fd").iterdir())  # the host's begin with the numbers that they have here
    resource.prlimit(warm_pid(), resource.RLIMIT_NOFILE, (own + 256, hard))
    try:
        with Bench(BenchConfig(), tmp_path / "second") as bench:
            for pid in (bench.host.supervisor_pid, bench.host.pid):
                assert resource.prlimit(pid, resource.RLIMIT_NOFILE) == (hard, hard)
    finally:
        resource.prlimit(warm_pid(), resource.RLIMIT_NOFILE, (open_files.most(), hard))


def test_an_app_that_cannot_be_seen_stopped_is_not_said_to_be(scene: Scene) -> None:
    """The host does not sleep with apps that run."""
    scene.open_hardware()
    after = scene.timeline.mark()
    with descriptors_left(scene.host.pid, 0):
        scene.host._call(wire.EnterStandby())
        scene.timeline.wait("SLEEP_FAILED", after=after)
        assert not scene.timeline.find("APP_SUSPEND", after=after)
        assert not scene.timeline.find("SLEEP_ENTER", after=after)
    scene.timeline.wait("SLEEP_ENTER", after=after)
