"""`rig bench --transfers`: background transfers from a real nginx; with `--kills N`, what dies meanwhile."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rig.commands.bench_core import cells

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from rig.bench import Bench
    from rig.benchmarks.bounds import Bound
    from rig.benchmarks.core import Progress
    from rig.benchmarks.stats import Summary
    from rig.benchmarks.transfer_kills import TransferKills
    from rig.benchmarks.transfers import LargeFile, Many

    T = TypeVar("T")


def measure_transfers(device: str, say: Progress) -> tuple[dict[str, Any], str, bool]:
    """(figures for `--json`, the table, whether every file is what the server has)."""
    from rig.benchmarks import bounds, transfers
    from rig.benchmarks.stats import Summary

    large = _on_a_bench(device, lambda bench: transfers.large_file(bench, say))
    wakes = _on_a_bench(device, lambda bench: transfers.wakes(bench, say))
    many = _on_a_bench(device, lambda bench: transfers.many(bench, say))
    times = {name: Summary.of(values) for name, values in asdict(wakes).items()}
    wanted = bounds.of_transfers(large, times, many)
    right = large.whole and many.whole == many.count
    figures = {
        "device": device,
        "large_file": asdict(large),
        **{f"push_to_run_{name}": summary.as_json() for name, summary in times.items()},
        "at_once": asdict(many),
        "whole": right,
    } | bounds.as_json(wanted)
    return figures, table(device, large, times, many, wanted), right


def measure_transfer_kills(device: str, kills: int, say: Progress) -> tuple[dict[str, Any], str, bool]:
    """(figures for `--json`, the table, whether each file is what the server has, or said not to be)."""
    from rig.benchmarks import transfer_kills

    killed = _on_a_bench(device, lambda bench: transfer_kills.run(bench, kills, lambda number: say("kills", number, kills)))
    return {"device": device, **asdict(killed)}, table_of_kills(device, killed), killed.right


def _on_a_bench(device: str, measure: Callable[[Bench], T]) -> T:
    """A fresh one, of which nothing is kept."""
    from rig.bench import Bench
    from rig.benchmarks.scratch import scratch
    from rig.config import BenchConfig

    with scratch() as folder, Bench(BenchConfig(device=device), folder / "transfers") as bench:
        return measure(bench)


def table(device: str, large: LargeFile, times: dict[str, Summary], many: Many, wanted: list[Bound]) -> str:
    from tabulate import tabulate

    rows = [[bound.name, f"{bound.measured:.3f}", *cells(bound)] for bound in wanted]
    text: str = tabulate(rows, headers=[f"background transfers, {device}", "measured", "wanted", ""], disable_numparse=True)
    rates = (f"{name} {', '.join(f'{rate:.0f}' for rate in found)}" for name, found in _rates(large))
    pushes = ", ".join(f"{name.removesuffix('_ms')} {summary.p50:.2f}" for name, summary in times.items())
    once = "the server's content" if large.whole and many.whole == many.count else "WRONG CONTENT"
    return "\n".join(
        [
            text,
            f"1 GiB, MB/s: {'; '.join(rates)}",
            f"push to Run in connected standby, median ms: {pushes} (the host sleeps, a transfer rests meanwhile, one runs)",
            f"{many.whole} of {many.count} at once complete, half after {many.median_s:.1f} s, all after {many.took_s:.1f} s",
            f"every file has {once}",
        ]
    )


def _rates(large: LargeFile) -> list[tuple[str, list[float]]]:
    return [("curl", large.curl_mb_s), ("ours", large.ours_mb_s)]


def table_of_kills(device: str, killed: TransferKills) -> str:
    from tabulate import tabulate

    rows = [[f"{victim} killed", count] for victim, count in killed.kills.items()]
    rows += [["of these while a transfer ran", killed.while_running], ["transfers complete", killed.complete]]
    rows += [[f"ended with: {why}", count] for why, count in killed.failed.items()]
    text: str = tabulate(rows, headers=[f"background transfers, {device}, seed {killed.seed}", "times"], disable_numparse=True)
    verdict = "every file that is there is the server's, each other transfer says why not"
    return "\n".join([text, "", *(killed.wrong or [verdict])])
