"""An app's process around XmlHttpRequest2, as far as it takes one: a crew, posted reads, completions; and a server on loopback
that says what a test wants, byte by byte."""

from __future__ import annotations

import re
import socket
import struct
import threading
import weakref
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from rig.clock import WAIT_S, Deadline
from rig.standby.api import session
from rig.standby.api.posted_read import PostedRead
from rig.standby.api.session import EntryPoint
from rig.standby.api.xhr import ResponseStream, XmlHttpRequest2, XmlHttpRequest2Callback
from rig.standby.app.completions import Completions
from rig.standby.app.crew import Crew
from rig.standby.app.faults import AppFaults
from rig.standby.app.posted_reads import PostedReads
from rig.standby.wire.message import Notice
from rig.timeline import Timeline, TimelineWriter

LEGAL = re.compile(r"(redirect )*(headers (data )*)?(response|error) ")
"""What an app may hear of one request without REPORT_REDIRECT_STATUS."""


class XhrProcess:
    """Fulfils `rig.standby.api.App` for requests of no channel; `told` is what the system would hear."""

    name, instance, in_task = "xhr", 1, False
    data_folder = trusted = Path("/nowhere")

    def __init__(self, timeline: Timeline) -> None:
        self.timeline: TimelineWriter = timeline
        self.entry_points: dict[str, EntryPoint] = {}
        self.told: list[Notice] = []
        faults = AppFaults(self.name, self.instance, timeline)
        crew = self._crew = Crew(faults)
        self._reads = PostedReads(crew, self.told.append, Completions(faults, self.told.append, crew).add)
        crew.start()

    def post(self, operation: PostedRead) -> None:
        self._reads.post(operation)

    def withdraw(self, operation: PostedRead) -> None:
        self._reads.withdraw(operation)

    def notify(self, notice: Notice) -> None:
        self.told.append(notice)

    def add_work(self, lane: Hashable, work: Callable[[], None]) -> None:
        self._crew.add(lane, work)

    def call(self, call: Any, fds: Sequence[int] = ()) -> NoReturn:
        raise AssertionError(f"a request of no channel asks the system for nothing: {call}")

    fetch = submit = call


def lived(directory: Path) -> Iterator[Timeline]:
    """This process is the app's until the generator goes on; its crew has threads for as long as tests run."""
    timeline = Timeline(directory / "timeline.jsonl")
    before = session._current
    session.enter(XhrProcess(timeline))
    yield timeline
    session._current = before


class Heard(XmlHttpRequest2Callback):
    """All that was called, in order; `does` is done in the call of that name."""

    def __init__(self, does: dict[str, Callable[[XmlHttpRequest2], None]] | None = None) -> None:
        self.calls: list[str] = []
        self.body = b""
        self.error = 0
        self._does = does or {}
        self._changed = threading.Condition()

    def on_redirect(self, xhr: XmlHttpRequest2, redirect_url: str) -> None:
        self._called("redirect", xhr)

    def on_headers_available(self, xhr: XmlHttpRequest2, status: int, status_text: str) -> None:
        self._called("headers", xhr)

    def on_data_available(self, xhr: XmlHttpRequest2, stream: ResponseStream) -> None:
        self.body += stream.read()
        self._called("data", xhr)

    def on_response_received(self, xhr: XmlHttpRequest2, stream: ResponseStream) -> None:
        self.body += stream.read()
        self._called("response", xhr)

    def on_error(self, xhr: XmlHttpRequest2, error: int) -> None:
        self.error = error
        self._called("error", xhr)

    def wait(self, *calls: str) -> None:
        """Until one of these was called."""
        with self._changed:
            assert self._changed.wait_for(lambda: set(calls) & set(self.calls), WAIT_S), f"no {calls}, but {self.calls}"

    def wait_end(self) -> None:
        """The last call, and that it is one of a right row."""
        self.wait("response", "error")
        assert LEGAL.fullmatch("".join(f"{call} " for call in self.calls)), self.calls

    def _called(self, call: str, xhr: XmlHttpRequest2) -> None:
        with self._changed:
            self.calls.append(call)
            self._changed.notify_all()
        if call in self._does:
            self._does[call](xhr)


class Server:
    """Answers each connection's request with the next of `answers`, and all that follow with the last: pieces, each sent by
    itself, then "fin", "rst", "hold", or "again": the connection is there for the next request."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.answers: list[tuple[Sequence[bytes], str]] = []
        self.said = threading.Event()
        """All pieces of an answer are the kernel's."""
        self.connections: list[socket.socket] = []
        self.asked: list[bytes] = []
        """Heads of requests, as they came."""
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}/"

    def forget(self) -> None:
        """Its ends of the connections so far."""
        self._end(self.connections)
        self.connections.clear()

    def close(self) -> None:
        self._end([self._listener, *self.connections])

    def _end(self, sockets: list[socket.socket]) -> None:
        for sock in sockets:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.connections.append(sock)
                threading.Thread(target=self._answer, args=(sock,), daemon=True).start()

    def _answer(self, sock: socket.socket) -> None:
        with suppress(OSError):
            while self._answered(sock):
                pass

    def _answered(self, sock: socket.socket) -> bool:
        """Whether the connection may have another request."""
        asked = b""
        while b"\r\n\r\n" not in asked:
            if not (data := sock.recv(4096)):
                return False
            asked += data
        self.asked.append(asked)
        pieces, then = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        for piece in pieces:
            sock.sendall(piece)
        self.said.set()
        if then == "rst":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if then in ("fin", "rst"):
            sock.close()
        return then == "again"


def sent(url: str, heard: Heard) -> XmlHttpRequest2:
    xhr = XmlHttpRequest2()
    xhr.open("GET", url, heard)
    xhr.send()
    return xhr


def gone(reference: weakref.ref[XmlHttpRequest2]) -> bool:
    """By itself, without a search for circles; whoever still has it on its stack is through with it in a moment."""
    deadline = Deadline(WAIT_S)
    while reference() is not None and not deadline.expired:
        deadline.pause()
    return reference() is None
