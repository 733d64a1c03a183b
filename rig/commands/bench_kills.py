"""`rig bench --kills N`: the system dies N times at random moments, and nothing may be lost of it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rig.benchmarks.core import Progress
    from rig.benchmarks.kills import Kills


def measure_kills(device: str, kills: int, say: Progress) -> tuple[dict[str, Any], str, bool]:
    """(figures for `--json`, the table, whether every byte arrived once, in order, and the device holds nothing)."""
    from rig.bench import Bench
    from rig.benchmarks.kills import run
    from rig.benchmarks.scratch import scratch
    from rig.benchmarks.stats import Summary
    from rig.config import BenchConfig

    with scratch() as folder, Bench(BenchConfig(device=device), folder / "kills") as bench:
        killed = run(bench, kills, lambda number: say("kills", number, kills))
    recovery = Summary.of(killed.recovery_ms)
    figures = {"device": device, **asdict(killed), "recovery_ms": asdict(recovery)}
    return figures, table(device, killed, recovery.p50, recovery.p99), killed.right


def table(device: str, killed: Kills, median_ms: float, p99_ms: float) -> str:
    from tabulate import tabulate

    rows = [[f"killed while {what}", count] for what, count in killed.kills.items()]
    rows.append(["slots left on the device", killed.slots_left])
    text: str = tabulate(rows, headers=[f"system of a {device} bench", "times"], disable_numparse=True)
    verdict = "every byte delivered once, in order" if killed.delivered_once_in_order else "BYTES LOST OR DOUBLED"
    return f"{text}\n\n{verdict}; all there again after {median_ms:.0f} ms, 99th percentile {p99_ms:.0f} ms"
