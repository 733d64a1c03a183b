"""What the supervisor says of the host's processes to the bench, and that it is there at all."""

from __future__ import annotations

import contextlib
import socket
import threading

from rig.errors import BenchError, RigError
from rig.standby.wire import supervision
from rig.standby.wire.faults import error_of
from rig.standby.wire.hresult import HostError
from rig.standby.wire.line import Line


class HostGone(BenchError):
    """The supervisor has ended, and with it all of the host: nothing that is tested can do that."""

    def __init__(self) -> None:
        fix = "see the test's output.txt and timeline.jsonl for its last words; the next bench starts another"
        super().__init__("RIG-R29", "the standby host is gone: its supervisor was killed, or ended by itself", fix)


class News:
    """For any thread. `deaths` counts the systems that have ended, `status` says how the last one did."""

    def __init__(self, sock: socket.socket) -> None:
        self.pid = 0
        """The system's, as we can signal it."""
        self.companion_pids: dict[str, int] = {}
        """Of the processes beside it, by name; none of one that nobody has needed yet."""
        self.deaths = 0
        self.status = ""
        self.over: RigError | HostError | None = None
        """Why there is no host any more: what the supervisor gave up for, or that it is gone."""
        self._lock = threading.Lock()
        self._listen(sock)

    def listen(self, sock: socket.socket) -> None:
        """From now on to this supervisor, which is that of a machine that starts again."""
        with self._lock:
            self.line.close()
            self.over = None
            self.companion_pids.clear()
            self._listen(sock)

    def _listen(self, sock: socket.socket) -> None:
        self.line: Line[supervision.ToBench] = Line(sock, supervision.ToBench)
        self.line.sock.setblocking(False)

    def take(self) -> None:
        """Read what has come."""
        with self._lock, contextlib.suppress(BlockingIOError):
            while self.over is None:
                received = self.line.receive()
                match received.body if received is not None else None:
                    case supervision.SystemStarted(_, pid):
                        self.pid = pid
                    case supervision.CompanionStarted(name, pid):
                        self.companion_pids[name] = pid
                    case supervision.SystemEnded(status):
                        self.deaths, self.status = self.deaths + 1, status
                    case supervision.GivenUp(fault):
                        self.over = error_of(fault)
                    case None:
                        self.over = HostGone()

    def close(self) -> None:
        self.line.close()
