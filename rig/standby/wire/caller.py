"""Calls and notices over a line from any thread, each done exactly once; whoever reads the line hands what comes to `take`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, TypeVar

import msgspec

from rig.standby.wire.descriptors import Descriptors
from rig.standby.wire.faults import Fault, error_of
from rig.standby.wire.line import Line, Received, What
from rig.standby.wire.message import Call, Fetch, Notice, decoded_answer
from rig.standby.wire.outbox import Outbox

R = TypeVar("R")

CALL_TIMEOUT_S = 10.0


class Caller:
    """The other side is a Peer with an Inbox. `as_error` makes an exception of a fault: an app knows other ones than a test."""

    def __init__(self, line: Line[Any], as_error: Callable[[Fault], Exception] = error_of) -> None:
        self.line = line
        self._as_error = as_error
        self._outbox = Outbox(line)
        self._waiting: dict[int, tuple[Call[Any], Future[Any]]] = {}
        """The future of a `Fetch` ends with the answer and its descriptors."""
        self._lock = threading.Lock()

    def submit(self, call: Call[R], fds: Sequence[int] = ()) -> Future[R]:
        """Send a call; the future ends with its answer or the fault's error. Raises OSError when the other side is gone."""
        future: Future[R] = Future()
        numbers: list[int] = []

        def expect(number: int) -> None:
            numbers.append(number)
            with self._lock:
                self._waiting[number] = call, future

        try:
            self._outbox.send(What.CALL, call, fds, expect)
        except BaseException:
            for number in numbers:
                self._waited_for(number)
            raise
        return future

    def call(self, call: Call[R], fds: Sequence[int] = (), *, timeout_s: float = CALL_TIMEOUT_S) -> R:
        """Send a call and wait for its answer. Raises the fault's error, or TimeoutError after `timeout_s`."""
        return self.submit(call, fds).result(timeout_s)

    def fetch(self, call: Fetch[R], *, timeout_s: float = CALL_TIMEOUT_S) -> tuple[R, Descriptors]:
        """As `call`; the descriptors are the caller's to take or close."""
        future: Future[Any] = self.submit(call)
        try:
            fetched: tuple[R, Descriptors] = future.result(timeout_s)
        except TimeoutError:
            if future.cancel():  # what comes later is closed by who hears it
                raise
            fetched = future.result()
        return fetched

    def notify(self, notice: Notice) -> None:
        """Raises OSError when the other side is gone."""
        self._outbox.send(What.NOTICE, notice)

    def take(self, received: Received[Any]) -> bool:
        """Of what has come: a result, a fault, or what concerns numbers alone; False when it is a message for the handlers. An
        answer that nobody waits for any more is passed over. Raises OSError when the other side wants all again and is gone."""
        match received.what:
            case What.RESULT | What.FAULT:
                self._outbox.answered(received.number)
                self._resolve(received)
            case What.ACKNOWLEDGED:
                self._outbox.acknowledged(received.number)
            case What.RESUME:
                self._outbox.resume(received.number)
            case _:
                return False
        return True

    def _resolve(self, received: Received[Any]) -> None:
        call, future = self._waited_for(received.number)
        if call is None or future is None or not future.set_running_or_notify_cancel():
            return
        if received.what is What.FAULT:
            future.set_exception(self._as_error(received.body))
            return
        try:
            answer: Any = decoded_answer(call, received.body)
            if isinstance(call, Fetch):
                answer = answer, received.descriptors.taken()
            future.set_result(answer)
        except (msgspec.MsgspecError, ValueError) as error:
            future.set_exception(TypeError(f"the answer to {type(call).__name__} is none: {error}"))

    def _waited_for(self, number: int) -> tuple[Call[Any] | None, Future[Any] | None]:
        with self._lock:
            return self._waiting.pop(number, (None, None))

    def fail_all(self, error: Exception) -> None:
        """The other side is gone: end every call with `error`."""
        with self._lock:
            waiting, self._waiting = self._waiting, {}
        for _, future in waiting.values():
            if future.set_running_or_notify_cancel():
                future.set_exception(error)
