"""A wire full of other people's frames while the device has connections to keep."""

from __future__ import annotations

import threading

import pytest

from rig.clock import Clock
from rig.config import StandbyConfig
from rig.device.numbers import Power
from rig.inject.frames import MIN_FRAME_BYTES
from rig.suite.scene import Scene

LINE_RATE_US = 6.72
"""Least frames at 100 Mbit/s: 64 bytes, preamble and gap are 672 bits."""
FLOOD_FRAMES = 300_000
"""Two seconds at that rate, which the sender reaches with half a processor, more where it does not: at least two
keep-alives fall into it."""
PATIENT = StandbyConfig(network_ka_retry_min=12, network_ka_probes=9)
"""Probes 600 ms apart; nine in a row must stay without an answer: a full wire loses answers, which is not what is tested."""
LATENESS = [f"timer_late_{limit}" for limit in ("250us", "500us", "1ms", "2ms", "5ms", "10ms", "50ms", "more")]


@pytest.mark.alone
@pytest.mark.device_can(counter=tuple(LATENESS))
@pytest.mark.edge(105)
@pytest.mark.bench_config(clock=Clock(50_000), standby=PATIENT)
def test_foreign_frames_at_line_rate_neither_wedge_the_device_nor_stop_its_keep_alives(scene: Scene) -> None:
    """Each keep-alive is counted by how late it was; how late they may be is a figure of `rig bench`, keepalive_jitter_ms."""
    connection = scene.open_hardware()
    after = scene.sleep()
    before = scene.device.counters()
    scene.bench.capture.close()  # to keep the flood's frames, twice each, takes longer than to send them
    foreign = [
        (bytes([2, 0, 0, 0, 9, n % 250]) + scene.next_hop_mac + b"\x88\xb5").ljust(MIN_FRAME_BYTES, b"f") for n in range(1000)
    ]
    flood = threading.Thread(target=scene.bench.inject.burst, args=(foreign * (FLOOD_FRAMES // 1000), LINE_RATE_US))
    asked = 0
    flood.start()
    try:
        while flood.is_alive():
            assert scene.device.status().power is Power.D3
            asked += 1
    finally:
        flood.join()
    scene.assert_no_wake(after)
    counted = scene.device.counters()
    rose = {name: counted[name] - before[name] for name in counted}
    assert rose["rx_not_us"] > FLOOD_FRAMES // 50, "the flood reached it"
    assert asked > 3
    assert rose["ka_tx"] >= 2
    assert sum(rose[name] for name in rose if name in LATENESS) == rose["ka_tx"]
    scene.push_and_run(connection, b"and it still wakes")
