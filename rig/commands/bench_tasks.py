"""`rig bench --tasks N`: how fast a background task starts, and what a host with 50 apps costs."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rig.commands.bench_core import cells

if TYPE_CHECKING:
    from rig.benchmarks.bounds import Bound
    from rig.benchmarks.core import Progress


def measure_tasks(device: str, rounds: int, say: Progress) -> tuple[dict[str, Any], str, bool]:
    """(figures for `--json`, the table, True: times are judged by their bounds alone)."""
    from rig.bench import Bench
    from rig.benchmarks import bounds, tasks
    from rig.benchmarks.scratch import scratch
    from rig.benchmarks.stats import Summary
    from rig.config import BenchConfig

    config = BenchConfig(device=device)
    with scratch() as folder:
        with Bench(config, folder / "starts") as bench:
            out = Summary.of(tasks.starts(bench, rounds, True, lambda n: say("starts out of process", n, rounds)))
            inside = Summary.of(tasks.starts(bench, rounds, False, lambda n: say("starts in process", n, rounds)))
        with Bench(config, folder / "crowd") as bench:
            crowd = tasks.crowd(bench, lambda n: say("apps", n, tasks.APPS))
    wanted = bounds.of_tasks(out, inside, crowd)
    times = {"task_start_out_of_process_ms": out.as_json(), "task_start_in_process_ms": inside.as_json()}
    figures = {"device": device, **times, **{key: round(value, 3) for key, value in asdict(crowd).items()}}
    return figures | bounds.as_json(wanted), table(device, wanted), True


def table(device: str, wanted: list[Bound]) -> str:
    from tabulate import tabulate

    rows = [[bound.name, f"{bound.measured:.3f}", *cells(bound)] for bound in wanted]
    text: str = tabulate(rows, headers=[f"background tasks, {device}", "measured", "wanted", ""], disable_numparse=True)
    return text
