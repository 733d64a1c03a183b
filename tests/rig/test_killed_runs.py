"""SIGKILL at any moment leaves nothing behind: no process, no namespace, no temporary file, no lock."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rig.clock import WAIT_S, Deadline
from tests.left_behind import MARK, namespace_mounts, processes_of

KILLS = int(os.environ.get("RIG_KILLS", "12"))
"""Runs killed."""
LATEST_S = 3.0


@pytest.mark.parametrize(
    ("device", "workers", "latest_s"),
    [("native", "0", LATEST_S), ("qemu", "0", LATEST_S), ("native", "2", 2 * LATEST_S)],
    ids=["native", "qemu", "in workers"],
)
@pytest.mark.limit_s(240)
def test_nothing_is_left_of_killed_runs(tmp_path: Path, device: str, workers: str, latest_s: float) -> None:
    generator = random.Random(20)
    mounts = namespace_mounts()
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    for number in range(KILLS // 2):
        mark = f"{os.getpid()}-{device}-{workers}-{number}"
        options = ["--device", device, "-n", workers, "-k", "wake", "--reports", str(tmp_path / "reports")]
        environment = {**os.environ, MARK: mark, "TMPDIR": str(temporary)}
        command, nowhere = [sys.executable, "-m", "rig", "run", *options], subprocess.DEVNULL
        run = subprocess.Popen(command, env=environment, stdout=nowhere, stderr=nowhere)
        time.sleep(generator.uniform(0.1, latest_s))  # the moment is the point: there is no effect to wait for
        run.kill()
        run.wait()
        deadline = Deadline(WAIT_S)
        while (left := processes_of(mark)) and not deadline.expired:
            time.sleep(0.01)
        assert not left, f"kill {number}: processes {left} are left"
    assert namespace_mounts() == mounts
    assert list(temporary.iterdir()) == []


def test_where_temporary_files_go_a_run_makes_none_with_a_name(tmp_path: Path) -> None:
    """Which a SIGKILL would leave behind, however short its life: the folder shows that it changed."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    os.utime(temporary, (1, 1))
    command = [sys.executable, "-m", "rig", "run", "--device", "native", "-n", "0", "-k", "test_runts"]
    environment = {**os.environ, "TMPDIR": str(temporary)}
    subprocess.run([*command, "--reports", str(tmp_path / "reports")], env=environment, check=True, stdout=subprocess.DEVNULL)
    assert temporary.stat().st_mtime == 1


def test_nothing_is_left_of_a_killed_benchmark(tmp_path: Path) -> None:
    mark, temporary = f"{os.getpid()}-bench", tmp_path / "tmp"
    temporary.mkdir()
    environment = {**os.environ, MARK: mark, "TMPDIR": str(temporary)}
    command, nowhere = [sys.executable, "-m", "rig", "bench", "--device", "native"], subprocess.DEVNULL
    bench = subprocess.Popen(command, env=environment, stdout=nowhere, stderr=nowhere)
    deadline = Deadline(30)
    while not list(temporary.rglob("wire.pcapng")):
        assert not deadline.expired
        time.sleep(0.01)
    bench.kill()
    bench.wait()
    deadline = Deadline(WAIT_S)
    while (left := processes_of(mark)) and not deadline.expired:
        time.sleep(0.01)
    assert not left
    assert list(temporary.iterdir()) == []
