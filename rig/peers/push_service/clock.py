"""The service's time: specification milliseconds of the bench's clock, which a test may move ahead by days."""

from __future__ import annotations

import time

from rig.clock import Clock

MINUTE_MS = 60_000
DAY_MS = 24 * 60 * MINUTE_MS


class ServiceClock:
    """Begins at 0. Not locked: who moves it holds what its readers hold."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._start_ns = time.monotonic_ns()
        self._skipped_ms = 0

    @property
    def now_ms(self) -> int:
        return self._clock.unscale_ms((time.monotonic_ns() - self._start_ns) / 1e6) + self._skipped_ms

    def real_s_until(self, at_ms: int) -> float:
        """0 for what is past."""
        return max(0.0, self._clock.minutes_s((at_ms - self.now_ms) / MINUTE_MS))

    def skip(self, ms: int) -> None:
        """So much passes at once: a bench need not live through 30 days."""
        self._skipped_ms += ms
