"""How much longer a run takes: from how long its tests took the last time, and how long they take now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping


class Pace:
    """`known` has seconds by a test's id, of an earlier run; a test that is not in it is taken for an average one."""

    def __init__(self, known: Mapping[str, float] | None = None) -> None:
        self._known = known or {}
        self._left = set[str]()
        self._took_s = dict[str, float]()
        self._beside = 1

    def start(self, ids: Iterable[str], beside: int = 1) -> None:
        """`beside`: how many tests run at a time."""
        self._left = set(ids)
        self._beside = beside

    def ended(self, id_: str, duration_s: float) -> None:
        """A test's last attempt ended."""
        self._left.discard(id_)
        self._took_s[id_] = self._took_s.get(id_, 0.0) + duration_s

    @property
    def left_s(self) -> float | None:
        """Seconds; None while nothing is known."""
        measured = [*self._took_s.values()] or [self._known[id_] for id_ in self._left if id_ in self._known]
        if not measured:
            return None
        average = sum(measured) / len(measured)
        return sum(self._known.get(id_, average) for id_ in self._left) / self._beside

    def __str__(self) -> str:
        """ "about 4 min left"; empty while nothing is known."""
        left_s = self.left_s
        if left_s is None:
            return ""
        return f"about {left_s / 60:.0f} min left" if left_s >= 90 else f"about {max(1, left_s):.0f} s left"
