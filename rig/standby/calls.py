"""Calls of the bench over a line: to the system, and to an app."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from collections.abc import Sequence
from typing import Any, TypeVar

from rig.clock import WAIT_S, Deadline
from rig.errors import BenchError
from rig.standby.news import News
from rig.standby.wire import bench
from rig.standby.wire.faults import error_of
from rig.standby.wire.hresult import ProcessGone
from rig.standby.wire.line import Line, Received, What
from rig.standby.wire.message import Call, decoded_answer

R = TypeVar("R")


class SystemRestarted(BenchError):
    """The system died with the call under way. Whether it was done is not known; the next call goes to a new system."""

    def __init__(self, status: str) -> None:
        cause = f"the standby service ended ({status}) before it answered, and was started anew"
        super().__init__("RIG-R28", cause, "see the test's output.txt and timeline.jsonl for its last words")


class Calls:
    """Calls over one line, one at a time; an answer that came too late for its call is passed over. `news`: of the host that the
    other end is a part of; `restarts`: the other end is the system, whose line outlives it."""

    def __init__(self, sock: socket.socket, incoming: Any, who: str, news: News | None = None, *, restarts: bool = False) -> None:
        self.line: Line[Any] = Line(sock, incoming)
        self._who = who
        self._news = news
        self._restarts = restarts
        self._deaths = 0
        self._lock = threading.Lock()
        self._number = 0

    def call(self, call: Call[R], fds: Sequence[int] = (), *, timeout_s: float) -> R:
        """Raises the fault's error, ProcessGone, SystemRestarted or TimeoutError; what has ended all of the host, at once."""
        with self._lock:
            deadline = Deadline(timeout_s)
            if self._news is not None and self._restarts:
                self._news.take()
                self._deaths = self._news.deaths  # before this call
                if self._news.over is not None:
                    raise self._why_gone()
            try:
                self._send(call, fds, timeout_s)
                received = self._answer(deadline)
            except (BrokenPipeError, ConnectionResetError):
                raise self._why_gone() from None
        if received.what is What.FAULT:
            raise error_of(received.body)
        return decoded_answer(call, received.body)

    def begin(self, call: Call[Any]) -> None:
        """Its answer is passed over. Raises ProcessGone."""
        with self._lock:
            try:
                self._send(call, (), WAIT_S)
            except (BrokenPipeError, ConnectionResetError):
                raise self._why_gone() from None

    def _send(self, call: Call[Any], fds: Sequence[int], timeout_s: float) -> None:
        self._number += 1
        self.line.sock.settimeout(timeout_s)
        self.line.send_call(self._number, call, fds)

    def _answer(self, deadline: Deadline) -> Received[Any]:
        while True:
            self._wait(deadline)
            received = self.line.receive()
            if received is None:
                raise self._why_gone()
            received.descriptors.close()
            if isinstance(received.body, bench.Failed):
                raise error_of(received.body.fault)
            if received.number == self._number:
                return received

    def _why_gone(self) -> Exception:
        """A system that was started anew and could not go on has said why, maybe before anybody asked. A line that was closed
        with something unread in it says so once, and gives its messages afterwards."""
        self.line.sock.setblocking(False)
        ends = 0
        with contextlib.suppress(OSError):
            while ends < 2:
                received = self.line.receive()
                if received is None:
                    ends += 1
                elif isinstance(received.body, bench.Failed):
                    return error_of(received.body.fault)
        if self._news is not None:
            self._news.take()
            if self._news.over is not None:
                return self._news.over
        return ProcessGone(self._who)

    def _wait(self, deadline: Deadline) -> None:
        """Until something comes. An answer that the system has given before it died counts."""
        lines = [self.line]
        if self._news is not None and self._restarts:
            lines.append(self._news.line)
        while True:
            poll = select.poll()
            for line in lines:
                poll.register(line, select.POLLIN)
            ready = [fd for fd, _ in poll.poll(deadline.remaining_s * 1000)]
            if self.line.fileno() in ready:
                return
            if not ready:
                raise TimeoutError(f"{self._who} does not answer")
            assert self._news is not None
            self._news.take()
            if self._news.over is not None:
                raise self._why_gone()
            if self._news.deaths > self._deaths:
                raise SystemRestarted(self._news.status)

    def close(self) -> None:
        self.line.close()
