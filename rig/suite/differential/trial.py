"""A trial: a connection handed to a sleeping device, and segments that come for it one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rig.device.numbers import WakeReason
from rig.suite.differential.connection import Connection
from rig.suite.differential.judge import judge
from rig.suite.differential.outcome import Outcome
from rig.suite.differential.segment import Segment


@dataclass(frozen=True)
class Step:
    wait_us: int
    """Since the step before, of the device's clock."""
    segment: Segment


@dataclass(frozen=True)
class Expected:
    """One step as a right device takes it. `before` and `after`: the connection then."""

    step: Step
    at_us: int
    before: Connection
    outcome: Outcome
    after: Connection


@dataclass(frozen=True)
class Trial:
    connection: Connection
    """As handed over; never changed."""
    steps: tuple[Step, ...]

    def expected(self, now_us: int = 0) -> Iterator[Expected]:
        """Up to the first segment that wakes, which is the last. `now_us`: when it is handed over."""
        after = self.connection.copy()
        after.handed_over(now_us)
        for step in self.steps:
            now_us += step.wait_us
            before, after = after, after.copy()
            outcome = judge(after, step.segment, now_us)
            yield Expected(step, now_us, before, outcome, after)
            if outcome.wake is not WakeReason.NONE:
                return

    def only(self, steps: tuple[Step, ...]) -> Trial:
        return Trial(self.connection, steps)


@dataclass(frozen=True)
class Sleep:
    """Several connections of one sleeping device, and the segments that come for them, by the connection's number."""

    connections: tuple[Connection, ...]
    segments: tuple[tuple[int, Segment], ...]

    def trial(self, number: int) -> Trial:
        """What comes for one connection; no time passes."""
        return Trial(self.connections[number], tuple(Step(0, segment) for to, segment in self.segments if to == number))

    def expected(self) -> list[tuple[int, Expected]]:
        """In the order in which they come, up to the first that wakes."""
        each = {number: self.trial(number).expected() for number in range(len(self.connections))}
        found: list[tuple[int, Expected]] = []
        for number, _ in self.segments:
            found.append((number, next(each[number])))
            if found[-1][1].outcome.wake is not WakeReason.NONE:
                break
        return found

    def only(self, segments: Sequence[tuple[int, Segment]]) -> Sleep:
        return Sleep(self.connections, tuple(segments))
