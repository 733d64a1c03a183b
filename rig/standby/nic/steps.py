"""Entry and wake as lists of steps: entry all or nothing, a wake to its end whatever fails on the way.

A step may fail in the middle, so its undo puts back whatever of it happened, and does nothing where nothing did; both may be
called again. `inject` is a test's: it is called before and after each step, and what it raises is the step's failure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rig.errors import BenchError

Action = Callable[[], None]
Inject = Callable[[str, str], None]
"""(name of the step, "before" or "after")"""


def _nothing() -> None:
    return None


def no_fault(_step: str, _when: str) -> None:
    """Nothing is injected."""


@dataclass(frozen=True)
class Step:
    """`undo` puts back what `do` did, whole or in part; nothing by default."""

    name: str
    do: Action
    undo: Action = _nothing


@dataclass(frozen=True)
class Failure:
    """A step, or an undo, that raised; `again` is what is left to be done."""

    name: str
    error: Exception
    again: Action


class Incomplete(Exception):
    """An entry that failed: `cause`, and what could not be put back yet."""

    def __init__(self, cause: Exception, left: list[Failure]) -> None:
        super().__init__(str(cause))
        self.cause = cause
        self.left = left

    def as_error(self) -> Exception:
        """What the caller gets: what a kernel refuses is no bug of ours."""
        if isinstance(self.cause, OSError):
            return BenchError("RIG-N21", f"the kernel refused on the way to sleep: {self.cause}", "rig doctor")
        return self.cause


def all_or_nothing(steps: Sequence[Step], inject: Inject = no_fault) -> None:
    """Do them in order. When one fails, undo it and those before it, the last one first. Raises Incomplete."""
    begun: list[Step] = []
    try:
        for step in steps:
            begun.append(step)
            inject(step.name, "before")
            step.do()
            inject(step.name, "after")
    except Exception as error:
        left = to_the_end([Step(step.name, step.undo) for step in reversed(begun)])
        raise Incomplete(error, left) from error


def to_the_end(steps: Sequence[Step], inject: Inject = no_fault) -> list[Failure]:
    """Do all of them in order, whatever fails; returns what did."""
    failures = []
    for step in steps:
        try:
            inject(step.name, "before")
            step.do()
            inject(step.name, "after")
        except Exception as error:
            failures.append(Failure(step.name, error, step.do))
    return failures
