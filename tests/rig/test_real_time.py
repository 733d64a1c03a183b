"""An emulated device goes before ordinary processes while it is measured, where the machine permits that."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator

import pytest

from rig.benchmarks.real_time import real_time


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "60"]) as sleeper:
        yield sleeper
        sleeper.kill()


def permitted() -> bool:
    """Asked of chrt, which asks the kernel."""
    return subprocess.run(["chrt", "--fifo", "1", "true"], stderr=subprocess.DEVNULL, check=False).returncode == 0


def test_a_process_is_scheduled_in_real_time_for_the_block_alone_and_says_whether(process: subprocess.Popen[bytes]) -> None:
    with real_time(process.pid) as changed:
        assert changed == permitted()
        assert (os.sched_getscheduler(process.pid) == os.SCHED_FIFO) == permitted()
    assert os.sched_getscheduler(process.pid) == os.SCHED_OTHER


def test_a_process_that_died_meanwhile_is_no_error(process: subprocess.Popen[bytes]) -> None:
    with real_time(process.pid):
        process.kill()
        process.wait()


def test_a_device_that_is_no_process_stays_as_it_is() -> None:
    with real_time(0) as changed:
        assert not changed
    assert os.sched_getscheduler(os.getpid()) == os.SCHED_OTHER
