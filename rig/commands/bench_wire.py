"""The part of `rig bench`'s table about a device's filter on its own wire."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rig.commands.bench_core import cells, instructions_text, size_rows

if TYPE_CHECKING:
    from rig.benchmarks.wire import WireFigures


def wire_table(f: WireFigures, flash_bytes: int, ram_bytes: int) -> str:
    from tabulate import tabulate

    from rig.benchmarks.bounds import Bound

    counted = f.m3_instructions_per_frame
    rows: list[list[object]] = [
        ["missed wakes", f"{f.missed_wakes} of {f.matching:,}", *cells(Bound("missed_wakes", f.missed_wakes, 0))],
        ["false wakes", f"{f.false_wakes} of {f.near_misses:,} near misses", *cells(Bound("false_wakes", f.false_wakes, 0))],
        ["frames taken, sorted and counted a second", f"{f.filter_frames_per_s:,.0f}", "", ""],
        ["times libpcap's 32 programs, which have no wire", f"{f.filter_vs_libpcap_ratio:.3f}", "", ""],
        ["Cortex-M3 instructions a frame", "not a Cortex-M3" if counted is None else instructions_text(counted), "", ""],
        *size_rows(flash_bytes, ram_bytes),
    ]
    text: str = tabulate(rows, headers=["on its wire: 32 patterns, 16 slots", "measured", "wanted", ""], disable_numparse=True)
    return text
