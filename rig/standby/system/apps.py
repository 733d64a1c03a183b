"""App processes: start, suspend, resume, notice their end.

Suspension is SIGSTOP of the whole process, seen to have taken effect. A cgroup freezer would do the same but leaves its
directory behind when the rig is killed; a stopped process dies with its parent all the same.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

from rig.device.process import exit_words
from rig.process import outer_pid
from rig.standby.wire.from_app import FromApp
from rig.standby.wire.line import Line, pair
from rig.standby.wire.message import Notice
from rig.standby.wire.peer import Peer
from rig.timeline import TimelineWriter

LAST_STEPS_S = 0.5
"""From the end of a process's sockets to its exit status; a stopped one has none."""


@dataclass
class AppProcess:
    """One app. `open_reads`: completions begun and not yet returned; `tasks`: instances ordered and not yet done."""

    name: str
    process: subprocess.Popen[bytes]
    timeline: TimelineWriter
    granted: bool = True
    """What the user answers to an access request."""
    access: bool = False
    foreground: bool = True
    suspended: bool = False
    open_reads: int = 0
    tasks: set[int] = field(default_factory=set)
    peer: Peer[FromApp] | None = None
    """Its end of the line; set as soon as it is watched."""

    @property
    def outer_pid(self) -> int:
        """What a test can signal: it is outside of the host's PID namespace."""
        return outer_pid(self.process.pid)

    @property
    def busy(self) -> bool:
        return self.open_reads > 0 or bool(self.tasks)

    def suspend(self) -> None:
        """Stop it; returns when every thread has stopped."""
        if self.suspended:
            return
        self.process.send_signal(signal.SIGSTOP)
        _wait_stopped(self.process)
        self.suspended = True
        self.timeline.add("APP_SUSPEND", app=self.name)

    def resume(self, cause: str) -> None:
        if not self.suspended:
            return
        self.timeline.add("APP_RESUME", app=self.name, cause=cause)
        self.suspended = False
        self.process.send_signal(signal.SIGCONT)

    @property
    def has_unread(self) -> bool:
        """Whether it has said something that nobody has read yet."""
        return self.peer is not None and self.peer.has_unread

    def tell(self, notice: Notice) -> None:
        """Send it a message. It may have died a moment ago: then nothing, and the loop notices the closed socket."""
        if self.peer is not None:
            self.peer.notify(notice)

    def end(self) -> str:
        """After it hung up: how it ended, in words; it is killed when it does not."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(LAST_STEPS_S)
            return exit_words(self.process.returncode)
        self.kill()
        return "it hung up and was killed"

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


def start(
    name: str, entry: str, test_fd: int, timeline: TimelineWriter, environment: Mapping[str, str]
) -> tuple[AppProcess, Line[FromApp]]:
    """Start an app process; it reports with AppReady on the line. `test_fd` is the end that the test's calls come through."""
    ours, theirs = pair()
    fds = (theirs.fileno(), test_fd, timeline.fd)
    command = [sys.executable, "-m", "rig.standby.app.main", name, entry, str(os.getpid()), *map(str, fds)]
    process = subprocess.Popen(command, pass_fds=fds, env={**os.environ, **environment}, stdin=subprocess.DEVNULL)
    theirs.close()
    return AppProcess(name, process, timeline), Line(ours, FromApp)


def _wait_stopped(process: subprocess.Popen[bytes]) -> None:
    """WUNTRACED reports the stop; WNOWAIT leaves an exit status for Popen to find."""
    with contextlib.suppress(ChildProcessError):  # it ended instead; the loop notices the closed socket
        os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOHANG)
