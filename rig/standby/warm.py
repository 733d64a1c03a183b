"""The warm process: it has imported all that the processes of a standby host need, and forks a supervisor for each bench.

    python -m rig.standby.warm LINE_FD PARENT_PID

One for each test process, whatever the number of its benches (rig/standby/launch.py starts it). It is process 1 of a PID
namespace of its own, so that whatever ends it ends all that it has forked; a keeper outside, the test process's child, ends it
when the test process ends, however that ends. It has one thread, no code of a test, and no descriptor of a bench: what a bench
hands over goes to the process that is forked for it.
"""

from __future__ import annotations

import gc
import importlib
import os
import signal
import socket
import sys
from collections.abc import Hashable

from rig import open_files
from rig.decoders import decoded, decoder_of
from rig.process import (
    close_all_fds_but,
    die_with_parent,
    die_with_this_parent,
    enter_pid_namespace,
    name_process,
    new_pid_namespace,
)
from rig.push_line import FromService
from rig.readable import readable
from rig.standby.supervisor.forked import live
from rig.standby.supervisor.supervisor import Programs, Supervisor
from rig.standby.wire.bench import FromBench
from rig.standby.wire.birth import FDS, FORK, Birth, be_born
from rig.standby.wire.from_app import FromApp
from rig.standby.wire.message import answer_types
from rig.standby.wire.nic import FromDriver, ToDriver
from rig.standby.wire.supervision import AppBirth, FromSystem, HostBirth, ToSystem
from rig.standby.wire.to_app import Invoke, ToApp
from rig.standby.wire.transfers import FromTransfers, ToTransfers

LATE = ("encodings.idna", "serial", "smp.error", "smp.image_management", "smp.os_management")
"""Imported late by what is forked, in every bench."""
OF_APPS = ("rig.standby.api.http.client", "rig.standby.api.websockets", "rig.standby.api.xhr")
"""What many apps import: 30 modules for a WebSocket."""

LINES = (FromApp, ToApp, Invoke, FromBench, FromSystem, ToSystem, FromDriver, ToDriver, FromTransfers, ToTransfers, FromService)
"""What processes tell one another, most of it in unions."""


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
        if readable(keeper_reads, 0):  # it had died before we asked for the signal
            os._exit(0)
        os.close(keeper_reads)
        _serve(line, _programs())


def _programs() -> Programs:
    """What is forked, imported, and what that imports late: a fork would do so for itself, each time. Frozen: no collection of
    garbage in a fork touches, and so copies, the pages of this one."""
    for late in (*LATE, *OF_APPS):
        importlib.import_module(late)
    from rig.standby.app import main as app
    from rig.standby.nic import main as driver
    from rig.standby.nic.settings import DriverSettings
    from rig.standby.system import service
    from rig.standby.transfers import main as transfers
    from rig.standby.transfers.settings import TransferSettings

    _make_decoders(HostBirth, service.ServiceConfig, DriverSettings, TransferSettings, AppBirth)
    sys.path_importer_cache.clear()  # an app looks anew; throwing away what it does not use would copy 500 pages in each fork
    gc.collect()
    gc.freeze()
    return Programs(service.main, app.main, app.wait_for_birth, driver.main, transfers.main)


def _make_decoders(*births: Hashable) -> None:
    """Of what every bench tells its processes, at their births and later."""
    for kind in (Birth, *births, *LINES, *answer_types()):
        decoder_of(kind)


def _serve(line: socket.socket, programs: Programs) -> None:
    """Fork one supervisor a message, until the test process hangs up."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps: the bench waits on a descriptor of the process
    own_namespace = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
    while True:
        message, fds, flags, _ = socket.recv_fds(line, 64, FDS)
        if message != FORK or flags & socket.MSG_CTRUNC:
            os._exit(0)
        try:
            _answer(line, _fork(programs, fds, own_namespace))
        except OSError as error:
            line.send(f"no {error.errno} {error.strerror}".encode())
        for fd in fds:
            os.close(fd)


def _fork(programs: Programs, fds: list[int], own_namespace: int) -> int:
    """A supervisor, process 1 of a namespace below ours. Raises OSError."""
    new_pid_namespace()
    try:
        child = os.fork()
        if child == 0:
            live(lambda: _become(programs, fds))
    finally:
        enter_pid_namespace(own_namespace)
    return child


def _become(programs: Programs, fds: list[int]) -> None:
    birth = be_born(fds)
    name_process("supervisor")
    open_files.allow_all()
    Supervisor(decoded(HostBirth, birth.config), birth.numbers, programs).run()


def _answer(line: socket.socket, child: int) -> None:
    pidfd = os.pidfd_open(child)
    try:
        socket.send_fds(line, [b"ok"], [pidfd])
    finally:
        os.close(pidfd)


if __name__ == "__main__":
    main(sys.argv[1:])
