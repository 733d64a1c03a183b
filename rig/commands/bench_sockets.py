"""`rig bench --sockets N`: N sockets with the broker of one system."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rig.commands.bench_core import cells

if TYPE_CHECKING:
    from rig.benchmarks.bounds import Bound
    from rig.benchmarks.core import Progress

ROUNDS = 100
"""Activations of each kind, with two sockets and with all."""


def measure_sockets(device: str, count: int, say: Progress) -> tuple[dict[str, Any], str, bool]:
    """(figures for `--json`, the table, True: times are judged by their bounds alone)."""
    from rig.bench import Bench
    from rig.benchmarks import bounds, sockets
    from rig.benchmarks.scratch import scratch
    from rig.benchmarks.stats import Summary
    from rig.config import BenchConfig

    with scratch() as folder, Bench(BenchConfig(device=device), folder) as bench:
        measured = sockets.measure(bench, count, ROUNDS, say)
    out, inside = Summary.of(measured.out_of_process_ms), Summary.of(measured.in_process_ms)
    alone = {out_of_process: Summary.of(times_ms) for out_of_process, times_ms in measured.alone_ms.items()}
    wanted = bounds.of_sockets(out, inside, alone, measured)
    figures = {
        "device": device,
        "sockets": measured.sockets,
        "socket_activation_out_of_process_ms": out.as_json(),
        "socket_activation_in_process_ms": inside.as_json(),
        "alone_activation_out_of_process_ms": alone[True].as_json(),
        "alone_activation_in_process_ms": alone[False].as_json(),
        "system_mib": round(measured.system_mib, 3),
        "system_restart_ms": round(measured.restart_ms, 3),
    }
    return figures | bounds.as_json(wanted), table(device, measured.sockets, wanted), True


def table(device: str, count: int, wanted: list[Bound]) -> str:
    from tabulate import tabulate

    rows = [[bound.name, f"{bound.measured:.3f}", *cells(bound)] for bound in wanted]
    headers = [f"{count:,} brokered sockets, {device}", "measured", "wanted", ""]
    text: str = tabulate(rows, headers=headers, disable_numparse=True)
    return text
