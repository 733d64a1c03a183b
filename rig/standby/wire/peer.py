"""The other side of a line, seen from an asyncio loop that never waits for it.

Calls and notices go to one handler. One that returns at once is answered at once; one that returns a coroutine becomes a task, so
that who waits (for the device) holds up nobody. Handlers begin in the order in which messages came. What the other side does
not read is kept, up to a bound; then it is given up.
"""

from __future__ import annotations

import asyncio
import inspect
import itertools
import select
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Generic, TypeVar

import msgspec

from rig.standby.wire.descriptors import Descriptors
from rig.standby.wire.faults import Fault, error_of, fault_of, is_foreseen
from rig.standby.wire.line import In, Line, Malformed, Received, What, datagram, send_datagram
from rig.standby.wire.message import Call, Notice, decoded_answer

R = TypeVar("R")

UNREAD_MESSAGES = 256
"""What is kept for a peer beyond its socket's buffer."""
MESSAGES_PER_TURN = 16
"""Taken from one peer before others have their turn."""

Handler = Callable[[Any, Descriptors], Any]
"""Takes a message; returns its answer, or a coroutine that does. What it raises is the answer, too."""


class Peer(Generic[In]):
    """`on_gone` is called once: the peer hung up, or it reads nothing ("it does not read"). `on_fault` hears of exceptions that
    nobody foresaw: the message's class and the exception."""

    def __init__(
        self,
        line: Line[In],
        handler: Handler,
        *,
        on_gone: Callable[[str], None],
        on_fault: Callable[[str, BaseException], None],
    ) -> None:
        self.line = line
        self._handler = handler
        self._on_gone = on_gone
        self._on_fault = on_fault
        self._loop = asyncio.get_running_loop()
        self._unsent: deque[tuple[bytes, Sequence[int]]] = deque()
        self._numbers = itertools.count(1)
        self._waiting: dict[int, tuple[Call[Any], asyncio.Future[Any]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._gone = False
        line.sock.setblocking(False)
        self._loop.add_reader(line.fileno(), self._readable)

    @property
    def has_unread(self) -> bool:
        """Whether a message waits to be taken."""
        return not self._gone and bool(select.select([self.line], [], [], 0)[0])

    # -- to the peer ---------------------------------------------------------------------------------------------------

    def notify(self, notice: Notice) -> None:
        """Never waits, never raises: a peer that is gone hears nothing."""
        self._send(datagram(What.NOTICE, 0, notice))

    async def call(self, call: Call[R], fds: Sequence[int] = ()) -> R:
        """Raises the fault's error, or ConnectionResetError when the peer goes before it has answered. `fds` stay open until
        the answer is here."""
        if self._gone:
            raise ConnectionResetError("the peer is gone")
        number = next(self._numbers)
        future: asyncio.Future[R] = self._loop.create_future()
        self._waiting[number] = call, future
        try:
            self._send(datagram(What.CALL, number, call), fds)
            return await future
        finally:
            self._waiting.pop(number, None)

    def _send(self, data: bytes, fds: Sequence[int] = ()) -> None:
        if self._gone:
            return
        if not self._unsent:
            try:
                send_datagram(self.line.sock, data, fds)
                return
            except BlockingIOError:
                self._loop.add_writer(self.line.fileno(), self._writable)
            except OSError:
                return  # the reader notices
        if len(self._unsent) >= UNREAD_MESSAGES:
            self._give_up("it does not read")
            return
        self._unsent.append((data, fds))

    def _writable(self) -> None:
        while self._unsent:
            try:
                send_datagram(self.line.sock, *self._unsent[0])
            except BlockingIOError:
                return
            except OSError:
                self._unsent.clear()
                break
            self._unsent.popleft()
        self._loop.remove_writer(self.line.fileno())

    # -- from the peer -------------------------------------------------------------------------------------------------

    def _readable(self) -> None:
        for _ in range(MESSAGES_PER_TURN):
            if not self._take_one():
                return

    def _take_one(self) -> bool:
        """Whether there may be more."""
        if self._gone:
            return False
        try:
            received = self.line.receive()
        except BlockingIOError:
            return False
        except Malformed as malformed:
            if malformed.number:
                self._answer_fault(malformed.number, malformed.as_host_error(), "")
            return True
        if received is None:
            self._give_up("it hung up")
            return False
        if received.what in (What.RESULT, What.FAULT):
            self._resolve(received)
        else:
            self._serve(received)
        return True

    def _serve(self, received: Received[In]) -> None:
        name = type(received.body).__name__
        try:
            result = self._handler(received.body, received.descriptors)
        except Exception as error:
            received.descriptors.close()
            self._failed(received, error, name)
            return
        if inspect.iscoroutine(result):
            task = self._loop.create_task(self._finish(received, result, name))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            return
        received.descriptors.close()
        self._answer(received, result)

    async def _finish(self, received: Received[In], coroutine: Coroutine[Any, Any, Any], name: str) -> None:
        with received.descriptors:
            try:
                self._answer(received, await coroutine)
            except Exception as error:
                self._failed(received, error, name)

    def _answer(self, received: Received[In], result: Any) -> None:
        if received.what is not What.CALL:
            return
        try:
            self._send(datagram(What.RESULT, received.number, result))
        except Exception as error:
            self._failed(received, error, type(received.body).__name__)

    def _failed(self, received: Received[In], error: Exception, name: str) -> None:
        if not is_foreseen(error):
            self._on_fault(name, error)
        if received.what is What.CALL:
            self._answer_fault(received.number, error, name)

    def _answer_fault(self, number: int, error: Exception, name: str) -> None:
        self._send(datagram(What.FAULT, number, fault_of(error, name)))

    def _resolve(self, received: Received[In]) -> None:
        call, future = self._waiting.pop(received.number, (None, None))
        received.descriptors.close()
        if call is None or future is None or future.done():
            return
        if received.what is What.FAULT:
            fault: Fault = received.body
            future.set_exception(error_of(fault))
            return
        try:
            future.set_result(decoded_answer(call, received.body))
        except (msgspec.MsgspecError, ValueError) as error:
            future.set_exception(TypeError(f"the answer to {type(call).__name__} is none: {error}"))

    # -- the end -------------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Forget the peer; `on_gone` is not called. Idempotent."""
        if self._gone:
            return
        self._gone = True
        self._loop.remove_reader(self.line.fileno())
        self._loop.remove_writer(self.line.fileno())
        for task in self._tasks:
            task.cancel()
        for _, future in self._waiting.values():
            if not future.done():
                future.set_exception(ConnectionResetError("the peer is gone"))
        self._unsent.clear()
        self.line.close()

    def _give_up(self, why: str) -> None:
        if not self._gone:
            self.close()
            self._on_gone(why)
