"""SIGKILL of any process of a bench at any moment: what is left works on or ends; with the test process all is gone."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rig.clock import Deadline
from rig.net import userns

pytestmark = pytest.mark.skipif(not userns.privileged(), reason="needs namespaces")

KILLS = int(os.environ.get("RIG_KILLS", "12"))
MARK = "RIG_TEST_KILLED_HOST"

BENCHES = """
import os, sys
from pathlib import Path
from rig.bench import Bench
from rig.config import BenchConfig

def parent(pid):
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])

for number in range(1000):
    try:
        with Bench(BenchConfig(), Path(sys.argv[1])) as bench:
            bench.host.start_app("chat")
            app, supervisor = bench.timeline.wait("APP_READY").pid, bench.host.supervisor_pid
            warm = parent(supervisor)
            print(os.getpid(), parent(warm), warm, supervisor, bench.host.pid, app, flush=True)
            for _ in range(3):
                bench.host.enter_standby()
                bench.host.exit_standby()
    except Exception as error:
        print(type(error).__name__, error, file=sys.stderr)
"""
"""A line for each bench: the pids of test process, keeper, warm process, supervisor, system and app."""
ROLES = ("test", "keeper", "warm", "supervisor", "system", "app")


def processes_of(mark: str) -> set[int]:
    """Processes that inherited the mark in their environment."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                environment = (entry / "environ").read_bytes()
            except OSError:
                continue
            if f"{MARK}={mark}".encode() in environment:
                found.add(int(entry.name))
    return found


def namespace_mounts() -> list[str]:
    return [line for line in Path("/proc/mounts").read_text().splitlines() if line.startswith("nsfs ")]


def until_gone(mark: str, which: str) -> None:
    deadline = Deadline(5)
    while (left := processes_of(mark)) and not deadline.expired:
        time.sleep(0.01)
    assert not left, f"{which}: processes {left} are left"


@pytest.mark.limit_s(180)
def test_nothing_is_left_and_the_next_bench_works(tmp_path: Path) -> None:
    generator, mounts, temporary = random.Random(8), namespace_mounts(), tmp_path / "tmp"
    temporary.mkdir()
    for number in range(KILLS):
        role = ROLES[number % len(ROLES)]
        mark = f"{os.getpid()}-{number}"
        argv = [sys.executable, "-c", BENCHES, str(tmp_path / "artefacts")]
        environment = {**os.environ, MARK: mark, "TMPDIR": str(temporary)}
        with subprocess.Popen(argv, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
            assert run.stdout is not None
            try:
                pids = dict(zip(ROLES, map(int, run.stdout.readline().split()), strict=True))
                time.sleep(generator.uniform(0, 0.1))  # the moment is the point: there is no effect to wait for
                try:
                    os.kill(pids[role], 9)
                except ProcessLookupError:  # of the bench before: it is gone as it should be
                    continue
                if role != "test":
                    assert run.stdout.readline(), "another bench comes up after it"
            finally:
                run.kill()
        until_gone(mark, f"kill {number}, of the {role}")
    assert namespace_mounts() == mounts
    assert list(temporary.iterdir()) == []
