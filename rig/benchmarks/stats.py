"""Order statistics of many rounds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Summary:
    """Median, 99th and 99.9th percentile (nearest rank) and number of rounds; the unit is the caller's."""

    p50: float
    p99: float
    p999: float
    n: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Summary:
        ordered = sorted(values)
        return cls(_rank(ordered, 0.5), _rank(ordered, 0.99), _rank(ordered, 0.999), len(ordered))

    def as_json(self) -> dict[str, float]:
        return {"p50": round(self.p50, 3), "p99": round(self.p99, 3), "n": self.n}

    def as_json_with_tail(self) -> dict[str, float]:
        return self.as_json() | {"p999": round(self.p999, 3)}


def _rank(ordered: Sequence[float], share: float) -> float:
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
