"""How often a device is asked what time it is."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from rig.device import offload
from rig.device.offload import OffloadClient

DEVICE_AHEAD_US = 5_000_000


class SlowDevice:
    """Each answer takes as long as the next of `trips_us` says, half of it each way; the clock is its own."""

    def __init__(self, trips_us: list[int]) -> None:
        self.trips_us = trips_us
        self.now_us = 1_000_000

    def monotonic_ns(self) -> int:
        return self.now_us * 1000

    def request(self, op: int, group: int, command: int, body: Mapping[str, Any], **_limits: object) -> dict[str, Any]:
        trip_us = self.trips_us.pop(0)
        self.now_us += trip_us // 2
        there_us = self.now_us + DEVICE_AHEAD_US
        self.now_us += trip_us // 2
        return {"t1_ns": body["t1_ns"], "t2_us": there_us, "t3_us": there_us}


@pytest.mark.parametrize(
    ("trips_us", "asked", "best_us"),
    [([4_000, 2_000], 1, 4_000), ([200_000, 6_000, 2_000], 2, 6_000), ([200_000, 90_000, 120_000, 1], 3, 90_000)],
)
def test_a_long_trip_is_made_again(monkeypatch: pytest.MonkeyPatch, trips_us: list[int], asked: int, best_us: int) -> None:
    device, all_of = SlowDevice(list(trips_us)), len(trips_us)
    monkeypatch.setattr(offload, "time", SimpleNamespace(monotonic_ns=device.monotonic_ns))
    sync = OffloadClient(device).time_sync(3, enough_us=20_000)
    assert (sync.rtt_us, sync.offset_us) == (best_us, DEVICE_AHEAD_US)
    assert all_of - len(device.trips_us) == asked
