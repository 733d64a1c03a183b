"""What an app starts is stopped, continued and ended with it, whatever it does to get away."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.bench import Bench
from rig.clock import WAIT_S, Deadline
from rig.config import BenchConfig
from rig.net import userns
from rig.process_tree import LATE_S
from rig.standby.app_handle import AppHandle

pytestmark = pytest.mark.skipif(not userns.privileged(), reason="needs namespaces")

APPS = """
import os, subprocess, sys, threading, time

def burn():
    while True:
        pass

def spawn(how):
    if os.fork():
        return
    if how == "setsid":
        os.setsid()
    if how in ("double", "daemon"):
        if how == "daemon":
            os.setsid()
        if os.fork():
            os._exit(0)
    os.close(1)
    burn()

class Busy:
    def __init__(self, app):
        pass

    def spawn(self, how):
        if how == "exec":
            subprocess.Popen([sys.executable, "-c", "while True: pass"])
        else:
            spawn(how)

    def forker(self):
        "One that starts short-lived children without end, and each of these one more."
        if os.fork() == 0:
            while True:
                pid = os.fork()
                if pid == 0:
                    if os.fork() == 0:
                        time.sleep(0.05)
                    os._exit(0)
                os.waitpid(pid, 0)

    def runner(self):
        "One that runs programs without end: now and then it is stopped in vfork(), waiting for a child that is stopped too."
        def run():
            while True:
                subprocess.run(["true"])
        for _ in range(2):
            threading.Thread(target=run, daemon=True).start()

    def pids(self):
        return os.getpid()

class Fragile(Busy):
    def end(self):
        os._exit(3)
"""


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("apps")
    (folder / "busy_apps.py").write_text(APPS)
    sys.path.insert(0, str(folder))
    try:
        with Bench(BenchConfig(), folder) as bench:
            yield bench
    finally:
        sys.path.remove(str(folder))


def tree(pid: int) -> list[int]:
    found = [pid]
    for parent in found:
        try:
            tasks = list(Path(f"/proc/{parent}/task").iterdir())
            found += [int(child) for task in tasks for child in (task / "children").read_text().split()]
        except OSError:
            continue
    return found


def ticks(pids: list[int]) -> int:
    """Of the processor that they have used. Children that ended count in who waited for them."""
    return sum(sum(map(int, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:15])) for pid in pids)


def states(pids: list[int]) -> set[str]:
    return {Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] for pid in pids}


def started(bench: Bench, name: str, entry: str) -> tuple[AppHandle, int]:
    after = bench.timeline.mark()
    app = bench.host.start_app(name, entry)
    return app, bench.timeline.wait("APP_READY", app=name, after=after).pid


def kill(bench: Bench, name: str, pid: int) -> None:
    after = bench.timeline.mark()
    os.kill(pid, signal.SIGKILL)
    assert bench.timeline.wait("APP_TERMINATED", app=name, after=after).status == "signal SIGKILL"


@pytest.mark.parametrize("how", ["fork", "setsid", "double", "daemon", "exec"])
def test_an_apps_children_stop_with_it_and_go_on_with_it(bench: Bench, how: str) -> None:
    app, pid = started(bench, how, "busy_apps:Busy")
    app.call("spawn", how=how)
    deadline = Deadline(WAIT_S)
    while not [child for child in tree(pid)[1:] if ticks([child]) > 1]:  # it burns
        assert not deadline.expired
        time.sleep(0.001)
    bench.host.suspend(app)
    pids = tree(pid)
    assert states(pids) <= {"T", "Z"}
    before = ticks(pids)
    time.sleep(0.1)  # nothing is to happen: they would burn ten ticks
    assert ticks(pids) == before
    bench.host.exit_standby()  # does nothing for an app in the background
    assert states(pids) <= {"T", "Z"}
    kill(bench, how, pid)
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_a_child_goes_on_when_its_app_does(bench: Bench) -> None:
    app, pid = started(bench, "again", "busy_apps:Busy")
    app.call("spawn", how="daemon")
    bench.host.enter_standby()
    assert states(tree(pid)) <= {"T", "Z"}
    bench.host.exit_standby()
    app.call("pids")
    deadline = Deadline(WAIT_S)
    while "R" not in states(tree(pid)):
        assert not deadline.expired
        deadline.pause()
    kill(bench, "again", pid)


@pytest.mark.parametrize("how", ["forker", "runner"])
def test_a_tree_that_forks_all_the_time_is_stopped(bench: Bench, how: str) -> None:
    app, pid = started(bench, how, "busy_apps:Busy")
    app.call(how)
    for _ in range(10):
        bench.host.enter_standby(timeout_s=LATE_S + WAIT_S)  # all of the tree wants a processor once, on a machine that may stall
        pids = tree(pid)
        assert states(pids) <= {"T", "Z", "D"}  # D: in vfork()
        before = ticks(pids)
        time.sleep(0.02)
        assert tree(pid) == pids
        assert ticks(pids) == before
        bench.host.exit_standby()
        app.call("pids")
    kill(bench, how, pid)


@pytest.mark.parametrize("how", ["fork", "setsid", "double", "daemon", "exec"])
def test_orphans_end_with_their_app_and_the_others_live(bench: Bench, how: str) -> None:
    app, pid = started(bench, f"orphans of {how}", "busy_apps:Fragile")
    other, other_pid = started(bench, f"beside {how}", "busy_apps:Busy")
    other.call("spawn", how="daemon")
    app.call("spawn", how=how)
    ours, theirs = tree(pid)[1:], tree(other_pid)
    assert ours
    after = bench.timeline.mark()
    with pytest.raises(Exception, match="is gone"):
        app.call("end")
    ended = bench.timeline.wait("APP_TERMINATED", app=app.name, after=after)
    assert ended.status == "exit status 3"
    assert not any(Path(f"/proc/{pid}").exists() for pid in ours)
    assert states(theirs) & {"R", "S"}
    kill(bench, other.name, other_pid)


SETTLED_LOOKS = 30


def times_woken(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("voluntary_ctxt_switches"))


def test_the_supervisor_sleeps_on_when_an_app_is_stopped_or_goes_on(bench: Bench) -> None:
    """It would have a processor in the middle of every wake, when the app wants it."""
    _, pid = started(bench, "stopped", "busy_apps:Busy")
    supervisor = bench.host.supervisor_pid
    deadline = Deadline(WAIT_S)
    looks = [times_woken(supervisor)]
    while len(looks) < SETTLED_LOOKS or len(set(looks[-SETTLED_LOOKS:])) > 1:  # of the app's start it may have something to do
        assert not deadline.expired
        deadline.pause()
        looks.append(times_woken(supervisor))
    before = looks[-1]
    for _ in range(10):
        for number, wanted in ((signal.SIGSTOP, {"T"}), (signal.SIGCONT, {"S", "R"})):
            os.kill(pid, number)
            deadline = Deadline(WAIT_S)
            while not states([pid]) <= wanted:
                assert not deadline.expired
                time.sleep(0.001)
    assert times_woken(supervisor) == before
    kill(bench, "stopped", pid)
