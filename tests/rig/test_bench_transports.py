"""`rig bench --transports`: rounds of each kind on the real parts."""

from __future__ import annotations

from pathlib import Path

from rig.bench import Bench
from rig.benchmarks import bounds, transports
from rig.config import BenchConfig


def test_each_round_is_one_wake_of_each_kind_whose_data_arrives(tmp_path: Path) -> None:
    with Bench(BenchConfig(), tmp_path) as bench:
        found = transports.run(bench, 3, lambda _: None)
        wakes = bench.timeline.find("NIC_WAKE")
    kinds = [kind.name for kind in transports.KINDS]
    assert [wake.channel for wake in wakes] == 3 * kinds
    assert {name: len(times) for name, times in found.ms.items()} == dict.fromkeys(kinds, 3)
    assert all(time_ms > 0 for times in found.ms.values() for time_ms in times)
    assert found.delivered_once_in_order


def test_what_a_transport_takes_longer_than_the_plain_one_has_a_bound() -> None:
    wanted = bounds.of_transports({"wake_plain_ms": 2.0, "wake_tls_ms": 2.5, "wake_websocket_ms": 2.6})
    assert [(bound.name, bound.met) for bound in wanted] == [("wake_tls_ms_more", True), ("wake_websocket_ms_more", False)]
