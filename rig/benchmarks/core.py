"""The engine's filter by itself: how many frames it takes, beside libpcap, and whether it ever wakes for the wrong one.

The loops are in C (firmware/tests/core_bench.c): the core as a shared library, a sleeping engine with 16 connections and 32
bitmap patterns. The same patterns are written as pcap-filter expressions and run by libpcap's interpreter over the same
frames. Times are CPU times of one thread, the two taken in turns, so that other load on the machine hits both.
Instructions of the Cortex-M3 are counted by QEMU, which gives each one nanosecond (-icount shift=0).
"""

from __future__ import annotations

import ctypes as c
import shutil
import statistics
import subprocess
from collections.abc import Callable
from dataclasses import asdict, dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

from rig.benchmarks.stats import Summary
from rig.device.bpf import Compiled, compile_any, libpcap
from rig.device.images import image_sizes, images_root
from rig.device.qemu import QEMU
from rig.errors import BenchError

PATTERNS = 32
PATTERN_OFFSET = 12
"""Where the bitmaps begin: SCENE_PATTERN_AT of bench_scene.h."""
MATCHING, NEAR_MISSES, JUDGED = 1_000_000, 10_000_000, 100_000
STEP = 100_000
CYCLES = 10_000
TURNS = 9
ENGINE_FRAMES, BPF_FRAMES = 200_000, 20_000
"""Frames of one turn: some tens of milliseconds each."""
QEMU_TIMEOUT_S = 60.0

Progress = Callable[[str, int, int], None]
"""Called with the step's name, how much of it is done, and the total."""


@dataclass(frozen=True)
class Instructions:
    """For one frame that wakes nobody, on the Cortex-M3."""

    median: int
    worst: int
    frames: int
    password_wrong_at_start: int
    """A magic packet whose password differs in its first byte; ..."""
    password_wrong_at_end: int
    """... in its last. Equal but for a tick of the timer: the time taken says nothing about the password."""


@dataclass(frozen=True)
class CoreFigures:
    """What `rig bench --device core` prints. `matching`, `near_misses`: frames tried."""

    filter_frames_per_s: float
    filter_vs_libpcap_ratio: float
    missed_wakes: int
    matching: int
    false_wakes: int
    near_misses: int
    judged_differently: int
    """Of JUDGED frames, those about which libpcap and the engine disagree."""
    leaking_cycles: int
    cycles: int
    flash_bytes: int
    ram_bytes: int
    m3_instructions_per_frame: Instructions | None
    """None without QEMU."""

    def as_json(self) -> dict[str, Any]:
        """With a null for what takes a device: the engine by itself has no timer to be late."""
        return asdict(self) | {"keepalive_jitter_ms": None}


def run(progress: Progress, scale: float = 1.0) -> CoreFigures:
    """All of it, in about half a minute; `scale` shrinks the counts (a test's). Raises RIG-T02 when it was not built."""
    matching, near = int(MATCHING * scale), int(NEAR_MISSES * scale)
    with Scene() as scene:
        missed = _in_steps("matching", matching, progress, lambda n: scene.lib.bench_missed(scene.pool, n))
        false = _in_steps("near miss", near, progress, lambda n: scene.lib.bench_false(scene.pool, n))
        differ = scene.lib.bench_judge(scene.pool, int(JUDGED * scale), scene.bpf_filter, scene.programs)
        wrong = missed or false or differ  # no speed to speak of
        per_s, ratio = (0.0, 0.0) if wrong else _speed(scene, progress)
        leaks = scene.lib.bench_leaks(scene.pool, int(CYCLES * scale))
    counted = instructions() if shutil.which(QEMU) else None
    return CoreFigures(
        round(per_s), round(ratio, 2), missed, matching, false, near, differ, leaks, int(CYCLES * scale), *image_sizes(), counted
    )


def _in_steps(name: str, total: int, progress: Progress, step: Callable[[int], int]) -> int:
    bad = 0
    for done in range(0, total, STEP):
        bad += step(min(STEP, total - done))
        progress(name, min(done + STEP, total), total)
    return bad


def _speed(scene: Scene, progress: Progress) -> tuple[float, float]:
    """Frames a second of the engine, and how many times libpcap's that is: medians of turns taken one after the other."""
    rates, ratios = [], []
    for turn in range(TURNS):
        rates.append(scene.engine_frames_per_s())
        ratios.append(rates[-1] / scene.libpcap_frames_per_s())
        progress("filter", turn + 1, TURNS)
    return statistics.median(rates), statistics.median(ratios)


class FrameKind(IntEnum):
    """Of the scene's frames, as core_bench.c has them."""

    MATCH = 0
    """Wakes with the pattern of its number."""
    NEAR_MISS = 1
    """Matches but for one bit."""
    OTHER = 2
    """What the filter is timed with: wakes nobody."""


