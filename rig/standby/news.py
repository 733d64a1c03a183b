"""What the supervisor says of the host's processes to the bench, and that it is there at all."""

from __future__ import annotations

import contextlib
import socket
import threading

from rig.clock import WAIT_S, Deadline
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
            self.over, self.pid = None, 0
            self.companion_pids.clear()
            self._listen(sock)

    def _listen(self, sock: socket.socket) -> None:
        self.line: Line[supervision.ToBench] = Line(sock, supervision.ToBench)
        self.line.sock.setblocking(False)

    def known_pid(self, companion: str | None = None) -> int:
        """Of the system, or of a process beside it that every host has. It may serve before its supervisor came to say which it
        is: 0 would be whoever asks, to kill(2). Raises what ended the host before it was said; BenchError RIG-R27."""
        deadline = Deadline(WAIT_S)
        while True:
            self.take()
            pid = self.pid if companion is None else self.companion_pids.get(companion, 0)
            if pid:
                return pid
            if self.over is not None:
                raise self.over
            if deadline.expired:
                cause = f"the supervisor has not said within {WAIT_S:.0f} s which process the {companion or 'system'} is"
                raise BenchError("RIG-R27", cause, "see the test's output.txt for its last words")
            deadline.pause()

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
