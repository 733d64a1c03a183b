"""`rig bench --transports N`: wake latency of a WebSocket message and of a TLS record, beside the plain stream's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rig.commands.bench_core import cells

if TYPE_CHECKING:
    from rig.benchmarks.bounds import Bound
    from rig.benchmarks.core import Progress
    from rig.benchmarks.stats import Summary


def measure_transports(device: str, rounds: int, say: Progress) -> tuple[dict[str, Any], str, bool]:
    """(figures for `--json`, the table, whether every byte was delivered once and in order)."""
    from rig.bench import Bench
    from rig.benchmarks import bounds, transports
    from rig.benchmarks.scratch import scratch
    from rig.benchmarks.stats import Summary
    from rig.config import BenchConfig

    with scratch() as folder, Bench(BenchConfig(device=device), folder / "transports") as bench:
        found = transports.run(bench, rounds, lambda n: say("rounds of each transport", n, rounds))
    times = {f"{name}_ms": Summary.of(values) for name, values in found.ms.items()}
    wanted = bounds.of_transports({name: summary.p50 for name, summary in times.items()})
    figures = {"device": device, **{name: summary.as_json() for name, summary in times.items()}}
    figures |= {"delivered_once_in_order": found.delivered_once_in_order} | bounds.as_json(wanted)
    return figures, table(device, times, wanted, found.delivered_once_in_order), found.delivered_once_in_order


def table(device: str, times: dict[str, Summary], wanted: list[Bound], right: bool) -> str:
    from tabulate import tabulate

    bounds = {bound.name.removesuffix("_more"): bound for bound in wanted}
    rows = []
    for name, summary in times.items():
        bound = bounds.get(name)
        more = ["", "", ""] if bound is None else [f"{bound.measured:+.3f}", *cells(bound)]
        rows.append([name, f"{summary.p50:.3f}", f"{summary.p99:.3f}", summary.n, *more])
    headers = [f"frame to Run, {device}", "median", "p99", "rounds", "more than plain", "wanted", ""]
    text: str = tabulate(rows, headers=headers, disable_numparse=True)
    return f"{text}\n{'every byte delivered once, in order' if right else 'BYTES LOST OR DOUBLED'}"
