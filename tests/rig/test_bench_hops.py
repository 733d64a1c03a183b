"""`rig bench`: a wake without a host, through bare processes."""

from __future__ import annotations

from rig.benchmarks import hops


def test_each_frame_comes_through_all_of_them() -> None:
    told: list[int] = []
    times_ms = hops.run(3, told.append)
    assert told == [1, 2, 3]
    assert min(times_ms) > 0
