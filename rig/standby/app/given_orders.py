"""Orders that the system has given in advance: while the host is in connected standby a push task begins on the thread that has
completed the read, and does not wait until the system has heard of that, has written it down and has ordered it.

An order holds until the system takes it back. What the system has said before it continued this process counts although nobody
has come to hear it yet: while something of the system's is unheard, the app asks.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec

from rig.readable import readable
from rig.standby.wire.from_app import ReadCompleted
from rig.standby.wire.message import Notice
from rig.standby.wire.to_app import RunTask, StandingOrder


class GivenOrders:
    """For any thread. `line_fd`: what the system says comes there. `begin` a run, behind what the thread does: it only says so to
    others, and not while they hear the system."""

    def __init__(self, line_fd: int, notify: Callable[[Notice], None], begin: Callable[[RunTask], None]) -> None:
        self._line_fd = line_fd
        self._notify = notify
        self._begin = begin
        self._lock = threading.RLock()  # what is heard may be the answer that a call of the same thread brings about
        self._given: dict[str, StandingOrder] = {}
        """By channel."""
        self._used: dict[str, int] = {}
        """The last number, by channel: what is told again may name it again."""

    @contextmanager
    def hearing(self) -> Iterator[None]:
        """While something of the system's is taken from the line, until it has taken effect."""
        with self._lock:
            yield

    def given(self, order: StandingOrder) -> None:
        """Heard: see `hearing`."""
        if order.run is None:
            self._given.pop(order.channel, None)
        else:
            self._given[order.channel] = order

    def completed(self, read: ReadCompleted) -> None:
        """Tell the system, and begin the push task that has waited for it: the last that a piece of the crew's work does."""
        with self._lock:
            run = self._next(read.channel) if read.push and read.channel is not None else None
            self._notify(read if run is None else msgspec.structs.replace(read, run=run.instance))
            if run is not None:
                self._begin(run)

    def _next(self, channel: str) -> RunTask | None:
        given = self._given.get(channel)
        if given is None or given.run is None or readable(self._line_fd, 0):
            return None
        number = max(given.run.instance, self._used.get(channel, 0) + 1)
        if number > given.last:
            return None
        self._used[channel] = number
        return msgspec.structs.replace(given.run, instance=number)
