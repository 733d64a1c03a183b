"""Numbers of the runs that an app may begin by a standing order."""

from __future__ import annotations

import msgspec


class StandingNumbers(msgspec.Struct, frozen=True):
    """`ranges`, first and last: those that the app has been told of and may still use. Two at most, as it may have used one of
    the older before it heard of the newer."""

    ranges: tuple[tuple[int, int], ...] = ()
    given: bool = False
    """It has an order, for all that is known here."""

    @property
    def newest(self) -> tuple[int, int]:
        """The range that it is told; none is left in (0, -1)."""
        return self.ranges[-1] if self.ranges else (0, -1)

    @property
    def left(self) -> int:
        """Of the newest."""
        first, last = self.newest
        return last - first + 1

    def more(self, first: int, count: int) -> StandingNumbers:
        return msgspec.structs.replace(self, ranges=(*self.ranges[-1:], (first, first + count - 1)))

    def without(self, number: int) -> StandingNumbers | None:
        """One that has been used, with all before it. None: it was not the app's to use."""
        if not any(first <= number <= last for first, last in self.ranges):
            return None
        return msgspec.structs.replace(self, ranges=tuple((max(a, number + 1), b) for a, b in self.ranges if b > number))

    def told(self, *, given: bool) -> StandingNumbers:
        return msgspec.structs.replace(self, given=given)


NO_NUMBERS = StandingNumbers()
