"""The driver's own process in a whole bench, killed at random moments of sleep, wake and what is between."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from rig.bench import Bench
from rig.clock import WAIT_S, Deadline
from rig.config import BenchConfig
from rig.net import userns
from rig.suite.scene import CHAT_APP

pytestmark = pytest.mark.skipif(not userns.privileged(), reason="needs namespaces")

KILLS = 30
SEED = 8
"""Of the moments; what falls into them differs from run to run."""
LONGEST_S = 0.04
"""A wake, its task, the linger time and an entry."""


def kill_driver(bench: Bench, last: int) -> int:
    """The one after `last`; returns its pid."""
    deadline = Deadline(WAIT_S)
    while (pid := bench.host.driver_pid) == last:
        assert not deadline.expired, "no driver was started anew"
    os.kill(pid, signal.SIGKILL)
    return pid


def test_killed_at_random_moments_it_loses_nothing(tmp_path: Path) -> None:
    moments = random.Random(SEED)
    with Bench(BenchConfig(), tmp_path) as bench:
        app = bench.host.start_app("chat", CHAT_APP)
        app.call("open_channel", channel="inbox", host=bench.server.address, port=bench.server.port, minutes=1439)
        connection = bench.server.connection()
        bench.host.enter_standby()
        wanted, killed = b"", 0
        for number in range(KILLS):
            after, message = bench.timeline.mark(), b"%d;" % number
            connection.push(message)
            time.sleep(moments.uniform(0, LONGEST_S))  # the moment is what is tested
            killed = kill_driver(bench, killed)
            wanted += message
            bench.timeline.wait("DRIVER_TERMINATED", after=after)
            bench.timeline.wait("TASK_DATA", after=after, timeout_s=10)
            bench.timeline.wait("SLEEP_ENTER", after=after, timeout_s=10)
        bench.host.exit_standby()
        deadline = Deadline(10)
        while b"".join(app.call("messages", channel="inbox")) != wanted:
            assert not deadline.expired, f"{app.call('messages', channel='inbox')} instead of {wanted!r}"
        assert len(bench.device.slots()) == 1
        app.call("send", channel="inbox", data=b"and back")
        assert connection.wait_received(8) == b"and back"


def test_it_goes_before_ordinary_processes_where_that_is_permitted(tmp_path: Path) -> None:
    """Asked of chrt, which asks the kernel."""
    permitted = subprocess.run(["chrt", "--fifo", "1", "true"], stderr=subprocess.DEVNULL, check=False).returncode == 0
    with Bench(BenchConfig(), tmp_path) as bench:
        policy = os.sched_getscheduler(bench.host.driver_pid) & ~os.SCHED_RESET_ON_FORK
    assert policy == (os.SCHED_FIFO if permitted else os.SCHED_OTHER)
