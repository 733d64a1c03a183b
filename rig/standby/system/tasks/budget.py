"""So much in so long, and then no more until it is filled up again."""

from __future__ import annotations

from dataclasses import dataclass

EARLY_S = 1e-6
"""A loop calls a timer up to its clock's resolution early, and sums of times are rounded: who looks at the end of a period, and
is told that it is not over, would look again at once, and for ever where time stands still meanwhile."""


@dataclass(frozen=True)
class Allowance:
    """`amount` of something in `period_s` of the loop's time."""

    amount: float
    period_s: float


class Budget:
    """Periods follow one another without a gap from `now_s` on; what was not used is not carried over."""

    def __init__(self, allowance: Allowance, now_s: float) -> None:
        self.allowance = allowance
        self._began_s = now_s
        self._used = 0.0

    def grant(self, allowance: Allowance) -> None:
        """Another one from now on, as of an app that has come to the lock screen; what is used is used."""
        self.allowance = allowance

    def charge(self, amount: float, now_s: float) -> None:
        self._fill_up(now_s)
        self._used += amount

    def left(self, now_s: float) -> float:
        """0: it is exhausted."""
        self._fill_up(now_s)
        return max(0.0, self.allowance.amount - self._used)

    @property
    def full_again_s(self) -> float:
        """When the period ends."""
        return self._began_s + self.allowance.period_s

    def _fill_up(self, now_s: float) -> None:
        periods = (now_s + EARLY_S - self._began_s) // self.allowance.period_s
        if periods > 0:
            self._began_s += periods * self.allowance.period_s
            self._used = 0.0
