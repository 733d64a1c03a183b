"""The other side of a line, seen from an asyncio loop that never waits for it.

Calls and notices go to one handler. One that returns at once is answered at once; one that returns a coroutine becomes a task, so
that who waits (for the device) holds up nobody. Handlers begin in the order in which messages came. What the other side does
not read is kept, up to a bound; then it is given up. Nor does it get the loop for itself: so many messages a turn, so many
calls under way.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import itertools
import socket
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Generic, TypeVar

import msgspec

from rig.readable import readable
from rig.standby.wire.descriptors import Descriptors, WithDescriptors
from rig.standby.wire.faults import Fault, as_refusal, error_of, fault_of, is_foreseen
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.inbox import Inbox, Turn
from rig.standby.wire.line import In, Line, Malformed, Received, What, datagram
from rig.standby.wire.message import Call, Fetch, Notice, Prelude, decoded_answer
from rig.standby.wire.send_queue import SendQueue

R = TypeVar("R")

MESSAGES_PER_TURN = 16
"""Taken from one peer before others have their turn."""
UNDER_WAY = 64
"""Coroutines of one peer that wait for something; while there are so many, it is not read."""
DONE_PER_ACKNOWLEDGEMENT = 32
"""What a sender keeps at most for nothing; ten wakes have as many notices."""

Handler = Callable[[Any, Descriptors], Any]
"""Takes a message; returns its answer, or a coroutine that does. What it raises is the answer, too. The answer to a
`Fetch` may be `WithDescriptors`."""


class Peer(Generic[In]):
    """`on_gone` is called once: the peer hung up, or it reads nothing ("it does not read"). `on_fault` hears of exceptions that
    nobody foresaw: the message's class and the exception. `inbox`: the peer numbers what it says and may say it again;
    `on_resumed` hears, after `resume`, that it has."""

    def __init__(
        self,
        line: Line[In],
        handler: Handler,
        *,
        on_gone: Callable[[str], None],
        on_fault: Callable[[str, BaseException], None],
        inbox: Inbox | None = None,
        on_resumed: Callable[[], None] = lambda: None,
        first_call: int = 1,
    ) -> None:
        """`first_call` is the number of the first: above all of the calls that somebody before has made over the same line."""
        self.line = line
        self._handler = handler
        self._on_gone = on_gone
        self._on_fault = on_fault
        self._inbox = inbox
        self._on_resumed = on_resumed
        self._acknowledged = inbox.last if inbox is not None else 0
        self._loop = asyncio.get_running_loop()
        self._numbers = itertools.count(first_call)
        self._waiting: dict[int, tuple[Call[Any], asyncio.Future[Any]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._gone = False
        self._paused = False
        line.sock.setblocking(False)
        self._out = SendQueue(line, lambda: self._give_up("it does not read"))
        self._loop.add_reader(line.fileno(), self._readable)

    @property
    def has_unread(self) -> bool:
        """Whether a message waits to be taken."""
        return not self._gone and readable(self.line.fileno(), 0)

    @property
    def is_behind(self) -> bool:
        """It has not read all that was said to it, and what comes next is kept here for it."""
        return len(self._out) > 0

    # -- to the peer ---------------------------------------------------------------------------------------------------

    def notify(self, notice: Notice, fds: Sequence[int] = ()) -> None:
        """Never waits: a peer that is gone hears nothing. `fds` may be closed at once. Raises OSError for one that is closed."""
        self._send(datagram(What.NOTICE, 0, notice), fds)

    async def call(self, call: Call[R], fds: Sequence[int] = ()) -> R:
        """Raises the fault's error, ConnectionResetError when the peer goes before it has answered, or OSError for a descriptor
        that is closed. `fds` may be closed as soon as this has returned, or was cancelled."""
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

    def call_again(self) -> None:
        """To one that is new at the other end of the line: all calls that have no answer, in their order, with the same numbers;
        not the descriptors that came with them."""
        for number, (call, future) in self._waiting.items():
            if not future.done():
                self._send(datagram(What.CALL, number, call))

    def resume(self) -> None:
        """To a peer whose messages went to a process that is gone: they come again from the last that is done."""
        if self._inbox is not None:
            self._send(datagram(What.RESUME, self._inbox.last))

    def _send(self, data: bytes, fds: Sequence[int] = ()) -> None:
        if not self._gone:
            self._out.send(data, fds)

    # -- from the peer -------------------------------------------------------------------------------------------------

    def _readable(self) -> None:
        for _ in range(MESSAGES_PER_TURN):
            if len(self._tasks) >= UNDER_WAY:
                self._loop.remove_reader(self.line.fileno())
                self._paused = True
                return
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
            self._refuse(malformed)
            return True
        if received is None:
            self._give_up("it hung up")
            return False
        match received.what:
            case What.RESULT | What.FAULT:
                self._resolve(received)
            case What.CALL | What.NOTICE if self._is_its_turn(received.what, received.number, received.body):
                self._serve(received)
            case What.RESUMED:
                received.descriptors.close()
                self._on_resumed()
            case _:
                received.descriptors.close()
        return True

    def _is_its_turn(self, what: What, number: int, body: Any = None) -> bool:
        """Whether to serve it; what was done before is answered as it was then, or served again where no answer can be kept."""
        if self._inbox is None:
            return True
        turn = self._inbox.take(number)
        if turn is Turn.AGAIN and what is What.CALL:
            answer = self._inbox.answer_to(number)
            if not answer and isinstance(body, Fetch):
                return True
            self._send(answer or _fault(number, HostError(HResult.INVALID_STATE, "answered long ago")))
        return turn is Turn.NEW

    def _serve(self, received: Received[In]) -> None:
        name = type(received.body).__name__
        try:
            result = self._handler(received.body, received.descriptors)
        except Exception as error:
            received.descriptors.close()
            self._failed(received, error, name)
            return
        if inspect.iscoroutine(result):
            self._go_on_with(received, result, name)
            return
        received.descriptors.close()
        self._answer(received, result)

    def _go_on_with(self, received: Received[In], coroutine: Coroutine[Any, Any, Any], name: str) -> None:
        task = self._loop.create_task(self._finish(received, coroutine, name))
        self._tasks.add(task)

        def ended(task: asyncio.Task[None]) -> None:
            coroutine.close()  # it never began when the task was cancelled at once
            received.descriptors.close()
            self._tasks.discard(task)
            if self._paused and not self._gone:
                self._paused = False
                self._loop.add_reader(self.line.fileno(), self._readable)

        task.add_done_callback(ended)

    async def _finish(self, received: Received[In], coroutine: Coroutine[Any, Any, Any], name: str) -> None:
        try:
            result = await coroutine
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if self._gone or (task is not None and task.cancelling()):  # this side ends: the other one hears that from the line
                raise
            self._failed(received, RuntimeError(f"what it waited for was cancelled {error}".rstrip()), name)
        except Exception as error:
            self._failed(received, error, name)
        else:
            self._answer(received, result)

    def _answer(self, received: Received[In], result: Any) -> None:
        if received.what is not What.CALL:
            self._done(received.number, b"", may_wait=isinstance(received.body, Prelude))
            return
        fds: Sequence[int] = ()
        if isinstance(result, WithDescriptors):
            result, fds = result.answer, result.fds
        try:
            answer = datagram(What.RESULT, received.number, result)
        except Exception as error:
            self._failed(received, error, type(received.body).__name__)
            return
        if not isinstance(received.body, Fetch):
            self._done(received.number, answer)
            return
        self._done(received.number, b"")
        try:
            self._send(answer, fds)
        except OSError as error:  # a descriptor that is closed
            self._failed(received, error, type(received.body).__name__)

    def _failed(self, received: Received[In], error: Exception, name: str) -> None:
        error = as_refusal(error)
        if not is_foreseen(error):
            self._on_fault(name, error)
        self._done(received.number, _fault(received.number, error, name) if received.what is What.CALL else b"")

    def _refuse(self, malformed: Malformed) -> None:
        """It counts as done, so that what comes behind it has its turn."""
        if malformed.what in (What.CALL, What.NOTICE) and self._is_its_turn(malformed.what, malformed.number):
            is_call = malformed.what is What.CALL
            self._done(malformed.number, _fault(malformed.number, malformed.as_host_error()) if is_call else b"")

    def _done(self, number: int, answer: bytes, *, may_wait: bool = False) -> None:
        if self._inbox is not None and not self._inbox.is_done(number):
            try:
                self._inbox.done(number, answer, may_wait=may_wait)
            except Exception as error:  # it comes again from here when a new process asks for it
                self._on_fault("note of what is done", error)
            if self._inbox.noted - self._acknowledged >= DONE_PER_ACKNOWLEDGEMENT:
                self._acknowledged = self._inbox.noted
                self._send(datagram(What.ACKNOWLEDGED, self._acknowledged))
        if answer:
            self._send(answer)

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

    def hang_up(self) -> None:
        """Close it for the peer as well: somebody else may have a duplicate of this end. Idempotent."""
        if not self._gone:
            with contextlib.suppress(OSError):
                self.line.sock.shutdown(socket.SHUT_RDWR)
        self.close()

    def close(self) -> None:
        """Forget the peer; `on_gone` is not called. Idempotent."""
        if self._gone:
            return
        self._gone = True
        self._loop.remove_reader(self.line.fileno())
        self._out.close()
        for task in self._tasks:
            task.cancel()
        for _, future in self._waiting.values():
            if not future.done():
                future.set_exception(ConnectionResetError("the peer is gone"))
        self.line.close()

    def _give_up(self, why: str) -> None:
        if not self._gone:
            self.close()
            self._on_gone(why)


def _fault(number: int, error: Exception, name: str = "") -> bytes:
    return datagram(What.FAULT, number, fault_of(error, name))
