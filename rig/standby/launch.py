"""Supervisors for benches, forked by the warm process. There is one for each test process, started when the first bench is built.

It may be killed, as any process: then the next fork starts another.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from rig.children import start_child
from rig.errors import BenchError
from rig.process import pid_namespace_refusal, pid_of
from rig.standby.wire import birth

IMPORT_TIMEOUT_S = 45.0
"""For the warm process's imports: 0.3 s on an idle machine, 20 s where thirty others want its two processors."""


class HostProcess:
    """A supervisor: process 1 of a PID namespace below ours, in which the whole host is. `pid` is the one that we can signal."""

    def __init__(self, pidfd: int) -> None:
        self._pidfd = pidfd
        self.pid = pid_of(pidfd)

    def wait(self, timeout_s: float | None = None) -> bool:
        """Whether it has ended, and with it all that is in its PID namespace."""
        poll = select.poll()
        poll.register(self._pidfd, select.POLLIN)
        return bool(poll.poll(None if timeout_s is None else timeout_s * 1000))

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone. Safe to call twice, also after `close`."""
        if self._pidfd >= 0:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
            self.wait()

    def close(self) -> None:
        """Kill it and forget it. Safe to call twice."""
        if self._pidfd >= 0:
            self.kill()
            os.close(self._pidfd)
            self._pidfd = -1


class _Warm:
    """The warm process and our end of its line."""

    def __init__(self) -> None:
        self.owner = os.getpid()
        self.line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = [sys.executable, "-P", "-m", "rig.standby.warm", str(theirs.fileno()), str(self.owner)]
        self.keeper: subprocess.Popen[bytes] = start_child(command, [theirs.fileno()], _environment())
        theirs.close()
        self.line.settimeout(IMPORT_TIMEOUT_S)

    def fork(self, fds: Sequence[int]) -> HostProcess | None:
        """None when it is gone. Raises BenchError."""
        try:
            socket.send_fds(self.line, [birth.FORK], fds)
            message, answered, _flags, _ = socket.recv_fds(self.line, 256, 1)
        except (BrokenPipeError, ConnectionResetError):
            return None
        except TimeoutError:
            cause = f"the warm process gives no answer in {IMPORT_TIMEOUT_S:g} s"
            raise BenchError("RIG-R20", cause, "its output stands above") from None
        if message.startswith(b"no "):
            raise pid_namespace_refusal(int(message.split()[1]))
        return HostProcess(answered[0]) if answered else None

    def close(self) -> None:
        """All that it has forked goes with it."""
        if self.owner == os.getpid():
            self.keeper.kill()
            self.keeper.wait()
        self.line.close()


_lock = threading.Lock()
_warm: _Warm | None = None


def warm_up() -> None:
    """Let the warm process import while the caller does something else."""
    with _lock:
        _here()


def fork(config: bytes, fds: Sequence[int] = ()) -> HostProcess:
    """A supervisor with our environment, working folder and output of now; its descriptors `fds` have the numbers that they
    have here. Raises BenchError."""
    sent, made = birth.descriptors(config, fds, dict(os.environb))
    try:
        with _lock:
            for _ in range(2):
                forked = _here().fork(sent)
                if forked is not None:
                    return forked
                _forget()
    except BaseException:  # its answer may still come, and would be taken for the next one's
        _forget()
        raise
    finally:
        for fd in made:
            os.close(fd)
    raise BenchError("RIG-R20", "the warm process ended before it forked the standby service", "its output stands above")


def _here() -> _Warm:
    """This process's own: a fork of the test process does not use its parent's."""
    global _warm
    if _warm is None or _warm.owner != os.getpid():
        _warm = _Warm()
    return _warm


@atexit.register
def _forget() -> None:
    global _warm
    if _warm is not None:
        _warm.close()
        _warm = None


def _environment() -> dict[str, str]:
    """It imports this very rig, wherever it was imported from."""
    package_parent = str(Path(__file__).resolve().parents[2])
    rest = os.environ.get("PYTHONPATH")
    return {**os.environ, "PYTHONPATH": package_parent + (os.pathsep + rest if rest else "")}
