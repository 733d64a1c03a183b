"""Child processes that die with the rig, whatever kills it.

The kernel sends a parent-death signal when the *thread* that started the child ends. So all children are started by one
thread that lives as long as the process. A rig that died before the child could ask for the signal is noticed by the child's
parent being another one then.

Ctrl-C, and the hang-up of a terminal that closes, go to every process of its foreground group. Children ignore both, and hand
that on to theirs: the rig ends them, in order, and nothing of theirs stands between the person and what the rig says. A
device has a session of its own besides, as QEMU sets handlers for both.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

DIE_WITH_PARENT = ("setpriv", "--pdeathsig", "KILL", "--", "sh", "-c", 'trap "" INT HUP; [ "$PPID" = "$0" ] && exec "$@"')
"""Followed by our pid and the command."""
WITHOUT_CTRL_C = ("sh", "-c", 'trap "" INT HUP; exec "$@"', "sh")
"""Followed by the command."""
STDERR_BYTES = 2000

_starter: tuple[int, ThreadPoolExecutor] | None = None


def _starter_thread() -> ThreadPoolExecutor:
    """One for each process: a fork does not take threads along."""
    global _starter
    if _starter is None or _starter[0] != os.getpid():
        _starter = os.getpid(), ThreadPoolExecutor(1, "starter")
    return _starter[1]


def start_child(argv: Sequence[str], pass_fds: Sequence[int], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """A child that asks for its own parent-death signal, started by the thread whose end would be taken for ours."""
    command = [*WITHOUT_CTRL_C, *argv]
    return (
        _starter_thread()
        .submit(subprocess.Popen, command, pass_fds=tuple(pass_fds), stdin=subprocess.DEVNULL, env=dict(environment))
        .result()
    )


def exit_words(code: int) -> str:
    """Popen's return code as a person says it."""
    if code >= 0:
        return f"exit status {code}"
    try:
        return f"signal {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"


class Child:
    """A running process; what it writes to stderr is kept in memory and put into error messages. `stdin`, `stdout`: descriptors,
    which stay the caller's."""

    def __init__(
        self, argv: Sequence[str], pass_fds: Sequence[int], stdin: int = subprocess.DEVNULL, stdout: int = subprocess.DEVNULL
    ) -> None:
        self._stderr_fd = os.memfd_create("stderr", os.MFD_CLOEXEC)
        command = [*DIE_WITH_PARENT, str(os.getpid()), *argv]
        self.process = _starter_thread().submit(self._spawn, command, tuple(pass_fds), stdin, stdout).result()

    def _spawn(self, argv: list[str], pass_fds: tuple[int, ...], stdin: int, stdout: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            argv, pass_fds=pass_fds, stdin=stdin, stdout=stdout, stderr=self._stderr_fd, start_new_session=True
        )

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def running(self) -> bool:
        return self.process.poll() is None

    def wait_unreaped(self) -> int:
        """Wait for its end and leave the exit status to others; as Popen's return code."""
        try:
            ended = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        except ChildProcessError:  # somebody waited for it already
            return self.process.wait()
        assert ended is not None
        return ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status

    def stderr(self) -> str:
        """The last of what it complained about."""
        size = os.fstat(self._stderr_fd).st_size
        return os.pread(self._stderr_fd, STDERR_BYTES, max(0, size - STDERR_BYTES)).decode(errors="replace").strip()

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        """Kill it and forget what it said. Safe to call twice."""
        if self._stderr_fd >= 0:
            self.kill()
            os.close(self._stderr_fd)
            self._stderr_fd = -1
