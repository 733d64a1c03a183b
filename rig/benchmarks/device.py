"""All figures of one device, in one run."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from rig.bench import Bench
from rig.benchmarks import busy, cycles, entry, flashing, floor, hops, jitter, wire
from rig.benchmarks.core import Progress
from rig.benchmarks.cycles import Cycles
from rig.benchmarks.jitter import Jitter
from rig.benchmarks.stats import Summary
from rig.benchmarks.wire import WireFigures
from rig.config import BenchConfig, StandbyConfig
from rig.device.images import image_sizes
from rig.device.prepared import prepared_flash

SET_UPS = 20
ENTRIES = 100
CONNECTIONS, MANY_CONNECTIONS = 4, 16
"""The second is as many as a device holds."""
MANY_SLOTS = StandbyConfig(hw_slots_total=MANY_CONNECTIONS, hw_slots_per_app=MANY_CONNECTIONS // 2)


@dataclass(frozen=True)
class DeviceFigures:
    """`flash_bytes`, `ram_bytes`: the Cortex-M3 build's, whatever the device; 0 when it was not built."""

    device: str
    wake_latency_ms: Summary
    wake_floor_ms: Summary
    """What a wake costs on this machine at the least, see floor.py."""
    wake_hops_ms: Summary
    """With all processes that a wake of this design goes through, see hops.py."""
    busy: Cycles
    """Wakes beside a busy system, see busy.py."""
    standby_entry_ms: Summary
    standby_entry_16_ms: Summary
    ownerless_ms: Summary
    bench_setup_s: Summary
    flash_line_efficiency: float
    cycles: Cycles
    jitter: Jitter
    wire: WireFigures
    flash_bytes: int
    ram_bytes: int

    @property
    def wake_latency_to_floor(self) -> float:
        """Median to median."""
        return self.wake_latency_ms.p50 / self.wake_floor_ms.p50

    @property
    def wake_busy_ms(self) -> Summary:
        return Summary.of(self.busy.wake_latency_ms)

    @property
    def wake_busy_to_idle(self) -> float:
        """Median to median."""
        return self.wake_busy_ms.p50 / self.wake_latency_ms.p50

    @property
    def false_wakes(self) -> int:
        """For near misses, and while only keep-alives were due."""
        return self.wire.false_wakes + self.jitter.wakes

    @property
    def right(self) -> bool:
        """Nothing was lost, doubled, complained of by the peer's kernel, missed, or woken for without a cause."""
        cycles_right = all(c.delivered_once_in_order and not c.faults and not c.out_of_order for c in (self.cycles, self.busy))
        return cycles_right and not self.false_wakes and not self.wire.missed_wakes

    def as_json(self) -> dict[str, Any]:
        timings = (
            "wake_latency_ms", "wake_floor_ms", "wake_hops_ms", "wake_busy_ms",
            "standby_entry_ms", "standby_entry_16_ms", "ownerless_ms", "bench_setup_s"
        )  # fmt: skip
        return {
            "device": self.device,
            **{name: getattr(self, name).as_json() for name in timings},
            "wake_latency_to_floor": round(self.wake_latency_to_floor, 2),
            "wake_busy_to_idle": round(self.wake_busy_to_idle, 2),
            "flash_line_efficiency": round(self.flash_line_efficiency, 4),
            "delivered_once_in_order": self.cycles.delivered_once_in_order,
            "wakes_out_of_order": self.cycles.out_of_order,
            "peer_kernel_faults": self.cycles.faults,
            "keepalive_jitter_ms": self.jitter.as_json(),
            **asdict(self.wire),
            "false_wakes": self.false_wakes,
            "flash_bytes": self.flash_bytes,
            "ram_bytes": self.ram_bytes,
        }


def run(kind: str, rounds: int, folder: Path, progress: Progress) -> DeviceFigures:
    """About five minutes with 1000 rounds. `folder` takes what the benches write."""
    config = BenchConfig(device=kind)
    progress("flash", 0, 1)
    flashed = flashing.run(kind)
    progress("flash", 1, 1)
    prepared_flash(kind).close()
    set_up_s = []
    for number in range(SET_UPS):
        with Bench(config, folder / f"set-up-{number}") as bench:
            set_up_s.append(bench.set_up_s)
        progress("set-up", number + 1, SET_UPS)
    with Bench(config, folder / "entry") as bench:
        entries = entry.run(bench, CONNECTIONS, ENTRIES, lambda n: progress("entry", n, ENTRIES))
    with Bench(replace(config, standby=MANY_SLOTS), folder / "entry-16") as bench:
        many = entry.run(bench, MANY_CONNECTIONS, ENTRIES, lambda n: progress("entry with 16 connections", n, ENTRIES))
    floors_ms = floor.run(rounds, lambda n: progress("floor of a wake", n, rounds))
    hop_rounds = min(rounds, hops.ROUNDS)
    hops_ms = hops.run(hop_rounds, lambda n: progress("floor of a wake's hops", n, hop_rounds))
    with Bench(config, folder / "cycles") as bench:
        cycled = cycles.run(bench, rounds, lambda n: progress("cycle", n, rounds))
    busy_rounds = min(rounds, busy.ROUNDS)
    with Bench(config, folder / "busy") as bench:
        busied = busy.run(bench, busy_rounds, lambda n: progress("cycle beside a busy system", n, busy_rounds))
    with Bench(jitter.config(kind), folder / "jitter") as bench:
        jittered = jitter.run(bench, folder, lambda n, total: progress("keep-alive jitter", n, total))
    filtered = wire.run(kind, progress)
    return DeviceFigures(
        kind, Summary.of(cycled.wake_latency_ms), Summary.of(floors_ms), Summary.of(hops_ms), busied,
        Summary.of(entries.entry_ms), Summary.of(many.entry_ms),
        Summary.of(entries.ownerless_ms), Summary.of(set_up_s), flashed.efficiency, cycled, jittered, filtered, *image_sizes(),
    )  # fmt: skip
