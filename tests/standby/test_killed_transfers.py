"""SIGKILL of the system, and of the process of transfers, at random moments of downloads: each file is whole, each completion
group has one run, and the app hears how everything ended."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.bench import Bench
from rig.clock import Clock
from rig.config import BenchConfig
from rig.net import userns
from rig.peers import http_handlers as handlers
from rig.suite.transfer_scene import HALF, TransferScene

pytestmark = pytest.mark.skipif(not userns.privileged(), reason="needs namespaces")

KILLS = int(os.environ.get("RIG_KILLS", "25"))
SPREAD_S = 0.1
"""From the first call of a round on: creations, starts, requests, ends, the task."""
UNHURRIED = 2_000_000


@pytest.fixture
def transfers(tmp_path: Path) -> Iterator[TransferScene]:
    with Bench(BenchConfig(clock=Clock(UNHURRIED)), tmp_path) as bench, bench.peers.http_server() as web:
        yield TransferScene(bench, web)


def kill(transfers: TransferScene, moments: random.Random) -> None:
    """One of them, or both; the system has started anew when this returns."""
    after = transfers.timeline.mark()
    system, process = transfers.host.pid, transfers.host.transfers_pid
    which = moments.choice(("system", "transfers", "both"))
    if which != "system" and process:
        with contextlib.suppress(ProcessLookupError):  # the one before, and the next one is not heard of yet
            os.kill(process, signal.SIGKILL)
    if which != "transfers":
        os.kill(system, signal.SIGKILL)
        transfers.timeline.wait("SYSTEM_STARTED", after=after)


def test_no_file_is_mixed_no_end_lost_and_no_group_runs_twice(transfers: TransferScene) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    moments = random.Random(seed)
    transfers.web.on("/missing", handlers.answer(status=404))
    for number in range(KILLS):
        group, names = f"group {number}", [f"{number}-{part}" for part in range(2)]
        files = [transfers.serve(name, stops_at=HALF) for name in names]
        transfers.app.call("register", completion_group=group)
        for name in names:
            transfers.fetch(name, completion_group=group)
        missing = f"{number}-missing"
        transfers.fetch(missing, uri=transfers.web.url("/missing"), completion_group=group)
        transfers.app.call("enable", completion_group=group)
        if moments.random() < 0.5:
            time.sleep(moments.uniform(0, SPREAD_S))
            kill(transfers, moments)
        for file in files:
            file.go_on()
        time.sleep(moments.uniform(0, SPREAD_S))
        kill(transfers, moments)
        states = {names[0]: "COMPLETED", names[1]: "COMPLETED", missing: "ERROR"}
        assert transfers.timeline.wait("transfer-group-over", task=group).states == states
        for name in names:
            transfers.over(name)
            transfers.whole(name)
        transfers.timeline.wait("transfer-over", name=missing)
        assert transfers.app.call("tasks") == []
    assert transfers.app.call("listed") == {}
    assert len(transfers.timeline.find("transfer-group-over")) == KILLS
    assert len(transfers.timeline.find("transfer-over")) == 3 * KILLS
    assert not [record for record in transfers.timeline.find("RUN_EXIT") if record.fault]
    assert not transfers.timeline.find("SERVICE_FAULT")
