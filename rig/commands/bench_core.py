"""`rig bench --device core`: the engine's filter without any device."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rig.benchmarks.bounds import Bound
    from rig.benchmarks.core import CoreFigures, Instructions, Progress


def measure_core(say: Progress) -> tuple[dict[str, Any], str, bool]:
    """(figures for `--json`, the table, whether no wake was missed or false, libpcap judged the same, and no slot leaked)."""
    from rig.benchmarks import bounds, core

    figures = core.run(say)
    return {"device": "core", **figures.as_json(), **bounds.as_json(bounds.of_core(figures))}, table(figures), right(figures)


def right(figures: CoreFigures) -> bool:
    """Nothing that must be 0 is anything else."""
    return not any((figures.missed_wakes, figures.false_wakes, figures.judged_differently, figures.leaking_cycles))


def table(f: CoreFigures) -> str:
    from tabulate import tabulate

    from rig.benchmarks.bounds import of_core

    counted = f.m3_instructions_per_frame
    bounds = {bound.name: cells(bound) for bound in of_core(f)}
    rows: list[list[object]] = [
        ["missed wakes", f"{f.missed_wakes} of {f.matching:,}", *bounds["missed_wakes"]],
        ["false wakes", f"{f.false_wakes} of {f.near_misses:,} near misses", *bounds["false_wakes"]],
        ["judged otherwise by libpcap", f.judged_differently, *bounds["judged_differently"]],
        ["add, remove, kill cycles that leak", f"{f.leaking_cycles} of {f.cycles:,}", *bounds["leaking_cycles"]],
        ["frames filtered a second", f"{f.filter_frames_per_s:,.0f}", "", ""],
        ["times libpcap's 32 programs", f"{f.filter_vs_libpcap_ratio:.2f}", *bounds["filter_vs_libpcap_ratio"]],
        *size_rows(f.flash_bytes, f.ram_bytes),
        *([["Cortex-M3 instructions a frame", "not counted: no QEMU", "", ""]] if counted is None else instruction_rows(counted)),
    ]
    text: str = tabulate(rows, headers=["32 patterns, 16 slots", "measured", "wanted", ""], disable_numparse=True)
    return text


def size_rows(flash: int, ram: int) -> list[list[object]]:
    """Of the Cortex-M3 build, bytes; none where it was not built."""
    from rig.benchmarks.bounds import sizes

    return [[bound.name.replace("_", " "), f"{bound.measured:,}", *cells(bound)] for bound in sizes(flash, ram)]


def cells(bound: Bound) -> list[str]:
    """The table's last two: what is wanted, and whether it is so."""
    return [bound.wanted, "ok" if bound.met else "MISSED"]


def instruction_rows(counted: Instructions) -> list[list[object]]:
    from rig.benchmarks.bounds import instructions

    names = ["Cortex-M3 instructions a frame, median", "Cortex-M3 instructions a frame, worst"]
    return [[name, f"{bound.measured:,}", *cells(bound)] for name, bound in zip(names, instructions(counted), strict=True)]


def instructions_text(counted: Instructions) -> str:
    return f"median {counted.median:,}, worst {counted.worst:,}"
