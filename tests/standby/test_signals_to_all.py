"""An app signals all that it can reach, which is all of its host but the supervisor: the host is there again afterwards."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.bench import Bench
from rig.clock import Deadline
from rig.config import BenchConfig
from rig.net import userns
from rig.standby.wire.hresult import ProcessGone
from rig.suite.scene import Scene

pytestmark = pytest.mark.skipif(not userns.privileged(), reason="needs namespaces")

APP = """
import os

class Rude:
    def __init__(self, app):
        pass

    def signal_all(self, number):
        os.kill(-1, number)
        return os.getpid()
"""
ENDING = (signal.SIGKILL, signal.SIGTERM)
"""SIGHUP is ignored by all that is started under nohup."""


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    (tmp_path / "rude_app.py").write_text(APP)
    monkeypatch.syspath_prepend(tmp_path)
    with Bench(BenchConfig(), tmp_path) as bench:
        yield Scene(bench)


@pytest.mark.limit_s(60)
@pytest.mark.parametrize("number", ENDING, ids=lambda number: number.name)
def test_system_and_driver_are_started_anew_as_often_as_that_happens(scene: Scene, number: signal.Signals) -> None:
    """Also for the driver more often than it may die by itself. What it did to other apps is those apps' end."""
    scene.open_hardware()
    rude = scene.host.start_app("rude", "rude_app:Rude")
    for round_number in range(6):
        after, before = scene.timeline.mark(), {scene.host.pid, scene.host.driver_pid}
        rude.call("signal_all", number=int(number))
        deadline = Deadline(30)
        while before & {scene.host.pid, scene.host.driver_pid}:
            assert not deadline.expired, "they live on, or nobody has started them anew"
        assert scene.host.link_stats(), "the next ones serve"
        if round_number == 0 and number is signal.SIGKILL:
            scene.timeline.wait("APP_TERMINATED", app="chat", after=after)
            with pytest.raises(ProcessGone, match="app chat is gone"):
                scene.app.call("messages", channel="inbox")
    other = scene.start_app("other")
    connection = scene.open_hardware("its", app=other)
    after = scene.sleep()
    connection.push(b"hello")
    scene.timeline.wait("TASK_DATA", app="other", after=after)
    scene.host.exit_standby()
    assert other.call("messages", channel="its") == [b"hello"]
    assert not scene.timeline.find("SERVICE_FAULT")


def test_a_ctrl_c_is_nothing_to_them(scene: Scene) -> None:
    """A terminal sends it to all processes of a run; the test's ends the others."""
    connection = scene.open_hardware()
    rude = scene.host.start_app("rude", "rude_app:Rude")
    before = scene.host.pid, scene.host.driver_pid
    rude.call("signal_all", number=int(signal.SIGINT))
    scene.sleep()
    scene.push_and_run(connection, b"still here")
    assert (scene.host.pid, scene.host.driver_pid) == before
