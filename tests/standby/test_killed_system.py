"""SIGKILL of the system at random moments, on real parts: over sleeping, waking and running no byte is lost or doubled, each read
has its push task once, and the slot comes back."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.bench import Bench
from rig.config import BenchConfig
from rig.net import userns
from rig.standby.calls import SystemRestarted
from rig.suite.scene import Scene
from tests.standby.killing import kill_system_again

pytestmark = pytest.mark.skipif(not userns.privileged(), reason="needs namespaces")

KILLS = int(os.environ.get("RIG_KILLS", "25"))
SPREAD_S = 0.06
"""From a push on: the wake, the task, the linger time, the next entry and a moment of sleep."""


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with Bench(BenchConfig(), tmp_path) as bench:
        yield Scene(bench)


def test_nothing_is_lost_and_nothing_comes_twice(scene: Scene) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    moments = random.Random(seed)
    connection = scene.open_hardware()
    scene.sleep()
    pushed = [f"message {number}".encode() for number in range(KILLS)]
    for number, data in enumerate(pushed):
        after = scene.timeline.mark()
        connection.push(data)
        time.sleep(moments.uniform(0, SPREAD_S))
        kill_system_again(scene.host, number)
        scene.timeline.wait("TASK_DATA", data=data.hex(), after=after)
        if moments.random() < 0.5:  # else the next one comes while the host is on its way
            scene.timeline.wait("RUN_EXIT", after=after)
            scene.timeline.wait("SLEEP_ENTER", after=scene.timeline.find("RUN_EXIT", after=after)[-1].seq)
    scene.timeline.wait("RUN_EXIT", kind="push", count=KILLS)
    try:
        scene.host.exit_standby()
    except SystemRestarted:
        scene.host.exit_standby()
    assert scene.app.call("messages", channel="inbox") == pushed
    reads = scene.timeline.find("READ_COMPLETE_EXIT", channel="inbox")
    runs = [record.instance for record in scene.timeline.find("RUN_ENTER", kind="push")]
    assert len(reads) == len(set(runs)) == len(runs) == KILLS
    assert len(scene.bench.device.slots()) == 1
    scene.app.call("close_channel", channel="inbox")
    assert scene.bench.device.slots() == ()
    assert not scene.timeline.find("SERVICE_FAULT")
    assert not scene.timeline.find("APP_TERMINATED")
