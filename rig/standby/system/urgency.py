"""The system goes before ordinary processes while the host sleeps, and until what woke it is under way.

Steps of a wake wait for it: where the app has no standing order, a read that is over becomes a task's run only when the system
has heard of it, and has written it down. On a machine that has other things to do an ordinary process waits some milliseconds for
its turn, more than once a wake: the median beside two busy processes on two processors was 6.7 ms, and 2.4 with this, when each
run was ordered.
Not at other times: an app that calls without pause would have the system take a whole processor for it, from everybody. While the
host sleeps the apps are stopped, and a wake is short.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from rig.standby.system.power import PowerState

PRIORITY = 1
"""Behind the driver's, which has to do first what both have to do for a wake."""
AFTER_WAKE_S = 0.02
"""An app on a busy machine has taken what woke it by then, or it is not quick whoever goes first."""


class Urgency:
    """`go_first` and `go_along` change this thread's place among others."""

    def __init__(self, power: PowerState, go_first: Callable[[], object], go_along: Callable[[], object]) -> None:
        self._power = power
        self._go_first = go_first
        self._go_along = go_along
        self._urgent = False
        self._over: asyncio.TimerHandle | None = None
        power.subscribe(self._changed)

    def _changed(self) -> None:
        """Of a host that is about to sleep: the device may wake it before the system hears that it slept."""
        if not self._power.awake:
            self._cancel()
            if not self._urgent:
                self._urgent = True
                self._go_first()
        elif self._urgent and self._over is None:
            self._over = asyncio.get_running_loop().call_later(AFTER_WAKE_S, self._end)

    def _end(self) -> None:
        self._over, self._urgent = None, False
        self._go_along()

    def _cancel(self) -> None:
        if self._over is not None:
            self._over.cancel()
            self._over = None
