"""The driver of `Parts` behind its line, as its process has it (rig/standby/nic/main.py); whatever kills one, the line stays."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, TypeVar

from rig.standby.nic.loop import Loop
from rig.standby.nic.pass_through import PassThrough
from rig.standby.nic.server import LineToSystem, Server
from rig.standby.wire import nic
from rig.standby.wire.line import Line, Received, What, pair
from rig.standby.wire.message import Call, Notice, decoded_answer

if TYPE_CHECKING:
    from .conftest import Parts

R = TypeVar("R")


class Served:
    """`line` is the system's end. The driver that is there at first says nothing over it by itself."""

    def __init__(self, parts: Parts, stack: ExitStack) -> None:
        ours, theirs = pair()
        stack.callback(ours.close)
        stack.callback(theirs.close)
        self.line: Line[Any] = Line(ours, nic.FromDriver)
        self.line.sock.setblocking(False)
        self.heard: list[Notice] = []
        """Notices that came before an answer."""
        self._parts = parts
        self._end: Line[nic.ToDriver] = Line(theirs, nic.ToDriver)
        parts.tells = self._begin
        self._begin(parts.loop)
        self.serve()
        stack.callback(lambda: parts.loop.unwatch(theirs.fileno()))

    def _begin(self, loop: Loop) -> Callable[[Notice], None]:
        self._to_system = LineToSystem(self._end, loop)
        return self._to_system.tell

    def serve(self) -> None:
        """Let the driver that is there now serve the line, beginning with what the one before owes."""
        parts = self._parts
        passing = PassThrough(parts.link, parts.loop, lambda *_: None)
        server = Server(self._end, self._to_system, parts.driver, passing, dict, parts.timeline, parts.loop)
        server.owe(parts.owed)
        parts.loop.watch(self._end.fileno(), server.readable)

    def start_driver_anew(self, *, adopting: bool = True) -> None:
        """It serves the line from then on. `adopting`: it is given its descriptors."""
        if adopting:
            self._parts.start_driver_anew()
        else:
            self._parts.replace_driver()
        self.serve()

    def woke(self) -> list[nic.Woke]:
        """Of what was heard."""
        return [notice for notice in self.heard if isinstance(notice, nic.Woke)]

    def answer(self) -> Received[Any]:
        """The next one."""
        answers: list[Received[Any]] = []

        def answered() -> bool:
            received = self.receive()
            if received is not None and received.what is not What.NOTICE:
                answers.append(received)
            return bool(answers)

        self._parts.until(answered, "no answer", timeout_s=5)
        return answers[0]

    def result(self, call: Call[R], number: int, *, descriptor: int | None = None) -> R:
        """Of that call, which is answered next."""
        self.line.send_call(number, call, [descriptor] if descriptor is not None else [])
        answer = self.answer()
        assert (answer.number, answer.what) == (number, What.RESULT), answer
        return decoded_answer(call, answer.body)

    def until_woke(self) -> None:
        """Some driver has said it, and it is so."""
        self._parts.until(lambda: bool(self.woke() or (self.receive() and self.woke())), "nobody says that the host is awake")
        self._parts.until(lambda: self._parts.driver.idle, "the driver is not idle")

    def receive(self) -> Received[Any] | None:
        """What comes next, None when nothing has come."""
        try:
            received = self.line.receive()
        except BlockingIOError:
            return None
        assert received is not None
        if received.what is What.NOTICE:
            self.heard.append(received.body)
        return received


def now_ns() -> int:
    """Whoever says that it has heard a `Woke` now has heard all of them."""
    return time.monotonic_ns()
