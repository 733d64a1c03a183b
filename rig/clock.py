"""Scaled time: one "minute" of an interval may last 50 ms.

Intervals are minutes in the specification; host, device and peers turn them into real time through one `Clock`.
Kernels keep real time. `Deadline` is the only way to wait: a point in time, not a duration.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

REAL_MINUTE_US = 60_000_000
"""A minute on the wall."""

WAIT_S = 10.0
"""Until what should come at once has not come. No claim: what takes a millisecond takes a second where thirty others compute."""

LOOK_EVERY_S = 0.01
"""At what announces itself to nobody, such as a device's counters: each look is work for device, host and test."""


@dataclass(frozen=True)
class Clock:
    """`minute_us`: how long a minute of an interval lasts, in µs of real time; the device takes the same number."""

    minute_us: int = 50_000

    def __post_init__(self) -> None:
        if not 1 <= self.minute_us <= REAL_MINUTE_US:
            raise ValueError(f"minute_us {self.minute_us} is not within 1..{REAL_MINUTE_US}")

    def minutes_s(self, minutes: float) -> float:
        """Real seconds that `minutes` of an interval last."""
        return minutes * self.minute_us / 1e6

    def unscale_ms(self, real_ms: float) -> int:
        """Specification milliseconds for a wanted real duration: what to send to a device that divides by the scale."""
        return round(real_ms * REAL_MINUTE_US / self.minute_us)


class Deadline:
    """A point in monotonic time."""

    def __init__(self, timeout_s: float) -> None:
        self._end_s = time.monotonic() + timeout_s

    @property
    def remaining_s(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, self._end_s - time.monotonic())

    @property
    def expired(self) -> bool:
        return time.monotonic() >= self._end_s

    def pause(self) -> None:
        """Between two looks in a loop that waits; never beyond the end."""
        time.sleep(min(LOOK_EVERY_S, self.remaining_s))

    def wait_out(self) -> None:
        """For time that is to pass; never for an effect, which is waited for."""
        time.sleep(self.remaining_s)
