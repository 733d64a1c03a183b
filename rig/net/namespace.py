"""Network namespaces without names.

A namespace lives as long as somebody holds a reference: a process in it, a socket in it, or an open descriptor of
/proc/.../ns/net. The rig holds a descriptor and nothing else, so that the kernel frees everything - links, addresses,
bridge - when the rig ends, however it ends. A name would be a bind mount under /run/netns, which outlives a SIGKILL.

A thread has a network namespace of its own (setns(2), unshare(2)), so work inside is done by a thread that enters,
does it and ends; the calling thread never moves. Sockets belong to the namespace they were opened in, whoever uses
them later. /proc/net means the namespace of the main thread: inside, read /proc/thread-self/net.
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Generic, TypeVar

from rig.errors import BenchError
from rig.net import userns
from rig.net.userns import refusal

T = TypeVar("T")

Socket = socket.socket
"""Under another name, as Namespace has a method `socket`."""

CLONE_NEWNET = 0x40000000
"""sched.h"""

ETH_P_ALL = 0x0003
"""if_ether.h: every protocol."""

SO_RCVBUFFORCE = 33
PACKET_IGNORE_OUTGOING = 23
PACKET_ADD_MEMBERSHIP = 1
PACKET_MR_PROMISC = 1
SOL_PACKET = 263

RECEIVE_BUFFER_BYTES = 8 << 20
"""Holds some 10,000 small frames: longer than a busy two-core machine keeps a reader off the processor."""

_libc = ctypes.CDLL(None, use_errno=True)


class Namespace:
    """A network namespace held by `fd`. `name` is for messages only. Closing it frees what nobody else refers to."""

    def __init__(self, name: str, fd: int | None = None) -> None:
        """Make a new namespace, or adopt `fd` (from another process). Raises BenchError RIG-N01 or RIG-N02."""
        self.name = name
        self.fd = _Call(_unshare).result() if fd is None else fd

    def run(self, function: Callable[[], T]) -> T:
        """Run `function` in a thread inside the namespace (100 to 200 µs); its exceptions are raised here."""

        def inside() -> T:
            _check(_libc.setns(self.fd, CLONE_NEWNET), "setns")
            return function()

        return _Call(inside).result()

    def socket(self, family: int, kind: int, protocol: int = 0) -> Socket:
        """A socket of this namespace, usable by any thread and any process that inherits it."""
        return self.run(lambda: Socket(family, kind, protocol))

    def packet_socket(self, ifname: str, *, receive: bool = True, outgoing: bool = False) -> Socket:
        """A raw socket on `ifname`: whole Ethernet frames, promiscuous, deep buffer. `outgoing`: see sent frames too.

        Protocol 0 until bind: a socket opened with ETH_P_ALL would first collect frames of all interfaces.
        """

        def opened() -> Socket:
            sock = Socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            if receive:
                _listen_to_everything(sock, ifname, outgoing)
            sock.bind((ifname, ETH_P_ALL if receive else 0))
            return sock

        return self.run(opened)

    def enter_command(self) -> list[str]:
        """Prefix for a command line that is to run inside; the process needs `pass_fds=(ns.fd,)`."""
        return ["nsenter", f"--net=/proc/self/fd/{self.fd}", "--"]

    def outside_command(self) -> list[str]:
        """The same for a command of the same user that is no child of this process, while this process lives."""
        user = [f"--user=/proc/{os.getpid()}/ns/user", "--preserve-credentials"] if userns.entered() else []
        return ["nsenter", *user, f"--net=/proc/{os.getpid()}/fd/{self.fd}", "--"]

    def read_text(self, path: str) -> str:
        """A file of /proc or /sys as it reads inside, e.g. "/proc/thread-self/net/snmp"."""
        return self.run(Path(path).read_text)

    def close(self) -> None:
        """Let go of the namespace. A second call does nothing."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def __enter__(self) -> Namespace:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Namespace({self.name!r}, fd={self.fd})"


class _Call(Generic[T]):
    """One function call in a thread of its own. A thread, not a pool: a pooled one would stay in the namespace."""

    def __init__(self, function: Callable[[], T]) -> None:
        self._function = function
        self._value: list[T] = []
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="rig-netns", daemon=True)
        self._thread.start()

    def result(self) -> T:
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._value[0]

    def _work(self) -> None:
        try:
            self._value.append(self._function())
        except BaseException as error:
            self._error = error


def _unshare() -> int:
    _check(_libc.unshare(CLONE_NEWNET), "unshare")
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


def _check(result: int, call: str) -> None:
    if result == 0:
        return
    number = ctypes.get_errno()
    if number == errno.EPERM:
        raise refusal()
    raise BenchError("RIG-N06", f"{call} of a network namespace failed: {os.strerror(number)}", "rig doctor")


def _listen_to_everything(sock: Socket, ifname: str, outgoing: bool) -> None:
    """Receive options of a raw socket: buffer, direction, promiscuity (struct packet_mreq: ifindex, type, length, address)."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER_BYTES)
    except PermissionError:  # inside a user namespace, older kernels: as much as the system's limit allows
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
    sock.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 0 if outgoing else 1)
    index = socket.if_nametoindex(ifname)
    request = index.to_bytes(4, "little") + PACKET_MR_PROMISC.to_bytes(2, "little") + bytes(10)
    sock.setsockopt(SOL_PACKET, PACKET_ADD_MEMBERSHIP, request)
