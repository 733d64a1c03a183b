"""Time and maintenance triggers. The host looks every 15 minutes what is due: a task runs n to n + 15 minutes after it was
registered or last ran, and never before (BGT-018). A maintenance task that is due waits for external power (BGT-019).
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping

import msgspec

from rig.clock import Clock
from rig.standby.system.app_process import AppProcess
from rig.standby.system.registration import Registration
from rig.standby.system.rows import Rows, SavedTable
from rig.standby.system.store import Name, saved_of
from rig.standby.system.tasks.source import TriggerSource
from rig.standby.wire.app_tasks import RegisterTask
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.triggers import Maintenance, Time

TICK_MINUTES = 15
KIND = "due"


class SavedDue(msgspec.Struct, frozen=True):
    task_id: str
    at_s: float
    """Of the loop's time."""


class TimeTriggers(TriggerSource):
    kinds = (Time, Maintenance)

    def __init__(self, clock: Clock, fire: Callable[[Registration], object], rows: Rows) -> None:
        self._clock = clock
        self._fire = fire
        self._loop = asyncio.get_running_loop()
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._rows: SavedTable[SavedDue] = SavedTable(rows, KIND)
        self._restored: dict[str, float] = {}

    def check(self, app: AppProcess, wanted: RegisterTask) -> None:
        assert isinstance(wanted.trigger, (Time, Maintenance))
        if wanted.trigger.minutes < TICK_MINUTES:
            minutes = wanted.trigger.minutes
            raise HostError(HResult.INVALID_ARG, f"a period of {minutes} minutes; the shortest is {TICK_MINUTES} (BGT-018)")

    def armed(self, registration: Registration) -> None:
        due_s = self._restored.pop(registration.task_id, None)
        self._arm(registration, due_s if due_s is not None else self._next_s(registration, self._loop.time()))

    def disarmed(self, registration: Registration) -> None:
        del self._rows[registration.task_id]
        self._timers.pop(registration.task_id).cancel()

    def restore(self, things: Mapping[Name, bytes]) -> None:
        self._restored = {due.task_id: due.at_s for due in saved_of(things, KIND, SavedDue)}

    def _next_s(self, registration: Registration, since_s: float) -> float:
        """The first tick that is not too early. `since_s`: the registration, or the tick before, however late that was heard: a
        period of 15 minutes is not to become 30."""
        assert isinstance(registration.trigger, (Time, Maintenance))
        earliest_s = since_s + self._clock.minutes_s(registration.trigger.minutes)
        tick_s = self._clock.minutes_s(TICK_MINUTES)
        return max(earliest_s, math.ceil(earliest_s / tick_s - 1e-9) * tick_s)

    def _arm(self, registration: Registration, due_s: float) -> None:
        self._rows[registration.task_id] = SavedDue(registration.task_id, due_s)
        self._timers[registration.task_id] = self._loop.call_at(due_s, self._due, registration)

    def _due(self, registration: Registration) -> None:
        """Those that have passed meanwhile are one; this one has, though a loop may call a nanosecond early."""
        due_s = self._next_s(registration, self._rows[registration.task_id].at_s)
        while due_s <= self._loop.time():
            due_s = self._next_s(registration, due_s)
        self._arm(registration, due_s)
        self._fire(registration)
