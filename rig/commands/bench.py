"""`rig bench`: the rig's own timings on one device."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from rig.commands.bench_core import cells, measure_core
from rig.commands.bench_day import measure_day
from rig.commands.bench_keep_alive_day import measure_keep_alive_day
from rig.commands.bench_kills import measure_kills
from rig.commands.bench_push import measure_push
from rig.commands.bench_sockets import measure_sockets
from rig.commands.bench_tasks import measure_tasks
from rig.commands.bench_transfers import measure_transfer_kills, measure_transfers
from rig.commands.bench_transports import measure_transports
from rig.commands.bench_wire import wire_table
from rig.exit_codes import Exit

if TYPE_CHECKING:
    from rig.benchmarks.bounds import Bound
    from rig.benchmarks.core import Progress
    from rig.benchmarks.device import DeviceFigures
    from rig.benchmarks.jitter import Jitter
    from rig.benchmarks.stats import Summary

ROUNDS = 1000

Measured: TypeAlias = tuple[dict[str, Any], str, bool]
"""(figures for `--json`, the table, whether nothing is wrong)."""

NOT_IN_REAL_TIME = "measured among all other processes: as root, or with `ulimit -r 1`, the device goes before them"


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(bench)


def bench(
    device: Annotated[
        str, typer.Option(help="native, qemu, one of their variants with as much room, or core: the engine's filter by itself")
    ] = "native",
    rounds: Annotated[int, typer.Option(min=1, max=100_000, help="sleep and wake cycles")] = ROUNDS,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object on stdout, nothing else; with every bound")] = False,
    kills: Annotated[int | None, typer.Option(min=1, max=100_000, help="SIGKILL the host's system so often instead")] = None,
    hours: Annotated[int | None, typer.Option(min=1, max=1000, help="live through so many hours of standby instead")] = None,
    websockets: Annotated[
        bool, typer.Option("--websockets", help="with --hours: of WebSocket channels' keep-alives alone")
    ] = False,
    tasks: Annotated[int | None, typer.Option(min=1, max=100_000, help="start so many background tasks instead")] = None,
    sockets: Annotated[int | None, typer.Option(min=1, max=50_000, help="give so many sockets to the broker instead")] = None,
    transports: Annotated[
        int | None, typer.Option(min=1, max=100_000, help="wake so often over each kind of transport instead")
    ] = None,
    push: Annotated[int | None, typer.Option(min=1, max=100_000, help="send so many raw push notifications instead")] = None,
    transfers: Annotated[
        bool, typer.Option("--transfers", help="background transfers instead; with --kills: of all that takes part in them")
    ] = False,
    check: Annotated[bool, typer.Option("--check", help="exit 1 for a missed bound too, not only for a wrong result")] = False,
) -> None:
    """Measure wake latency, standby entry, time without owner, keep-alive jitter, bench set-up, flashing.

    Medians and high percentiles of many rounds, in one run; compare them with another run on the same machine only. Exit 1
    when a wake was missed or false, or a byte lost; a time beyond its bound says so in the table, and is an error with --check.
    With --kills 1000 the host's system is killed that often instead, running, asleep and in between; no byte may be lost.
    With --hours 24 a day of standby passes instead, on a scaled clock: 16 channels behind a NAT, pushes, peers that die.
    With --hours 24 --websockets: what the keep-alives of 16 WebSocket channels wake the host, sent by the task or by the device.
    With --tasks 200: from a trigger to the first line of a task's Run, and what a host with 50 apps costs.
    With --sockets 10000: so many sockets with the broker of one system, and what the activation of one costs, beside one that
    is alone.
    With --push 10000: raw push notifications, fifty to a sleep; from a POST that finds the host asleep to Run.
    With --transfers: a background download of 1 GiB beside curl's, pushes meanwhile, 200 transfers at once.
    With --transfers --kills 100: app, system, process of transfers and server are killed while they run; no file may be wrong.
    With --transports 200: wake latency of a TLS record and of a WebSocket message, beside the plain stream's.
    """
    _insist_on_one(
        {
            "--device core": device == "core",
            "--kills": kills and not transfers,
            "--hours": hours,
            "--tasks": tasks,
            "--sockets": sockets,
            "--transports": transports,
            "--push": push,
            "--transfers": transfers,
        }
    )
    say = _silent if as_json else _progress
    if device == "core":
        figures, text, right = measure_core(say)
    elif transfers and kills:
        figures, text, right = _on_device(device, lambda: measure_transfer_kills(device, kills, say))
    elif transfers:
        figures, text, right = _on_device(device, lambda: measure_transfers(device, say))
    elif kills:
        figures, text, right = _on_device(device, lambda: measure_kills(device, kills, say))
    elif tasks:
        figures, text, right = _on_device(device, lambda: measure_tasks(device, tasks, say))
    elif sockets:
        figures, text, right = _on_device(device, lambda: measure_sockets(device, sockets, say))
    elif transports:
        figures, text, right = _on_device(device, lambda: measure_transports(device, transports, say))
    elif push:
        figures, text, right = _on_device(device, lambda: measure_push(device, push, say))
    elif hours and websockets:
        figures, text, right = _on_device(device, lambda: measure_keep_alive_day(device, hours, say))
    elif hours:
        figures, text, right = _on_device(device, lambda: measure_day(device, hours, say))
    else:
        figures, text, right = _on_device(device, lambda: _measure(device, rounds, say))
    typer.echo(json.dumps(figures) if as_json else text)
    if not right or (check and not figures.get("bounds_met", True)):
        raise typer.Exit(Exit.FAILED)


def _insist_on_one(asked: dict[str, object]) -> None:
    """Each is a measurement of its own. Raises UsageError RIG-C05."""
    named = [name for name, value in asked.items() if value]
    if len(named) > 1:
        from rig.errors import UsageError

        cause = f"{' and '.join(named)} are measurements of their own"
        raise UsageError("RIG-C05", cause, "one of them at a time; --kills goes with --transfers, --websockets with --hours")


def _on_device(device: str, measure: Callable[[], Measured]) -> Measured:
    from rig.benchmarks import bounds
    from rig.benchmarks.capacity import insist_on_room
    from rig.device.images import kind_of
    from rig.errors import UsageError
    from rig.net import userns
    from rig.runner.combinations import check

    if kind_of(device) not in bounds.SET_UP_S:
        fix = "--device native, qemu, a variant of one of them such as native:NAME, or core"
        raise UsageError("RIG-C10", f"no device {device!r} to measure", fix)
    check(device)
    insist_on_room(device)
    userns.enter()
    return measure()


def _measure(device: str, rounds: int, say: Progress) -> Measured:
    from rig.benchmarks import bounds
    from rig.benchmarks.device import run
    from rig.benchmarks.scratch import scratch

    with scratch() as folder:
        figures = run(device, rounds, folder, say)
    return figures.as_json() | bounds.as_json(bounds.of_device(figures)), table(figures), figures.right


def table(figures: DeviceFigures) -> str:
    from tabulate import tabulate

    from rig.benchmarks.bounds import of_device

    bounds = {bound.name: bound for bound in of_device(figures)}
    medians = ("wake_latency_ms", "standby_entry_ms", "standby_entry_16_ms", "ownerless_ms", "bench_setup_s")
    rows = [_row(name, getattr(figures, name), bounds[f"{name}.p50"]) for name in medians]
    floor, times = figures.wake_floor_ms, bounds["wake_latency_to_floor"]
    rows.append(
        ["wake_floor_ms", f"{floor.p50:.3f}", f"{floor.p99:.3f}", floor.n, f"wakes {times.wanted} times", *cells(times)[1:]]
    )
    hops = figures.wake_hops_ms
    rows.append(["wake_hops_ms", f"{hops.p50:.3f}", f"{hops.p99:.3f}", hops.n, "", ""])
    busy, times = figures.wake_busy_ms, bounds["wake_busy_to_idle"]
    rows.append(
        ["wake_busy_ms", f"{busy.p50:.3f}", f"{busy.p99:.3f}", busy.n, f"{times.wanted} times wake_latency_ms", *cells(times)[1:]]
    )
    rows.append(["flash_line_efficiency", f"{figures.flash_line_efficiency:.3f}", "", 1, *cells(bounds["flash_line_efficiency"])])
    timings = tabulate(rows, headers=["measured", "median", "p99", "rounds", "wanted", ""], disable_numparse=True)
    cycles = figures.cycles
    faults = ", ".join(f"{name} {count}" for name, count in cycles.faults.items()) or "none"
    once = "every byte delivered once, in order" if cycles.delivered_once_in_order else "BYTES LOST OR DOUBLED"
    order = f"{cycles.out_of_order} OUT OF ORDER" if cycles.out_of_order else "resume, read, Run in order"
    verdict = f"{len(cycles.wake_latency_ms)} sleep/wake cycles: {once}; {order}; peer kernel faults: {faults}"
    wakes = f"wakes while only keep-alives were due: {figures.jitter.wakes}"
    jitter = _jitter_table(figures.jitter, bounds["keepalive_jitter_ms.p999"], bounds["keepalive_jitter_ms.loaded.p999"])
    tables = (timings, jitter, wire_table(figures.wire, figures.flash_bytes, figures.ram_bytes))
    return "\n\n".join((f"device {figures.device}", *tables, f"{verdict}\n{wakes}"))


def _jitter_table(jitter: Jitter, idle: Bound, loaded: Bound) -> str:
    from tabulate import tabulate

    machine = "a sleeping process beside it"
    rows = [
        ["idle wire", *_tail(jitter.idle_ms, idle)],
        [machine, *_tail(jitter.machine_idle_ms)],
        [f"{jitter.loaded_frames_per_s:,.0f} other frames/s", *_tail(jitter.loaded_ms, loaded)],
        [machine, *_tail(jitter.machine_loaded_ms)],
    ]
    headers = ["keepalive_jitter_ms, 16 slots", "median", "p99", "p99.9", "samples", "wanted", ""]
    text: str = tabulate(rows, headers=headers, disable_numparse=True)
    return text if jitter.in_real_time else f"{text}\n{NOT_IN_REAL_TIME}"


def _row(name: str, summary: Summary, bound: Bound) -> list[object]:
    return [name, f"{summary.p50:.3f}", f"{summary.p99:.3f}", summary.n, f"median {bound.wanted}", *cells(bound)[1:]]


def _tail(summary: Summary, bound: Bound | None = None) -> list[object]:
    verdict = ["", ""] if bound is None else [f"p99.9 {bound.wanted}", *cells(bound)[1:]]
    return [*(f"{value:.3f}" for value in (summary.p50, summary.p99, summary.p999)), summary.n, *verdict]


def _progress(step: str, done: int, total: int) -> None:
    """One line that rewrites itself, on stderr; where that is no terminal, one line a step."""
    if done == total or (sys.stderr.isatty() and done % max(1, total // 50) == 0):
        typer.echo(f"\r{step} {done}/{total}   ", nl=done == total, err=True)


def _silent(step: str, done: int, total: int) -> None:
    return None
