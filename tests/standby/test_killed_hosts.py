"""SIGKILL of any process of a bench at any moment: what is left works on or ends; with the test process all is gone."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rig.clock import WAIT_S, Deadline
from rig.net import userns
from tests.left_behind import MARK, namespace_mounts, processes_of

pytestmark = pytest.mark.skipif(not userns.privileged(), reason="needs namespaces")

ROUNDS = int(os.environ.get("RIG_KILLS", "3"))
"""In each every process of a bench is killed once, in another order, the test process at last."""

BENCHES = """
import os, sys, time
from pathlib import Path
from rig.bench import Bench
from rig.config import BenchConfig
from rig.suite.scene import CHAT_APP

def parent(pid):
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])

while True:
    begun = time.monotonic_ns()
    try:
        with Bench(BenchConfig(), Path(sys.argv[1])) as bench:
            bench.host.start_app("chat", CHAT_APP)
            app, supervisor = bench.timeline.wait("APP_READY").pid, bench.host.supervisor_pid
            warm = parent(supervisor)
            print(begun, os.getpid(), parent(warm), warm, supervisor, bench.host.pid, bench.host.driver_pid, app, flush=True)
            for _ in range(3):
                bench.host.enter_standby()
                bench.host.exit_standby()
    except Exception as error:
        print(type(error).__name__, error, file=sys.stderr)
"""
"""A line for each bench: when it was begun, and the pids of ROLES."""
ROLES = ("test", "keeper", "warm", "supervisor", "system", "driver", "app")


def until_gone(mark: str, which: str) -> None:
    deadline = Deadline(WAIT_S)
    while (left := processes_of(mark)) and not deadline.expired:
        time.sleep(0.01)
    assert not left, f"{which}: processes {left} are left"


def next_bench(run: subprocess.Popen[str], after_ns: int = 0) -> dict[str, int]:
    """The pids of the first bench begun since then."""
    assert run.stdout is not None
    for line in run.stdout:
        begun_ns, *pids = map(int, line.split())
        if begun_ns > after_ns:
            return dict(zip(ROLES, pids, strict=True))
    raise AssertionError("the test process has ended")


@pytest.mark.limit_s(180)
def test_nothing_is_left_and_the_next_bench_works(tmp_path: Path) -> None:
    generator, mounts, temporary = random.Random(8), namespace_mounts(), tmp_path / "tmp"
    temporary.mkdir()
    for number in range(ROUNDS):
        mark = f"host-{os.getpid()}-{number}"
        argv = [sys.executable, "-c", BENCHES, str(tmp_path / "artefacts")]
        environment = {**os.environ, MARK: mark, "TMPDIR": str(temporary)}
        with subprocess.Popen(argv, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as run:
            try:
                pids = next_bench(run)
                for role in generator.sample(ROLES[1:], len(ROLES) - 1):
                    time.sleep(generator.uniform(0, 0.1))  # the moment is the point: there is no effect to wait for
                    with contextlib.suppress(ProcessLookupError):  # of the bench before: it is gone as it should be
                        os.kill(pids[role], signal.SIGKILL)
                    pids = next_bench(run, time.monotonic_ns())
            finally:
                time.sleep(generator.uniform(0, 0.1))
                run.kill()
        until_gone(mark, f"round {number}")
    assert namespace_mounts() == mounts
    assert list(temporary.iterdir()) == []
