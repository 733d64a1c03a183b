"""A process for a program in Python that starts with what this one has imported: to import it anew costs half a second each time.

Its own are what the border is for: signals, descriptors 0 to 2, folder, environment, exit code and end. It is not for programs
that ask how they were started, nor for tests of what is imported.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, NoReturn

from rig.readable import readable

Program = Callable[[], int]
"""Gives the exit code, or ends by an exception as a program does."""

OURS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM)
"""What the pytest around this may have handlers for."""


class Forked:
    """The process: what pytester asks of a Popen."""

    stdin = None

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, -N for signal N. subprocess.TimeoutExpired after `timeout` s: it was killed."""
        if self.returncode is None:
            ended = self._ends_within(timeout)
            if not ended:
                os.kill(self.pid, signal.SIGKILL)
            self.returncode = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
            if not ended:
                raise subprocess.TimeoutExpired("a forked program", timeout or 0)
        return self.returncode

    def _ends_within(self, timeout: float | None) -> bool:
        fd = os.pidfd_open(self.pid)
        try:
            return readable(fd, timeout)
        finally:
            os.close(fd)


def start(program: Program, folder: Path, environment: Mapping[str, str], stdout: IO[Any], stderr: IO[Any]) -> Forked:
    """Nothing can be read from its stdin."""
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        _become(program, folder, environment, stdout.fileno(), stderr.fileno())
    return Forked(pid)


def run(program: Program, folder: Path, environment: Mapping[str, str], timeout: float) -> subprocess.CompletedProcess[str]:
    """Until its end, which comes within `timeout` s; with what it wrote."""
    with ExitStack() as files:
        out, err = (files.enter_context(TemporaryFile("w+")) for _ in range(2))
        code = start(program, folder, environment, out, err).wait(timeout)
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess([], code, out.read(), err.read())


def _become(program: Program, folder: Path, environment: Mapping[str, str], stdout: int, stderr: int) -> NoReturn:
    code = 1
    try:
        _leave_the_test(folder, environment, stdout, stderr)
        code = program()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # as an interpreter does
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except (OSError, ValueError):
                pass
        os._exit(code)  # what is registered at exit is the test's


def _leave_the_test(folder: Path, environment: Mapping[str, str], stdout: int, stderr: int) -> None:
    for number in OURS:
        signal.signal(number, signal.SIG_DFL if number != signal.SIGINT else signal.default_int_handler)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(stdout, 1)
    os.dup2(stderr, 2)
    sys.stdin, sys.stdout, sys.stderr = os.fdopen(0, closefd=False), *(os.fdopen(n, "w", closefd=False) for n in (1, 2))
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
