"""The governor of power: what keeps the host awake, by name, and when it may be tried again to let it sleep.

    with governor.hold("app mail/2", "a call of CloseChannel"):
        ...

In standby the host sleeps as soon as nobody holds it and nothing has happened for the linger time. An attempt that fails is tried
again after twice the time of the last one, up to a bound; anything that happens begins that anew. Whoever keeps the host awake
when it would sleep stands in a SLEEP_REFUSED record, once for each hold; a HELD record says how long a hold of a standby lasted.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from types import TracebackType

from rig.standby.system.power import PowerState
from rig.timeline import TimelineWriter

BACK_OFF_MOST = 32
"""Times the linger time: the longest wait between two attempts. Who acknowledges late is not asked 50 times a second."""


@dataclass(eq=False)
class Hold:
    """One reason to stay awake. Released once or, as a context manager, at the end of its block."""

    who: str
    why: str
    since_s: float
    """Of the loop's time."""
    governor: Governor = field(repr=False)
    told: bool = False
    """It has been named on the timeline."""

    def release(self) -> None:
        """Safe to call twice."""
        self.governor.released(self)

    def __enter__(self) -> Hold:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.release()


class Governor:
    """Knows no app and no device: `quiet` returns when the host may sleep, and who tries it then says how it went."""

    def __init__(self, power: PowerState, timeline: TimelineWriter, linger_s: float) -> None:
        self._power = power
        self._timeline = timeline
        self._linger_s = linger_s
        self._loop = asyncio.get_running_loop()
        self._holds: dict[Hold, None] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._quiet = asyncio.Event()
        self._failures = 0
        self._over: list[tuple[Hold, float, int]] = []
        """Holds that were released in standby, how long each had lasted, ms, and when (CLOCK_MONOTONIC, ns): written down when
        there is time for it."""

    # -- holds ---------------------------------------------------------------------------------------------------------

    def hold(self, who: str, why: str) -> Hold:
        """Keep the host awake until it is released. One that sleeps goes on sleeping: `SleepCycle.wake` wakes it."""
        hold = Hold(who, why, self._loop.time(), self)
        self._holds[hold] = None
        self._quiet.clear()
        return hold

    def released(self, hold: Hold) -> None:
        if self._holds.pop(hold, self) is None:
            if self._power.in_standby:
                self._over.append((hold, self._held_ms(hold), time.monotonic_ns()))
            self.touch()

    # -- when to sleep -------------------------------------------------------------------------------------------------

    def touch(self) -> None:
        """Something happened: in standby the host sleeps when nothing more does for the linger time."""
        self._failures = 0
        self._wait(self._linger_s)

    def no_wait(self) -> None:
        """The screen went off: sleep now unless somebody holds."""
        self._failures = 0
        self._wait(0)

    def refused(self, who: str, why: str) -> None:
        """An attempt failed because of `who`; there will be another one."""
        self._timeline.add("SLEEP_REFUSED", holder=who, reason=why, held_ms=0)
        self.try_later()

    def try_later(self) -> None:
        """An attempt failed."""
        self._wait(self._linger_s * min(2**self._failures, BACK_OFF_MOST))
        self._failures += 1

    @property
    def may_sleep(self) -> bool:
        return self._power.in_standby and self._power.awake and not self._holds

    async def quiet(self) -> None:
        """Return as soon as the host may sleep, once for each time that it may."""
        while not (self._quiet.is_set() and self.may_sleep):
            self._quiet.clear()
            await self._quiet.wait()
        self._quiet.clear()

    def _wait(self, delay_s: float) -> None:
        self._quiet.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._power.in_standby and self._power.awake:
            self._timer = self._loop.call_later(delay_s, self._due)

    def _due(self) -> None:
        self._timer = None
        self._write_held()
        if self.may_sleep:
            self._quiet.set()
            return
        for hold in self._holds:
            self._name(hold)

    def _write_held(self) -> None:
        over, self._over = self._over, []
        for hold, held_ms, until_ns in over:
            self._timeline.add("HELD", t_ns=until_ns, holder=hold.who, reason=hold.why, held_ms=round(held_ms, 3))

    def _held_ms(self, hold: Hold) -> float:
        return (self._loop.time() - hold.since_s) * 1000

    def _name(self, hold: Hold) -> None:
        if not hold.told:
            hold.told = True
            self._timeline.add("SLEEP_REFUSED", holder=hold.who, reason=hold.why, held_ms=round(self._held_ms(hold)))
