"""A device that is silent for seconds holds up who needs it, and nobody else; on real parts."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rig.bench import Bench
from rig.config import BenchConfig
from rig.device.native import NativeDevice
from rig.net import userns
from rig.standby.wire.statuses import ControlChannelTriggerStatus as Status
from rig.suite.scene import Scene

pytestmark = pytest.mark.skipif(not userns.privileged(), reason="needs namespaces")


@contextmanager
def silent(device: NativeDevice) -> Iterator[None]:
    """Its process is stopped."""
    os.kill(device.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(device.pid, signal.SIGCONT)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with Bench(BenchConfig(), tmp_path) as bench:
        yield Scene(bench)


def test_other_apps_are_answered_at_once(scene: Scene) -> None:
    device = scene.bench.microcontroller
    assert isinstance(device, NativeDevice)
    waits, other = scene.app, scene.start_app("other")
    statuses: list[Status] = []
    waiting = threading.Thread(target=lambda: statuses.append(scene.open("inbox", app=waits)))
    with silent(device):
        after = scene.timeline.mark()
        waiting.start()
        scene.timeline.wait("CONNECT_END", app="chat", after=after)
        assert scene.open("soft", app=other, hardware=False) is Status.SOFTWARE_SLOT_ALLOCATED
        other.call("close_channel", channel="soft")
        assert waiting.is_alive()
        for outcome in ("SLOT_GRANT", "SLOT_DENY", "NIC_REFUSED"):
            assert not scene.timeline.find(outcome, app="chat"), "they have waited until the device was given up"
    waiting.join(10)
    assert statuses == [Status.HARDWARE_SLOT_ALLOCATED]
