"""The server keep-alive interval of each channel: when it ends, the keep-alive task is due (CCT-033)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from rig.clock import Clock
from rig.standby.system.channels.channel import Channel


class KeepAliveTimers:
    """One timer a channel; `due` is called every interval from `start` until `stop`, without drift."""

    def __init__(self, clock: Clock, due: Callable[[Channel], None]) -> None:
        self._clock = clock
        self._due = due
        self._loop = asyncio.get_running_loop()
        self._timers: dict[Channel, asyncio.TimerHandle] = {}

    def start(self, channel: Channel) -> None:
        """The interval begins now."""
        self._arm(channel, self._loop.time() + self._clock.minutes_s(channel.minutes))

    def go_on(self, channel: Channel, due_s: float) -> None:
        """The interval under way ends at `due_s` of the loop's time; those that have passed meanwhile are one."""
        self._arm(channel, max(due_s, self._loop.time()))

    def stop(self, channel: Channel) -> None:
        timer = self._timers.pop(channel, None)
        if timer is not None:
            timer.cancel()
            channel.due_s = None

    def _arm(self, channel: Channel, when_s: float) -> None:
        self.stop(channel)
        self._timers[channel] = self._loop.call_at(when_s, self._fire, channel, when_s)
        channel.due_s = when_s

    def _fire(self, channel: Channel, when_s: float) -> None:
        next_s = when_s + self._clock.minutes_s(channel.minutes)
        self._arm(channel, max(next_s, self._loop.time()))
        self._due(channel)
