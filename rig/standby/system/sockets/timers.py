"""The keep-alive time that an app gives with a socket: when it is over, and nothing else has fired the task, that runs to send
something and to give the socket back, which begins it anew (SAT-016, B-12)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from rig.clock import Clock
from rig.standby.system.sockets.brokered import BrokeredSocket

MINUTE_MS = 60_000


class SocketTimers:
    """One a socket; `due` is called once for each `start`."""

    def __init__(self, clock: Clock, due: Callable[[BrokeredSocket], None]) -> None:
        self._clock = clock
        self._due = due
        self._loop = asyncio.get_running_loop()
        self._timers: dict[BrokeredSocket, asyncio.TimerHandle] = {}

    def start(self, brokered: BrokeredSocket) -> None:
        """The time begins now; none where none was given."""
        if brokered.saved.keep_alive_ms:
            time_s = self._clock.minutes_s(brokered.saved.keep_alive_ms / MINUTE_MS)
            brokered.change(due_s=self._loop.time() + time_s)
            self.go_on(brokered)

    def go_on(self, brokered: BrokeredSocket) -> None:
        """It ends when it was to end; at once if that is over."""
        self.stop(brokered)
        if brokered.saved.due_s is not None:
            self._timers[brokered] = self._loop.call_at(brokered.saved.due_s, self._fire, brokered)

    def stop(self, brokered: BrokeredSocket) -> None:
        timer = self._timers.pop(brokered, None)
        if timer is not None:
            timer.cancel()

    def _fire(self, brokered: BrokeredSocket) -> None:
        del self._timers[brokered]
        self._due(brokered)
