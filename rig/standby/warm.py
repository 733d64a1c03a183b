"""The warm process: it has imported all that the processes of a standby host need, and forks them.

    python -m rig.standby.warm LINE_FD PARENT_PID

One for each test process, whatever the number of its benches (rig/standby/launch.py starts it). It is process 1 of a PID
namespace of its own, so that whatever ends it ends all that it has forked; a keeper outside, the test process's child, ends it
when the test process ends, however that ends. It has one thread, no code of a test, and no descriptor of a bench: what a bench
hands over goes to the process that is forked for it.
"""

from __future__ import annotations

import contextlib
import gc
import os
import select
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from typing import NoReturn

from rig.process import close_all_fds_but, die_with_parent, die_with_this_parent, new_pid_namespace
from rig.standby.wire.birth import FDS, FORK, be_born

Programs = Mapping[str, Callable[[bytes], None]]


def main(arguments: list[str]) -> None:
    line_fd, parent_pid = map(int, arguments)
    die_with_parent(parent_pid)
    with socket.socket(fileno=line_fd) as line:
        try:
            new_pid_namespace()
        except OSError as error:
            line.send(f"no {error.errno} {error.strerror}".encode())
            return
        keeper_reads, keeper_holds = os.pipe()
        if child := os.fork():
            close_all_fds_but([keeper_holds])
            os.waitpid(child, 0)
            os._exit(0)
        os.close(keeper_holds)
        die_with_this_parent()
        if select.select([keeper_reads], [], [], 0)[0]:  # it had died before we asked for the signal
            os._exit(0)
        os.close(keeper_reads)
        _serve(line, _programs())


def _programs() -> Programs:
    """What it can fork, imported. Frozen: no collection of garbage in a fork touches, and so copies, the pages of this one."""
    from rig.standby.system import service

    gc.collect()
    gc.freeze()
    return {"service": service.main}


def _serve(line: socket.socket, programs: Programs) -> None:
    """Fork one process a message, until the test process hangs up."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps: the bench waits on a descriptor of the process
    while True:
        message, fds, flags, _ = socket.recv_fds(line, 64, FDS)
        if message != FORK or flags & socket.MSG_CTRUNC:
            os._exit(0)
        child = os.fork()
        if child == 0:
            _become(programs, fds)
        _answer(line, child)
        for fd in fds:
            os.close(fd)


def _answer(line: socket.socket, child: int) -> None:
    pidfd = os.pidfd_open(child)
    try:
        socket.send_fds(line, [b"ok"], [pidfd])
    except OSError:  # nobody is there any more
        os._exit(0)
    os.close(pidfd)


def _become(programs: Programs, fds: list[int]) -> NoReturn:
    """In the child."""
    try:
        birth = be_born(fds)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        os._exit(1)
    run(programs[birth.program], birth.config)


def run(program: Callable[[bytes], None], config: bytes) -> NoReturn:
    """A fork's whole life. It ends without the interpreter's clean-up, which belongs to the process that it was forked from."""
    code = 1
    try:
        program(config)
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        os._exit(code)


if __name__ == "__main__":
    main(sys.argv[1:])
