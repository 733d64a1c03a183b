"""The process that waits to be a task host: the next run has it, and nobody misses one that is gone."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.bench import Bench
from rig.clock import Deadline
from rig.config import BenchConfig
from rig.net import userns
from rig.process_tree import Outer, children
from rig.standby.app_handle import AppHandle
from rig.timeline import Record

pytestmark = pytest.mark.skipif(not userns.privileged(), reason="needs namespaces")


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with Bench(BenchConfig(), tmp_path) as bench:
        yield bench
        assert bench.timeline.find("SERVICE_FAULT") == []


@pytest.fixture
def app(bench: Bench) -> AppHandle:
    return bench.host.start_app("limited", "tests.standby.limited_app:Limited")


def spares(bench: Bench) -> list[int]:
    """Their pids."""
    return [pid for pid in children(Outer(bench.host.supervisor_pid)) if comm(pid) == "spare"]


def comm(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def spare(bench: Bench) -> int:
    """As soon as there is one."""
    deadline = Deadline(10)
    while not (found := spares(bench)):
        assert not deadline.expired, "no process waits"
        time.sleep(0.005)
    assert len(found) == 1
    return found[0]


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def wait_dead(pid: int) -> None:
    """A zombie: its parent has not heard of it. Its other threads have gone, too, and with them its descriptors."""
    deadline = Deadline(10)
    while (state := _state(pid)) != "Z" or len(list(Path(f"/proc/{pid}/task").iterdir())) > 1:
        assert not deadline.expired, f"it is in state {state}"
        time.sleep(0.001)


def wait_gone(pid: int) -> None:
    """Its parent has heard of it. Who is killed while it takes its run over ends that run, as any task host does."""
    deadline = Deadline(10)
    while Path(f"/proc/{pid}").exists():
        assert not deadline.expired
        time.sleep(0.001)


def run(bench: Bench, app: AppHandle, *, task: str = "Idle", standby: bool = False) -> Record:
    """One task in a process of its own; returns the record of that process."""
    bench.host.levers.user_is_back()
    app.call("register", task=task, own_process=True)
    after = bench.timeline.mark()
    if standby:
        bench.host.enter_standby()
    bench.host.levers.user_leaves()
    assert bench.timeline.wait("TASK_END", app="limited", after=after).fault is None
    started = bench.timeline.wait("TASK_HOST_START", app="limited", after=after)
    bench.timeline.wait("TASK_HOST_END", app="limited", instance=started.instance, after=after)
    if standby:
        bench.host.exit_standby()
    return started


def test_there_is_none_before_a_task_has_wanted_a_process_and_then_one_for_the_next(bench: Bench, app: AppHandle) -> None:
    assert spares(bench) == []
    first = run(bench, app)
    waiting = spare(bench)
    assert waiting != first.pid
    assert run(bench, app).pid == waiting
    assert spare(bench) != waiting


def test_one_that_was_killed_is_not_missed(bench: Bench, app: AppHandle) -> None:
    run(bench, app)
    killed = spare(bench)
    os.kill(killed, signal.SIGKILL)
    wait_gone(killed)
    assert run(bench, app).pid != killed
    assert run(bench, app).pid


def test_one_that_was_killed_a_moment_ago_takes_no_run_with_it(bench: Bench, app: AppHandle) -> None:
    """The supervisor has not heard of it yet: it is stopped meanwhile."""
    run(bench, app)
    killed = spare(bench)
    bench.host.levers.user_is_back()
    app.call("register", task="Idle", own_process=True)
    after = bench.timeline.mark()
    os.kill(bench.host.supervisor_pid, signal.SIGSTOP)
    try:
        os.kill(killed, signal.SIGKILL)
        wait_dead(killed)
        bench.host.levers.user_leaves()
    finally:
        os.kill(bench.host.supervisor_pid, signal.SIGCONT)
    assert bench.timeline.wait("TASK_END", app="limited", after=after).fault is None
    assert bench.timeline.wait("TASK_HOST_START", app="limited", after=after).pid != killed


def test_one_that_was_stopped_goes_on_for_its_run(bench: Bench, app: AppHandle) -> None:
    """As an app may that signals every process that it can."""
    run(bench, app)
    stopped = spare(bench)
    os.kill(stopped, signal.SIGSTOP)
    assert run(bench, app).pid == stopped


def test_what_a_task_executes_does_not_get_the_line_to_the_system(bench: Bench, app: AppHandle) -> None:
    """From a process that was forked for it, and from one that has waited."""
    run(bench, app, task="Executes")
    waiting = spare(bench)
    assert run(bench, app, task="Executes").pid == waiting


def test_a_run_without_network_has_a_process_that_was_never_on_it(bench: Bench, app: AppHandle) -> None:
    run(bench, app)
    waiting = spare(bench)
    assert run(bench, app, standby=True).pid != waiting
    assert spare(bench) == waiting


def test_it_ends_with_the_host(bench: Bench, app: AppHandle) -> None:
    run(bench, app)
    waiting = spare(bench)
    bench.host.kill()
    assert comm(waiting) != "spare"