class Scene:
    """The library with its engine, its patterns and frames, and the same patterns as programs of libpcap."""

    def __init__(self) -> None:
        self.lib = _library(built("native", "libcorebench.so"))
        self.bpf_filter = c.cast(libpcap().bpf_filter, c.c_void_p)
        self.pool = c.c_void_p(self.lib.bench_open())
        self._compiled: list[Compiled] = []

    def __enter__(self) -> Scene:
        self._compiled = [compile_any(self._expression(i)) for i in range(PATTERNS)]
        addresses = [c.addressof(compiled.instructions) for compiled in self._compiled]
        self.programs = (c.c_void_p * PATTERNS)(*addresses)
        return self

    def __exit__(self, *_: object) -> None:
        self.lib.bench_close(self.pool)

    def frame(self, kind: FrameKind, i: int) -> bytes:
        """A frame of the kind, for pattern `i` and each time another; OTHER: number `i` of the pool."""
        length = c.c_uint16()
        data = self.lib.bench_frame(self.pool, c.c_uint32(kind), c.c_uint32(i), c.byref(length))
        return c.string_at(data, length.value)

    def pattern(self, i: int) -> tuple[bytes, list[bool]]:
        """Bytes from PATTERN_OFFSET on, and which of them are compared."""
        mask, length = c.POINTER(c.c_uint8)(), c.c_uint16()
        data = self.lib.bench_pattern(self.pool, c.c_uint32(i), c.byref(mask), c.byref(length))
        return bytes(data[: length.value]), [bool(mask[k // 8] >> k % 8 & 1) for k in range(length.value)]

    def libpcap_frames_per_s(self) -> float:
        """How many of the OTHER frames libpcap's interpreter takes through all programs. Raises RIG-R23."""
        return BPF_FRAMES / _timed(self.lib.bench_bpf_s(self.pool, BPF_FRAMES, self.bpf_filter, self.programs))

    def engine_frames_per_s(self) -> float:
        """And the engine. Raises RIG-R23."""
        return ENGINE_FRAMES / _timed(self.lib.bench_engine_s(self.pool, ENGINE_FRAMES))

    def _expression(self, i: int) -> str:
        data, compared = self.pattern(i)
        return expression(data, bytes(0xFF * one for one in compared), PATTERN_OFFSET)


def _timed(seconds: float) -> float:
    if seconds <= 0:
        raise BenchError("RIG-R23", "a frame that nothing is to match was matched while the filter was timed")
    return seconds


def expression(data: bytes, compared: bytes, offset: int) -> str:
    """A bitmap pattern as a pcap-filter expression: 4, 2 or 1 bytes at a time, those without a compared byte left out."""
    terms = []
    at = 0
    while at < len(data):
        size = next(size for size in (4, 2, 1) if at + size <= len(data))
        mask = int.from_bytes(compared[at : at + size], "big")
        value = int.from_bytes(data[at : at + size], "big") & mask
        if mask:
            whole = mask == (1 << 8 * size) - 1
            terms.append(f"ether[{offset + at}:{size}]" + ("" if whole else f" & 0x{mask:x}") + f" = 0x{value:x}")
        at += size
    return " and ".join([*terms, f"len >= {offset + len(data)}"])


def _library(path: Path) -> c.CDLL:
    lib = c.CDLL(str(path))
    lib.bench_open.restype = c.c_void_p
    lib.bench_pattern.restype = c.POINTER(c.c_uint8)
    lib.bench_frame.restype = c.c_void_p
    for name in ("bench_missed", "bench_false", "bench_judge"):
        getattr(lib, name).restype = c.c_uint64
        getattr(lib, name).argtypes = [c.c_void_p, c.c_uint64, c.c_void_p, c.c_void_p][: 4 if name == "bench_judge" else 2]
    for name in ("bench_engine_s", "bench_bpf_s"):
        getattr(lib, name).restype = c.c_double
        getattr(lib, name).argtypes = [c.c_void_p, c.c_uint64, c.c_void_p, c.c_void_p][: 4 if name == "bench_bpf_s" else 2]
    lib.bench_leaks.argtypes = [c.c_void_p, c.c_uint32]
    lib.bench_leaks.restype = c.c_uint32
    lib.bench_close.argtypes = [c.c_void_p]
    return lib


def built(folder: str, name: str) -> Path:
    """A file of the firmware's build. Raises RIG-T02 when it is missing."""
    path = images_root() / folder / name
    if not path.is_file():
        raise BenchError("RIG-T02", f"the core's benchmark is not built: {path} is missing", "make firmware")
    return path


def instructions() -> Instructions:
    """Run the board's objects in QEMU and count. Raises RIG-R21 when the program does not end well."""
    argv = [QEMU, "-M", "mps2-an385", "-kernel", str(built("mps2", "core-bench.elf")), "-icount", "shift=0"]
    argv += ["-display", "none", "-monitor", "none", "-nic", "none", "-serial", "stdio"]
    lines = _until_done(argv)
    if lines[-1:] != ["done"] or "slept" not in lines:
        raise BenchError("RIG-R21", f"the instruction count on the Cortex-M3 ended with {lines[-1:]}", "make firmware")
    end = lines.index("slept")
    counts = [int(line) for line in lines[:end]]
    first, last = (int(line) for line in lines[end + 1 : end + 3])
    return Instructions(int(Summary.of(counts).p50), max(counts), len(counts), first, last)


def _until_done(argv: list[str]) -> list[str]:
    """The program cannot end QEMU, so QEMU is ended once it has said "done"; or after QEMU_TIMEOUT_S by timeout(1)."""
    lines: list[str] = []
    with subprocess.Popen(
        ["timeout", str(QEMU_TIMEOUT_S), *argv],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as child:
        assert child.stdout is not None
        try:
            for line in child.stdout:
                lines.append(line.strip())
                if lines[-1] == "done":
                    break
        finally:
            child.terminate()
    return lines
