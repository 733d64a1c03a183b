"""Records of a timeline, for those who fold them into a state. A line may be damaged: then nothing in it is as it should be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, TypeAlias

Record: TypeAlias = Mapping[str, Any]
"""A line of timeline.jsonl: t (CLOCK_MONOTONIC, ns), src, ev, and what the event says."""

LARGEST = 2**63
"""No time and no count is."""


class State(Protocol):
    """What records are folded into."""

    def take(self, record: Record) -> None:
        """The next one."""


def number_of(value: object) -> int | float:
    """0 for what is none, or none that anything here could be."""
    return value if isinstance(value, (int, float)) and abs(value) < LARGEST else 0
