"""`rig bench`: the rig's own timings on one device."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rig.commands.bench_wire import wire_table

if TYPE_CHECKING:
    from rig.benchmarks.device import DeviceFigures
    from rig.benchmarks.jitter import Jitter
    from rig.benchmarks.stats import Summary

ROUNDS = 1000

LIMITS = {"wake_latency_ms": 3.0, "standby_entry_ms": 100.0, "ownerless_ms": 100.0}
"""ownerless: half of Linux's shortest retransmission timeout, so that a peer repeats nothing."""
SET_UP_LIMIT_S = {"native": 1.5, "qemu": 3.0}
FLASH_LIMIT = 0.9
JITTER_IDLE_LIMIT_MS, JITTER_LOADED_LIMIT_MS = 2.0, 10.0
NOT_IN_REAL_TIME = "measured among all other processes: as root, or with `ulimit -r 1`, the device goes before them"


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(bench)


def bench(
    device: Annotated[str, typer.Option(help="native, qemu, or core: the engine's filter by itself")] = "native",
    rounds: Annotated[int, typer.Option(min=1, max=100_000, help="sleep and wake cycles")] = ROUNDS,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object on stdout, nothing else")] = False,
) -> None:
    """Measure wake latency, standby entry, time without owner, keep-alive jitter, bench set-up, flashing.

    Medians and high percentiles of many rounds, in one run; compare them with another run on the same machine only.
    """
    from rig.errors import UsageError
    from rig.net import userns
    from rig.runner.setups import check

    if device == "core":
        from rig.commands.bench_core import bench_core

        bench_core(as_json, _silent if as_json else _progress)
        return
    if device not in SET_UP_LIMIT_S:
        raise UsageError("RIG-C10", f"no device {device!r} to measure", "--device native, qemu or core")
    check(device)
    userns.enter()

    from rig.benchmarks.device import run

    with tempfile.TemporaryDirectory(prefix="rig-bench-") as folder:
        figures = run(device, rounds, Path(folder), _silent if as_json else _progress)
    typer.echo(json.dumps(figures.as_json()) if as_json else table(figures))
    if not figures.right:
        raise typer.Exit(1)


def table(figures: DeviceFigures) -> str:
    from tabulate import tabulate

    limits = {**LIMITS, "bench_setup_s": SET_UP_LIMIT_S[figures.device]}
    rows = [_row(name, getattr(figures, name), limit) for name, limit in limits.items()]
    efficiency = figures.flash_line_efficiency
    rows.append(["flash_line_efficiency", f"{efficiency:.3f}", "", 1, f"at least {FLASH_LIMIT}", _met(efficiency >= FLASH_LIMIT)])
    timings = tabulate(rows, headers=["measured", "median", "p99", "rounds", "wanted", ""], disable_numparse=True)
    cycles = figures.cycles
    faults = ", ".join(f"{name} {count}" for name, count in cycles.faults.items()) or "none"
    once = "every byte delivered once, in order" if cycles.delivered_once_in_order else "BYTES LOST OR DOUBLED"
    verdict = f"{len(cycles.wake_latency_ms)} sleep/wake cycles: {once}; peer kernel faults: {faults}"
    wakes = f"wakes while only keep-alives were due: {figures.jitter.wakes}"
    tables = (timings, _jitter_table(figures.jitter), wire_table(figures.wire, figures.flash_bytes, figures.ram_bytes))
    return "\n\n".join((f"device {figures.device}", *tables, f"{verdict}\n{wakes}"))


def _jitter_table(jitter: Jitter) -> str:
    from tabulate import tabulate

    machine = "a sleeping process beside it"
    rows = [
        ["idle wire", *_tail(jitter.idle_ms, JITTER_IDLE_LIMIT_MS)],
        [machine, *_tail(jitter.machine_idle_ms)],
        [f"{jitter.loaded_frames_per_s:,.0f} other frames/s", *_tail(jitter.loaded_ms, JITTER_LOADED_LIMIT_MS)],
        [machine, *_tail(jitter.machine_loaded_ms)],
    ]
    headers = ["keepalive_jitter_ms, 16 slots", "median", "p99", "p99.9", "samples", "wanted", ""]
    text: str = tabulate(rows, headers=headers, disable_numparse=True)
    return text if jitter.in_real_time else f"{text}\n{NOT_IN_REAL_TIME}"


def _row(name: str, summary: Summary, limit: float) -> list[object]:
    met = _met(summary.p50 <= limit)
    return [name, f"{summary.p50:.3f}", f"{summary.p99:.3f}", summary.n, f"median at most {limit:g}", met]


def _tail(summary: Summary, limit: float | None = None) -> list[object]:
    verdict = ["", ""] if limit is None else [f"p99.9 at most {limit:g}", _met(summary.p999 <= limit)]
    return [*(f"{value:.3f}" for value in (summary.p50, summary.p99, summary.p999)), summary.n, *verdict]


def _met(met: bool) -> str:
    return "ok" if met else "MISSED"


def _progress(step: str, done: int, total: int) -> None:
    """One line that rewrites itself, on stderr; where that is no terminal, one line a step."""
    if done == total or (sys.stderr.isatty() and done % max(1, total // 50) == 0):
        typer.echo(f"\r{step} {done}/{total}   ", nl=done == total, err=True)


def _silent(step: str, done: int, total: int) -> None:
    return None
