"""The time axis of a timeline picture: milliseconds to pixels, with long silences cut short.

A test is bursts of events a millisecond apart with seconds of nothing between them. On one linear axis the bursts
would be a line each, so silences are cut: a cut has a fixed width and says how long it is. Everything between two cuts has
the same scale.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

MAX_CUTS = 10
CUT_SHARE = 0.2
"""A silence longer than this share of the uncut time is cut."""

MIN_CUT_MS = 10.0
"""Shorter silences are read well as they are."""

CUT_PX = 46.0
TICK_PX = 70.0
"""Least distance of two labels of the axis."""


@dataclass(frozen=True)
class Cut:
    """A silence that was cut: where it is drawn and how long it lasted."""

    x: float
    duration_ms: float


@dataclass(frozen=True)
class Tick:
    """A label of the axis."""

    x: float
    label: str


class Scale:
    """Maps the times of a picture's events (ms, any order) onto `width_px` pixels."""

    def __init__(self, times_ms: Sequence[float], width_px: float) -> None:
        times = sorted(set(times_ms)) or [0.0]
        starts = _silences(times)
        self._edges: list[tuple[float, float]] = []
        """(start, end) of each uncut stretch in ms."""
        first = times[0]
        for left, right in starts:
            self._edges.append((first, left))
            first = right
        self._edges.append((first, times[-1]))
        shown_ms = sum(end - start for start, end in self._edges)
        self._px_per_ms = (width_px - CUT_PX * len(starts)) / shown_ms if shown_ms > 0 else 0.0
        self._lefts = self._left_edges()

    def x(self, time_ms: float) -> float:
        """Pixels from the left; a time within a cut is drawn at its beginning."""
        place = max(0, bisect_right([start for start, _ in self._edges], time_ms) - 1)
        start, end = self._edges[place]
        return self._lefts[place] + (min(max(time_ms, start), end) - start) * self._px_per_ms

    @property
    def cuts(self) -> list[Cut]:
        found = []
        for (_, end), (start, _), left in zip(self._edges, self._edges[1:], self._lefts[1:], strict=False):
            found.append(Cut(left - CUT_PX / 2, start - end))
        return found

    @property
    def ticks(self) -> list[Tick]:
        """Round numbers of milliseconds, the same step everywhere."""
        if self._px_per_ms <= 0:
            return [Tick(0.0, "0")]
        step = _round_step(TICK_PX / self._px_per_ms)
        found: list[Tick] = []
        for start, end in self._edges:
            number = -(-start // step)
            while number * step <= end:
                x = self.x(number * step)
                if not found or x - found[-1].x >= TICK_PX * 0.8:
                    found.append(Tick(x, f"{number * step:g}"))
                number += 1
        return found

    def _left_edges(self) -> list[float]:
        lefts, x = [], 0.0
        for start, end in self._edges:
            lefts.append(x)
            x += (end - start) * self._px_per_ms + CUT_PX
        return lefts


def _silences(times: Sequence[float]) -> list[tuple[float, float]]:
    """The silences to cut, in order of time."""
    gaps = sorted(pairwise(times), key=lambda gap: gap[0] - gap[1])
    left_ms = times[-1] - times[0]
    cut = []
    for start, end in gaps[:MAX_CUTS]:
        if end - start < MIN_CUT_MS or end - start < CUT_SHARE * left_ms:
            break
        cut.append((start, end))
        left_ms -= end - start
    return sorted(cut)


def _round_step(least: float) -> float:
    """The smallest of 1, 2, 5 times a power of ten that is at least `least`."""
    power = 10.0**-6
    while True:
        for digit in (1, 2, 5):
            if digit * power >= least:
                return digit * power
        power *= 10
