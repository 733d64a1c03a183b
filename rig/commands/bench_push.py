"""`rig bench --push N`: raw push notifications to a host that sleeps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rig.commands.bench_core import cells

if TYPE_CHECKING:
    from rig.benchmarks.bounds import Bound
    from rig.benchmarks.core import Progress
    from rig.benchmarks.raw_push import PushFigures
    from rig.benchmarks.stats import Summary


def measure_push(device: str, count: int, say: Progress) -> tuple[dict[str, Any], str, bool]:
    """(figures for `--json`, the table, whether each was delivered once and in order, or dropped by its rule)."""
    from rig.bench import Bench
    from rig.benchmarks import bounds, raw_push
    from rig.benchmarks.scratch import scratch
    from rig.benchmarks.stats import Summary
    from rig.config import BenchConfig

    with scratch() as folder, Bench(BenchConfig(device=device), folder / "push") as bench:
        found = raw_push.run(bench, count, lambda n: say("notifications", n, count))
    times = {where: Summary.of(values) for where, values in found.ms.items() if values}
    wanted = bounds.of_push(times, device)
    figures: dict[str, Any] = {"device": device, "notifications": count, "sleeps": found.sleeps, "dropped": found.dropped}
    figures |= {f"push_to_run_{where}_ms": summary.as_json() for where, summary in times.items()}
    figures |= {"delivered_once_in_order": found.right} | bounds.as_json(wanted)
    return figures, table(device, found, times, wanted), found.right


def table(device: str, found: PushFigures, times: dict[str, Summary], wanted: list[Bound]) -> str:
    from tabulate import tabulate

    rows = [
        [bound.name, f"{bound.measured:.3f}", f"{summary.p99:.3f}", summary.n, *cells(bound)]
        for bound, summary in zip(wanted, times.values(), strict=True)
    ]
    headers = [f"POST taken to Run, {device}", "median", "p99", "sleeps", "wanted", ""]
    text: str = tabulate(rows, headers=headers, disable_numparse=True)
    count = sum(map(len, found.sent.values()))
    once = "each delivered once and in order, or dropped" if found.right else "NOTIFICATIONS LOST, DOUBLED OR OUT OF ORDER"
    dropped = f"dropped, as nobody was there for them: {found.dropped}"
    return f"{text}\n{count} notifications over {found.sleeps} sleeps: {once}; {dropped}"
