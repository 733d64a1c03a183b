"""A background task that takes a deferral goes on after its Run has returned, and keeps the host awake as long; on real parts."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from rig.bench import Bench
from rig.config import BenchConfig
from rig.net import userns
from rig.suite.scene import Scene

pytestmark = pytest.mark.skipif(not userns.privileged(), reason="needs namespaces")

APP = """
from rig.suite.chat_app import ChatApp

class Deferring(ChatApp):
    def __init__(self, app):
        super().__init__(app)
        self.deferrals = []

    def _push_task(self, instance):
        self.deferrals = [instance.get_deferral() for _ in range(2)]
        super()._push_task(instance)

    def complete_one(self):
        self.deferrals.pop().complete()
"""


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    (tmp_path / "deferring_app.py").write_text(APP)
    sys.path.insert(0, str(tmp_path))
    try:
        with Bench(BenchConfig(), tmp_path) as bench:
            yield Scene(bench)
    finally:
        sys.path.remove(str(tmp_path))


def test_the_task_is_done_and_the_host_sleeps_when_the_last_one_is_complete(scene: Scene) -> None:
    app = scene.host.start_app("chat", "deferring_app:Deferring")
    connection = scene.open_hardware(app=app)
    after = scene.sleep()
    connection.push(b"long work")
    scene.timeline.wait("TASK_DATA", after=after)
    instance = scene.timeline.wait("RUN_ENTER", after=after).instance
    refused = scene.timeline.wait("SLEEP_REFUSED", reason=f"task inbox-push, instance {instance}", after=after)
    assert refused.holder == "app chat/1"
    app.call("complete_one")
    scene.timeline.wait("DEFERRAL_DONE", instance=instance, after=after)
    assert not scene.timeline.find("RUN_EXIT", after=after)
    with ThreadPoolExecutor(1) as person:
        asked = person.submit(app.call, "complete_one")  # it may be stopped before it has answered
        _check_the_sleep(scene, instance, after)
        scene.host.exit_standby()
        asked.result()


def _check_the_sleep(scene: Scene, instance: int, after: int) -> None:
    exit_ = scene.timeline.wait("RUN_EXIT", instance=instance, after=after)
    assert exit_.fault is None
    scene.timeline.wait("SLEEP_ENTER", after=exit_.seq)
    assert not scene.timeline.find("APP_SUSPEND", after=after)[:-1], "it was not stopped before its task was done"
