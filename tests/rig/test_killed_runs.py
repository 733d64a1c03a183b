"""SIGKILL at any moment leaves nothing behind: no process, no namespace, no temporary file, no lock."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rig.clock import Deadline

KILLS = int(os.environ.get("RIG_KILLS", "12"))
"""Runs killed; the figure of the project's README was taken with 50."""
LATEST_S = 3.0
TEMPORARY = (Path("/tmp"), Path("/dev/shm"), Path("/run"))
MARK = "RIG_TEST_KILLED_RUN"


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


def namespaces() -> set[str]:
    """Network namespaces that any process is in or holds open."""
    found = set()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            links = [entry / "ns" / "net", *(entry / "fd").iterdir()]
        except OSError:
            continue
        for link in links:
            try:
                target = str(link.readlink())
            except OSError:
                continue
            if target.startswith("net:["):
                found.add(target)
    return found


def temporary_files() -> set[Path]:
    return {path for folder in TEMPORARY for path in folder.iterdir() if "pytest" not in path.name}


@pytest.mark.parametrize("device", ["native", "qemu"])
@pytest.mark.limit_s(240)
def test_nothing_is_left_of_killed_runs(tmp_path: Path, device: str) -> None:
    generator = random.Random(20)
    files, networks = temporary_files(), namespaces()
    for number in range(KILLS // 2):
        mark = f"{os.getpid()}-{device}-{number}"
        command = [sys.executable, "-m", "rig", "run", "--device", device, "-k", "wake", "--reports", str(tmp_path / "reports")]
        run = subprocess.Popen(command, env={**os.environ, MARK: mark}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(generator.uniform(0.1, LATEST_S))  # the moment is the point: there is no effect to wait for
        run.kill()
        run.wait()
        deadline = Deadline(5)
        while (left := processes_of(mark)) and not deadline.expired:
            time.sleep(0.01)
        assert not left, f"kill {number}: processes {left} are left"
    assert namespaces() <= networks
    assert temporary_files() <= files
