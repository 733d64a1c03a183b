"""How often something may die before the next one is not worth a try."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

DEATHS = 5
WITHIN_S = 30.0
"""Whoever dies of where it goes on dies within milliseconds; whoever dies of what it meets now and then is of use in between."""


class Patience:
    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._died_s: deque[float] = deque(maxlen=DEATHS)

    def died(self) -> bool:
        """Whether that was one too many: the last DEATHS of them came WITHIN_S."""
        now_s = self._now_s()
        self._died_s.append(now_s)
        return len(self._died_s) == DEATHS and now_s - self._died_s[0] <= WITHIN_S
