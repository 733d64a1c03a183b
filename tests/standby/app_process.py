"""An app in a process of its own, with the test in the place of the system."""

from __future__ import annotations

import queue
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from rig.standby.calls import Calls
from rig.standby.wire import from_app
from rig.standby.wire.descriptors import Descriptors, WithDescriptors
from rig.standby.wire.faults import fault_of
from rig.standby.wire.from_app import FromApp
from rig.standby.wire.hresult import HostError
from rig.standby.wire.line import Line, Malformed, Received, What, datagram, pair, send_datagram
from rig.standby.wire.message import Notice
from rig.standby.wire.supervision import AppBirth, TaskLimits
from rig.standby.wire.to_app import Invoke
from rig.timeline import Timeline

M = TypeVar("M")
PATIENCE_S = 10.0
INSTANCE = 7
ALONE = """
import sys
from rig.standby.app.main import main
from rig.standby.supervisor.forked import live
from rig.standby.wire.supervision import AppBirth, TaskLimits
live(lambda: main(eval(sys.argv[1])))
"""
"""An app without a supervisor, which would fork it."""


class AppProcess:
    """A context manager. Calls of the app are answered with None, or as `answers` says."""

    def __init__(self, timeline: Timeline, entry: str = "small_apps:SmallApp", *, task: TaskLimits | None = None) -> None:
        """`task`: a task host, which nobody asks for a method."""
        self.timeline = timeline
        self.answers: dict[type[Any], Callable[[Any], Any]] = {}
        """What a call of that class gets; a HostError raised there is its fault."""
        self.brought = Descriptors()
        """With the call that is answered just now."""
        self._heard: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._passed_over: list[Any] = []
        ours, theirs = pair()
        test_end, app_end = pair()
        fds = (theirs.fileno(), app_end.fileno(), timeline.fd)
        path = [str(Path(__file__).parent), *filter(None, sys.path)]
        test_fd = app_end.fileno() if task is None else None
        birth = AppBirth("small", INSTANCE, entry, path, theirs.fileno(), test_fd, timeline.fd, task)
        self.process = subprocess.Popen([sys.executable, "-c", ALONE, repr(birth)], pass_fds=fds)
        theirs.close()
        app_end.close()
        self.line: Line[FromApp] = Line(ours, FromApp)
        self._test = Calls(test_end, Invoke, "the app")
        self._server = threading.Thread(target=self._serve)
        self._server.start()
        self.expect(from_app.AppReady if task is None else from_app.TaskHostReady)

    def ask(self, method: str, *, timeout_s: float = PATIENCE_S, **arguments: Any) -> Any:
        """Call a method of the app."""
        return self._test.call(Invoke(method, arguments), timeout_s=timeout_s)

    def tell(self, notice: Notice) -> None:
        self.line.send_notice(notice)

    def hang_up(self) -> None:
        """As a system does that is done with it."""
        self.line.sock.shutdown(socket.SHUT_RDWR)

    def expect(self, wanted: type[M]) -> M:
        """The next message of that class. Raises queue.Empty."""
        for at, message in enumerate(self._passed_over):
            if isinstance(message, wanted):
                del self._passed_over[at]
                return message
        while not isinstance(message := self._heard.get(timeout=PATIENCE_S), wanted):
            self._passed_over.append(message)
        return message

    def _serve(self) -> None:
        while (received := self._next()) is not None:
            with received.descriptors:
                if received.what is What.CALL:
                    self._answer(received)
            self._heard.put(received.body)

    def _next(self) -> Received[FromApp] | None:
        """What is no message is refused, as by a system."""
        while True:
            try:
                return self.line.receive()
            except Malformed as malformed:
                if malformed.what is What.CALL:
                    self.line.send_fault(malformed.number, fault_of(malformed.as_host_error(), "the app's call"))

    def _answer(self, received: Received[FromApp]) -> None:
        call: Any = received.body
        self.brought = received.descriptors
        try:
            given = self.answers.get(type(call))
            answer = given(call) if given else None
        except HostError as error:
            self.line.send_fault(received.number, fault_of(error, type(call).__name__))
        else:
            body, fds = (answer.answer, answer.fds) if isinstance(answer, WithDescriptors) else (answer, ())
            send_datagram(self.line.sock, datagram(What.RESULT, received.number, body), fds)

    def __enter__(self) -> AppProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self._test.close()
        self.process.kill()
        self.process.wait()
        self._server.join()
        self.line.close()


def server() -> socket.socket:
    """Listens on the loopback interface."""
    sock = socket.create_server(("127.0.0.1", 0))
    sock.settimeout(PATIENCE_S)
    return sock
