"""The system is killed while apps call it: no call fails, none is done twice, nothing is left behind."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.bench import Bench
from rig.clock import Deadline
from rig.config import BenchConfig
from rig.net import userns
from rig.suite.scene import Scene

pytestmark = pytest.mark.skipif(not userns.privileged(), reason="needs namespaces")

KILLS = int(os.environ.get("RIG_KILLS", "8"))
SEED = int(os.environ.get("RIG_SEED", "0")) or random.SystemRandom().randrange(1 << 32)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with Bench(BenchConfig(), tmp_path) as bench:
        yield Scene(bench)


def test_calls_go_on_over_the_deaths_of_the_system(scene: Scene) -> None:
    print(f"RIG_SEED={SEED}")
    moments, server = random.Random(SEED), scene.bench.server
    app = scene.host.start_app("talker", "tests.standby.talker:Talker")
    app.call("begin", threads=2, host=server.address, port=server.port)
    for _ in range(KILLS):
        rounds, after = app.call("rounds"), scene.timeline.mark()
        time.sleep(moments.random() * 0.1)  # the moment is what varies; nothing is waited for
        os.kill(scene.host.pid, signal.SIGKILL)
        scene.timeline.wait("SYSTEM_STARTED", after=after)
        deadline = Deadline(10)
        while app.call("rounds") < rounds + 3:
            assert not deadline.expired, "the app's calls do not go on"
            deadline.pause()
    assert app.call("finish", timeout_s=30.0) == []
    assert scene.timeline.find("SERVICE_FAULT") == []
    assert scene.device.slots() == ()
    connection = scene.open_hardware("inbox", app=app)
    scene.sleep()
    scene.push_and_run(connection, b"after all that")
