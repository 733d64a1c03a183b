"""`rig bench --device core`: the engine's filter without any device."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from rig.benchmarks.core import CoreFigures, Instructions

RATIO_LIMIT = 3.0
FLASH_LIMIT_BYTES, RAM_LIMIT_BYTES = 65_536, 131_072


def bench_core(as_json: bool, say: Callable[[str, int, int], None]) -> None:
    """Measure and print. Exit 1 when a wake was missed or false, libpcap judged otherwise, or a slot leaked."""
    from rig.benchmarks import core

    figures = core.run(say)
    typer.echo(json.dumps({"device": "core", **figures.as_json()}) if as_json else table(figures))
    if not right(figures):
        raise typer.Exit(1)


def right(figures: CoreFigures) -> bool:
    """Nothing that must be 0 is anything else."""
    return not any((figures.missed_wakes, figures.false_wakes, figures.judged_differently, figures.leaking_cycles))


def table(f: CoreFigures) -> str:
    from tabulate import tabulate

    counted = f.m3_instructions_per_frame
    counted_text = "not counted: no QEMU" if counted is None else instructions_text(counted)
    ratio = f.filter_vs_libpcap_ratio
    rows: list[list[object]] = [
        ["missed wakes", f"{f.missed_wakes} of {f.matching:,}", "0", met(f.missed_wakes == 0)],
        ["false wakes", f"{f.false_wakes} of {f.near_misses:,} near misses", "0", met(f.false_wakes == 0)],
        ["judged otherwise by libpcap", f.judged_differently, "0", met(f.judged_differently == 0)],
        ["add, remove, kill cycles that leak", f"{f.leaking_cycles} of {f.cycles:,}", "0", met(f.leaking_cycles == 0)],
        ["frames filtered a second", f"{f.filter_frames_per_s:,.0f}", "", ""],
        ["times libpcap's 32 programs", f"{ratio:.2f}", f"at least {RATIO_LIMIT:g}", met(ratio >= RATIO_LIMIT)],
        *size_rows(f.flash_bytes, f.ram_bytes),
        ["Cortex-M3 instructions a frame", counted_text, "", ""],
    ]
    text: str = tabulate(rows, headers=["32 patterns, 16 slots", "measured", "wanted", ""], disable_numparse=True)
    return text


def size_rows(flash: int, ram: int) -> list[list[object]]:
    """Of the Cortex-M3 build, bytes."""
    return [
        ["flash bytes", f"{flash:,}", f"at most {FLASH_LIMIT_BYTES:,}", met(0 < flash <= FLASH_LIMIT_BYTES)],
        ["RAM bytes", f"{ram:,}", f"at most {RAM_LIMIT_BYTES:,}", met(0 < ram <= RAM_LIMIT_BYTES)],
    ]


def instructions_text(counted: Instructions) -> str:
    return f"median {counted.median:,}, worst {counted.worst:,}"


def met(met: bool) -> str:
    return "ok" if met else "MISSED"
