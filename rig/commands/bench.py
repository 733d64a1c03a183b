"""`rig bench`: the rig's own timings on one device."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rig.benchmarks.cycles import Cycles
    from rig.benchmarks.stats import Summary

SET_UPS = 20
ENTRIES = 100
ROUNDS = 1000

LIMITS = {"wake_latency_ms": 3.0, "standby_entry_ms": 100.0, "ownerless_ms": 100.0}
"""ownerless: half of Linux's shortest retransmission timeout, so that a peer repeats nothing."""
SET_UP_LIMIT_S = {"native": 1.5, "qemu": 3.0}
FLASH_LIMIT = 0.9


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(bench)


def bench(
    device: Annotated[str, typer.Option(help="native, qemu, or core: the engine's filter by itself")] = "native",
    rounds: Annotated[int, typer.Option(min=1, max=100_000, help="sleep and wake cycles")] = ROUNDS,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object on stdout, nothing else")] = False,
) -> None:
    """Measure wake latency, standby entry, time without owner, bench set-up, flashing: medians and 99th percentiles."""
    from rig.net import userns
    from rig.runner.setups import check

    if device == "core":
        from rig.commands.bench_core import bench_core

        bench_core(as_json, _silent if as_json else _progress)
        return
    check(device)
    userns.enter()
    with tempfile.TemporaryDirectory(prefix="rig-bench-") as folder:
        measured, cycles = _measure(device, rounds, Path(folder), _silent if as_json else _progress)
    if as_json:
        typer.echo(json.dumps(_as_json(device, measured, cycles)))
    else:
        typer.echo(_table(device, measured, cycles))
    if not cycles.delivered_once_in_order or cycles.faults:
        raise typer.Exit(1)


def _measure(kind: str, rounds: int, folder: Path, say: Callable[[str, int, int], None]) -> tuple[dict[str, Any], Cycles]:
    from rig.bench import Bench
    from rig.benchmarks import cycles, entry, flashing
    from rig.benchmarks.stats import Summary
    from rig.config import BenchConfig
    from rig.device.prepared import prepared_flash

    config = BenchConfig(device=kind)
    say("flash", 0, 1)
    flashed = flashing.run(kind)
    prepared_flash(kind).close()
    set_up_s = []
    for number in range(SET_UPS):
        with Bench(config, folder / f"set-up-{number}") as bench:
            set_up_s.append(bench.set_up_s)
        say("set-up", number + 1, SET_UPS)
    with Bench(config, folder / "entry") as bench:
        entries = entry.run(bench, ENTRIES, lambda n: say("entry", n, ENTRIES))
    with Bench(config, folder / "cycles") as bench:
        cycled = cycles.run(bench, rounds, lambda n: say("cycle", n, rounds))
    measured = {
        "wake_latency_ms": Summary.of(cycled.wake_latency_ms),
        "standby_entry_ms": Summary.of(entries.entry_ms),
        "ownerless_ms": Summary.of(entries.ownerless_ms),
        "bench_setup_s": Summary.of(set_up_s),
        "flash_line_efficiency": flashed.efficiency,
    }
    return measured, cycled


def _as_json(device: str, measured: dict[str, Any], cycles: Cycles) -> dict[str, Any]:
    timings: dict[str, Any] = {name: value.as_json() for name, value in measured.items() if name != "flash_line_efficiency"}
    integrity = {"delivered_once_in_order": cycles.delivered_once_in_order, "peer_kernel_faults": cycles.faults}
    return {"device": device, **timings, "flash_line_efficiency": round(measured["flash_line_efficiency"], 4), **integrity}


def _table(device: str, measured: dict[str, Any], cycles: Cycles) -> str:
    from tabulate import tabulate

    limits = {**LIMITS, "bench_setup_s": SET_UP_LIMIT_S[device]}
    rows = [_row(name, measured[name], limit) for name, limit in limits.items()]
    efficiency = measured["flash_line_efficiency"]
    rows.append(["flash_line_efficiency", f"{efficiency:.3f}", "", 1, f"at least {FLASH_LIMIT}", _met(efficiency >= FLASH_LIMIT)])
    table = tabulate(rows, headers=["measured", "median", "p99", "rounds", "wanted", ""], disable_numparse=True)
    faults = ", ".join(f"{name} {count}" for name, count in cycles.faults.items()) or "none"
    once = "every byte delivered once, in order" if cycles.delivered_once_in_order else "BYTES LOST OR DOUBLED"
    return f"device {device}\n\n{table}\n\n{len(cycles.wake_latency_ms)} sleep/wake cycles: {once}; peer kernel faults: {faults}"


def _row(name: str, summary: Summary, limit: float) -> list[object]:
    met = _met(summary.p50 <= limit)
    return [name, f"{summary.p50:.3f}", f"{summary.p99:.3f}", summary.n, f"median at most {limit:g}", met]


def _met(met: bool) -> str:
    return "ok" if met else "MISSED"


def _progress(step: str, done: int, total: int) -> None:
    """One line that rewrites itself, on stderr."""
    if done == total or done % max(1, total // 50) == 0:
        typer.echo(f"\r{step} {done}/{total}   ", nl=done == total, err=True)


def _silent(step: str, done: int, total: int) -> None:
    return None
