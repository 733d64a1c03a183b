"""The driver's process, for a system that waits for each answer."""

from __future__ import annotations

import itertools
import select
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from rig.errors import BenchError
from rig.standby.wire import nic
from rig.standby.wire.faults import error_of
from rig.standby.wire.line import Line, Received, What
from rig.standby.wire.message import Call, decoded_answer

R = TypeVar("R")


class BlockingDriver:
    """`hear` gets the notices, later and on the loop."""

    def __init__(self, line: Line[nic.FromDriver], post: Callable[[Callable[[], None]], None], incarnation: int) -> None:
        self.line = line
        self.settling = False
        self.hear: Callable[[Any], None] = lambda _notice: None
        self._post = post
        self._numbers = itertools.count(incarnation << 32)
        self._late: dict[int, Callable[[Received[Any]], None]] = {}
        self._unheard: deque[Any] = deque()

    def take_over(self) -> None:
        """Nothing that a system before had is known here. Raises what stood against the driver's start."""
        held = self.call(nic.GetHeld())
        self.call(nic.Wake("system_restarted"))
        for key in held.slots:
            self.call(nic.GiveBack(key))

    def call(self, call: Call[R], fds: Sequence[int] = ()) -> R:
        number = self.submit(call, None, fds)
        while True:
            received = self.line.receive()
            if received is None:
                raise BenchError("RIG-R20", "the driver of the device is gone", "its output stands above")
            if received.number == number:
                return _result(call, received)
            self._take(received)

    def submit(self, call: Call[R], then: Callable[[Received[Any]], None] | None, fds: Sequence[int] = ()) -> int:
        number = next(self._numbers)
        if then is not None:
            self._late[number] = then
        self.line.send_call(number, call, fds)
        return number

    def readable(self) -> None:
        """A call that was made since the loop looked may have taken what was there."""
        if select.select([self.line], [], [], 0)[0] and (received := self.line.receive()) is not None:
            self._take(received)

    def _take(self, received: Received[Any]) -> None:
        if received.what in (What.RESULT, What.FAULT):
            if received.number in self._late:
                self._late.pop(received.number)(received)
            return
        if isinstance(received.body, nic.Woke):
            self.settling = True
        elif isinstance(received.body, nic.Settled):
            self.settling = False
        self._post(lambda: self.hear(received.body))

    async def request(self, call: Call[R]) -> R:
        import asyncio

        done: asyncio.Future[Received[Any]] = asyncio.get_running_loop().create_future()
        self.submit(call, done.set_result)
        return _result(call, await done)


def _result(call: Call[R], received: Received[Any]) -> R:
    if received.what is What.FAULT:
        raise error_of(received.body)
    return decoded_answer(call, received.body)
