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
SEED = os.environ.get("RIG_SEED") or str(random.SystemRandom().randrange(1 << 32))


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


def test_a_host_falls_asleep_again_wherever_in_a_wake_the_system_dies(scene: Scene) -> None:
    print(f"RIG_SEED={SEED}")
    moments, connection = random.Random(SEED), scene.open_hardware()
    scene.sleep()
    for number in range(KILLS):
        after = scene.timeline.mark()
        connection.push(b"%d" % number)
        time.sleep(moments.random() * 0.006)  # a wake takes some 3 ms
        os.kill(scene.host.pid, signal.SIGKILL)
        scene.timeline.wait("SYSTEM_STARTED", after=after)
        scene.timeline.wait("TASK_DATA", data=(b"%d" % number).hex(), after=after)
        scene.timeline.wait("SLEEP_ENTER", after=after)
    scene.host.exit_standby()
    assert scene.app.call("messages", channel="inbox") == [b"%d" % number for number in range(KILLS)]


def test_an_app_that_was_stopped_when_the_system_died_says_what_nobody_heard(scene: Scene) -> None:
    """As it is when the system had read the app's last word, stopped it, and died before it had written that down."""
    connection = scene.open_hardware()
    scene.app.call("set_completion_delay", seconds=1.5)
    after = scene.sleep()
    connection.push(b"slow")
    scene.timeline.wait("READ_COMPLETE_ENTER", after=after)
    scene.host.link_stats()  # the driver's answer, behind its word of the wake: the system has heard that
    os.kill(scene.timeline.find("APP_READY", app="chat")[-1].pid, signal.SIGSTOP)
    os.kill(scene.host.pid, signal.SIGKILL)
    scene.timeline.wait("APP_RESUME", app="chat", cause="system_restarted", after=after)
    scene.timeline.wait("TASK_DATA", data=b"slow".hex(), after=after)
    scene.timeline.wait("SLEEP_ENTER", after=after)


def test_an_app_in_the_background_is_heard_by_the_next_system_and_stopped_again(scene: Scene) -> None:
    scene.open_hardware()
    scene.host.suspend(scene.app)
    after = scene.timeline.mark()
    os.kill(scene.host.pid, signal.SIGKILL)
    resumed = scene.timeline.wait("APP_RESUME", app="chat", cause="system_restarted", after=after)
    scene.timeline.wait("APP_SUSPEND", app="chat", after=resumed.seq)
