"""Calls over a line from any thread; whoever reads the line hands results and faults to `resolve`."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, TypeVar

import msgspec

from rig.standby.wire.faults import Fault, error_of
from rig.standby.wire.line import Line, Received, What
from rig.standby.wire.message import Call, Notice, decoded_answer

R = TypeVar("R")

CALL_TIMEOUT_S = 10.0


class Caller:
    """`as_error` makes an exception of a fault: an app knows other ones than a test."""

    def __init__(self, line: Line[Any], as_error: Callable[[Fault], Exception] = error_of) -> None:
        self.line = line
        self._as_error = as_error
        self._numbers = itertools.count(1)
        self._waiting: dict[int, tuple[Call[Any], Future[Any]]] = {}
        self._lock = threading.Lock()

    def submit(self, call: Call[R], fds: Sequence[int] = ()) -> Future[R]:
        """Send a call; the future ends with its answer or the fault's error. Raises OSError when the other side is gone."""
        future: Future[R] = Future()
        with self._lock:
            number = next(self._numbers)
            self._waiting[number] = call, future
        try:
            self.line.send_call(number, call, fds)
        except BaseException:
            with self._lock:
                self._waiting.pop(number, None)
            raise
        return future

    def call(self, call: Call[R], fds: Sequence[int] = (), *, timeout_s: float = CALL_TIMEOUT_S) -> R:
        """Send a call and wait for its answer. Raises the fault's error, or TimeoutError after `timeout_s`."""
        return self.submit(call, fds).result(timeout_s)

    def notify(self, notice: Notice) -> None:
        self.line.send_notice(notice)

    def resolve(self, received: Received[Any]) -> bool:
        """Take a result or a fault; False when it is neither. One that nobody waits for any more is passed over."""
        if received.what not in (What.RESULT, What.FAULT):
            return False
        with self._lock:
            call, future = self._waiting.pop(received.number, (None, None))
        if call is None or future is None:
            return True
        if received.what is What.FAULT:
            future.set_exception(self._as_error(received.body))
            return True
        try:
            future.set_result(decoded_answer(call, received.body))
        except (msgspec.MsgspecError, ValueError) as error:
            future.set_exception(TypeError(f"the answer to {type(call).__name__} is none: {error}"))
        return True

    def fail_all(self, error: Exception) -> None:
        """The other side is gone: end every call with `error`."""
        with self._lock:
            waiting, self._waiting = self._waiting, {}
        for _, future in waiting.values():
            future.set_exception(error)
