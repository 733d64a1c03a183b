"""From a trial that fails to one that cannot be shorter: without any of its segments it does not fail."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


def minimised(items: Sequence[T], fails: Callable[[Sequence[T]], bool]) -> Sequence[T]:
    """Delta debugging: halves first, then smaller pieces, then one by one. `items` must fail."""
    size = max(1, len(items) // 2)
    while True:
        rest = _without_a_piece(items, size, fails)
        if rest is not None:
            items = rest
        elif size == 1:
            return items
        else:
            size //= 2
        size = max(1, min(size, len(items) // 2))


def _without_a_piece(items: Sequence[T], size: int, fails: Callable[[Sequence[T]], bool]) -> Sequence[T] | None:
    for at in range(0, len(items), size):
        rest = [*items[:at], *items[at + size :]]
        if rest and fails(rest):
            return rest
    return None
