"""What is left to do after something went wrong: done in order as far as it goes, and the rest again every second."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rig.standby.nic.loop import Loop, Timer
from rig.standby.nic.steps import Failure, Step, to_the_end

AGAIN_S = 1.0
"""A device that restarts takes some 50 ms, one that hangs 4 s; a kernel that is out of memory, who knows."""


class Mending:
    """`on_failed` hears of what does not go yet, `on_mended` that all of it is done."""

    def __init__(self, loop: Loop, on_failed: Callable[[Failure], None], on_mended: Callable[[], None]) -> None:
        self._loop = loop
        self._on_failed = on_failed
        self._on_mended = on_mended
        self._left: list[Step] = []
        self._timer: Timer | None = None
        self._stands: Failure | None = None
        """Against what was tried last."""

    def begin(self, steps: Sequence[Step]) -> None:
        """In place of what was left before."""
        self._left = list(steps)
        self.go_on()

    def go_on(self) -> Failure | None:
        """Try now; the first thing that does not go, None when all is done, or nothing has begun."""
        if not self._left:
            return None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        begun = self._left
        failures = to_the_end(begun)
        if self._left is not begun:  # one of the steps has begun something else
            return self._stands
        self._stands = failures[0] if failures else None
        self._left = [Step(failure.name, failure.again) for failure in failures]
        if not failures:
            self._on_mended()
            return None
        for failure in failures:
            self._on_failed(failure)
        if self._timer is None and self._left:
            self._timer = self._loop.call_later(AGAIN_S, self._again)
        return self._stands

    def _again(self) -> None:
        self._timer = None
        self.go_on()
