"""Numbers of the runs that an app may begin by a standing order."""

from __future__ import annotations

import msgspec

from rig.standby.system.registration import Registration


class StandingRange(msgspec.Struct, frozen=True):
    """`registration`: as it was when the app was told of them."""

    first: int
    last: int
    registration: Registration

    def __contains__(self, number: int) -> bool:
        return self.first <= number <= self.last


class StandingNumbers(msgspec.Struct, frozen=True):
    """`ranges`: those that the app has been told of and may still use. Two at most, as it may have used one of the older before
    it heard of the newer."""

    ranges: tuple[StandingRange, ...] = ()
    given: bool = False
    """It was told of an order, and not since that there is none."""

    @property
    def newest(self) -> StandingRange | None:
        return self.ranges[-1] if self.ranges else None

    def left(self, registration: Registration) -> int:
        """Of the newest range, if that is of this registration."""
        newest = self.newest
        return newest.last - newest.first + 1 if newest is not None and newest.registration == registration else 0

    def more(self, first: int, count: int, registration: Registration) -> StandingNumbers:
        return StandingNumbers((*self.ranges[-1:], StandingRange(first, first + count - 1, registration)), self.given)

    def registration_of(self, number: int) -> Registration | None:
        """None: it is not the app's to use."""
        return next((told.registration for told in self.ranges if number in told), None)

    def without(self, number: int) -> StandingNumbers:
        """One that has been used, with all before it."""
        rest = [StandingRange(max(r.first, number + 1), r.last, r.registration) for r in self.ranges if r.last > number]
        return StandingNumbers(tuple(rest), self.given)

    def told(self, *, given: bool) -> StandingNumbers:
        return StandingNumbers(self.ranges, given)


NO_NUMBERS = StandingNumbers()
