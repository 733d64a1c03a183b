"""A real server's program, run on a machine of the bench: ended by its own id, and by the kernel when the rig ends."""

from __future__ import annotations

import errno
import os
import shutil
import socket
from typing import Self

from rig.children import Child
from rig.clock import WAIT_S, Deadline
from rig.errors import BenchError
from rig.net.namespace import Namespace
from rig.timeline import TimelineWriter

MIRROR = "libwebsockets-test-server"
"""Command and package: named here, as the file of that peer takes long to import."""
ADMINISTRATORS = "/usr/sbin"
"""Debian puts servers there, and it is in no user's PATH."""


def find(command: str, package: str) -> str:
    """Its path. Raises BenchError RIG-T01 that names Debian's package."""
    path = shutil.which(command, path=f"{os.environ.get('PATH', os.defpath)}{os.pathsep}{ADMINISTRATORS}")
    if path is None:
        raise BenchError("RIG-T01", f"{command} is not installed; only peers that are none of Python's need it", install(package))
    return path


def install(package: str) -> str:
    """The command that does."""
    return f"apt install --no-install-recommends {package}"


def free_port(namespace: Namespace, address: str) -> int:
    """A TCP port that nobody has. On a machine of the bench nobody takes it meanwhile."""
    with namespace.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.bind((address, 0))
        port: int = sock.getsockname()[1]
        return port


class Program:
    """A running one that listens on `address`, `port`. Context manager."""

    def __init__(self, argv: list[str], namespace: Namespace, address: str, timeline: TimelineWriter, port: int) -> None:
        """Returns once it listens. Raises BenchError RIG-T07 with what it complained about."""
        self.address, self.port = address, port
        self._timeline = timeline
        self._namespace = namespace
        self._argv = argv
        self._start()

    def restart(self) -> None:
        """It is killed, whatever it is at, and started again, on the same port. Raises BenchError RIG-T07."""
        self.close()
        self._start()

    def _start(self) -> None:
        self._child = Child([*self._namespace.enter_command(), *self._argv], [self._namespace.fd])
        try:
            self._wait_listening(self._argv[0])
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def running(self) -> bool:
        return self._child.running

    def connect(self) -> socket.socket:
        """A socket of the same machine, connected to it. Raises OSError."""
        sock = self._socket()
        try:
            sock.settimeout(WAIT_S)
            sock.connect((self.address, self.port))
        except OSError:
            sock.close()
            raise
        return sock

    def wait_ended(self, timeout_s: float = WAIT_S) -> None:
        """By itself. Raises AssertionError."""
        deadline = Deadline(timeout_s)
        while self.running:
            if deadline.expired:
                raise AssertionError(f"process {self.pid} did not end within {timeout_s} s")
            deadline.pause()

    def close(self) -> None:
        """Returns when its port is free: of several processes the last one ends a moment after the first. A second call does
        nothing. One that has ended by itself was not closed: that is not on the timeline."""
        if self.running:
            self._timeline.add("PEER_CLOSED", address=self.address, port=self.port)
        self._child.close()
        deadline = Deadline(WAIT_S)
        while self._is_bound() and not deadline.expired:
            deadline.pause()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _is_bound(self) -> bool:
        """Whether somebody listens there, who keeps all others from it."""
        with self._socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                sock.bind((self.address, self.port))
            except OSError as error:
                return error.errno == errno.EADDRINUSE
        return False

    def _socket(self) -> socket.socket:
        return self._namespace.socket(socket.AF_INET6 if ":" in self.address else socket.AF_INET, socket.SOCK_STREAM)

    def _wait_listening(self, program: str) -> None:
        deadline = Deadline(WAIT_S)
        while self.running and not deadline.expired:
            try:
                self.connect().close()
                return
            except OSError:
                deadline.pause()
        state = "does not listen" if self.running else "ended"
        raise BenchError("RIG-T07", f"{program} on {self.address} port {self.port} {state}: {self._child.stderr() or 'no word'}")
