"""A device whose process dies by itself: said as what it is, at once, with its last words, and the bench is torn down."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest

from rig.bench import Bench
from rig.config import BenchConfig
from rig.device.native import NativeDevice
from rig.device.prepared import prepared_flash
from rig.errors import BenchError
from rig.net import userns
from rig.timeline import DeviceDied, TimelineTimeout

DIED = "RIG-B04 the native device died, signal SIGSEGV: it wrote nothing"

TRIES = 3
"""Who waits for an answer of the dead waits two and a half seconds each time; a busy machine does not."""

pytestmark = pytest.mark.skipif(not userns.privileged(), reason="needs network namespaces")


def kill(bench: Bench) -> None:
    os.kill(bench.microcontroller.pid, signal.SIGSEGV)
    bench.timeline.wait("DEVICE_DIED", status="signal SIGSEGV")


def test_a_dead_device_is_said_and_the_bench_torn_down(tmp_path: Path) -> None:
    with Bench(BenchConfig(), tmp_path) as bench:
        kill(bench)
        took_s = []
        for _ in range(TRIES):
            started_s = time.monotonic()
            with pytest.raises(BenchError, match=DIED) as refused:
                bench.device.counters()
            took_s.append(time.monotonic() - started_s)
            assert "cable" not in refused.value.fix
        assert min(took_s) < 1
    assert json.loads((tmp_path / "counters.json").read_text())["error"].startswith(DIED)


def test_what_waits_for_it_need_not_wait_to_the_end(tmp_path: Path) -> None:
    with Bench(BenchConfig(), tmp_path) as bench:
        after = bench.timeline.mark()
        kill(bench)
        with pytest.raises(DeviceDied, match=r"^NIC_WAKE will not come: the device died, signal SIGSEGV \(0 of 1 seen\)"):
            bench.timeline.wait("NIC_WAKE", after=after, timeout_s=30)
        with pytest.raises(TimelineTimeout, match=r"the device died before, signal SIGSEGV"):
            bench.timeline.wait("NIC_WAKE", after=bench.timeline.mark(), timeout_s=0.05)


def test_a_device_switched_on_again_is_alive(tmp_path: Path) -> None:
    with Bench(BenchConfig(), tmp_path) as bench:
        kill(bench)
        after = bench.timeline.mark()
        bench.microcontroller.reset()
        bench.timeline.wait("RESUME_REQUIRED", after=after, timeout_s=20)
        assert bench.device.counters()["rx_total"] >= 0
    assert "error" not in json.loads((tmp_path / "counters.json").read_text())


def test_what_the_rig_switches_off_did_not_die(tmp_path: Path) -> None:
    deaths: list[str] = []
    with NativeDevice(flash=prepared_flash("native")) as device:
        device.watch(lambda how, _: deaths.append(how))
        for _ in range(5):
            device.reset()
    assert deaths == []
