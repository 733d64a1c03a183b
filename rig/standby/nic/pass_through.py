"""Requests of the bench to the device: sent on, and answered when the reply is there. The driver does not wait for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rig.device.link import Link
from rig.device.requests import Pending
from rig.errors import BenchError, RigError
from rig.standby.nic.loop import Loop, Timer
from rig.standby.wire.nic import PassThroughRequest

Answer = Callable[[int, dict[str, Any] | Exception], None]
"""The number of the call, and the device's reply or why there is none."""


@dataclass
class _OnTheWay:
    number: int
    call: PassThroughRequest
    pending: Pending
    tries_left: int
    timer: Timer | None = None


class PassThrough:
    """`look` after each reading of the link."""

    def __init__(self, link: Link, loop: Loop, answer: Answer) -> None:
        self._link = link
        self._loop = loop
        self._answer = answer
        self._on_the_way: list[_OnTheWay] = []

    def send(self, number: int, call: PassThroughRequest) -> None:
        """Raises BenchError when the port is gone."""
        pending = self._link.submit(call.op, call.group, call.command, call.body)
        request = _OnTheWay(number, call, pending, call.retries)
        self._on_the_way.append(request)
        self._wait(request)

    def look(self) -> None:
        """Answer what has been answered."""
        for request in [request for request in self._on_the_way if request.pending.over]:
            self._over(request)
            try:
                self._answer(request.number, request.pending.result(0, 0))
            except RigError as error:
                self._answer(request.number, error)

    def _wait(self, request: _OnTheWay) -> None:
        wait_s = request.call.timeout_s + self._link.line_time_s(len(request.pending.frame))
        request.timer = self._loop.call_later(wait_s, lambda: self._late(request, wait_s))

    def _late(self, request: _OnTheWay, wait_s: float) -> None:
        self.look()  # the reply may have been read under another request's wait
        if request not in self._on_the_way:
            return
        if request.tries_left:
            request.tries_left -= 1
            self._link.send_again(request.pending, wait_s)
            self._wait(request)
            return
        self._over(request)
        error: BenchError = self._link.give_up(request.pending, wait_s * (request.call.retries + 1))
        self._answer(request.number, error)

    def _over(self, request: _OnTheWay) -> None:
        self._on_the_way.remove(request)
        if request.timer is not None:
            request.timer.cancel()
