"""Messages between the processes of a standby host: CBOR maps over Unix SEQPACKET sockets, descriptors beside them.

One send is one message, so two threads or a SIGSTOP in the middle can never tear one. A request carries `id` and gets
exactly one answer with the same number in `re`; a notice has no id. Errors of the host API cross as (hresult, text).
"""

from __future__ import annotations

import array
import itertools
import select
import socket
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import Any

import cbor2

from rig.standby.wire.hresult import HostError, from_wire

MESSAGE_BYTES = 128 * 1024
"""Upper bound of one message; below the kernel's default socket buffer of 208 KiB."""
FDS = 4
"""Most descriptors that one message carries."""


def pair() -> tuple[socket.socket, socket.socket]:
    """Two connected ends."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def send(sock: socket.socket, message: Mapping[str, Any], fds: Sequence[int] = ()) -> None:
    """Send one message. Raises OSError when the other side is gone."""
    data = cbor2.dumps(dict(message))
    if fds:
        sock.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))])
    else:
        sock.send(data)


def receive(sock: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    """The next message and its descriptors (the caller owns them); None when the other side is gone."""
    try:
        data, fds, _flags, _addr = socket.recv_fds(sock, MESSAGE_BYTES, FDS)
    except ConnectionResetError:
        return None
    return (cbor2.loads(data), fds) if data else None


def pending(sock: socket.socket) -> bool:
    """Whether a message waits to be received."""
    return bool(select.select([sock], [], [], 0)[0])


class Caller:
    """Requests over one socket from any thread; the owner of the socket's reader hands answers to `resolve`."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._ids = itertools.count(1)
        self._waiting: dict[int, Future[Any]] = {}
        self._lock = threading.Lock()

    def submit(self, do: str, fds: Sequence[int] = (), **arguments: Any) -> Future[Any]:
        """Send a request; the future ends with its result or a HostError."""
        future: Future[Any] = Future()
        with self._lock:
            number = next(self._ids)
            self._waiting[number] = future
        send(self.sock, {"id": number, "do": do, **arguments}, fds)
        return future

    def call(self, do: str, fds: Sequence[int] = (), *, timeout_s: float = 10.0, **arguments: Any) -> Any:
        """Send a request and wait for its answer. Raises HostError, or TimeoutError after `timeout_s`."""
        return self.submit(do, fds, **arguments).result(timeout_s)

    def notify(self, do: str, **arguments: Any) -> None:
        """Send a message that has no answer."""
        send(self.sock, {"do": do, **arguments})

    def resolve(self, message: Mapping[str, Any]) -> bool:
        """Take an answer; False when the message is none."""
        if "re" not in message:
            return False
        with self._lock:
            future = self._waiting.pop(message["re"], None)
        if future is not None:
            error = message.get("error")
            if error is None:
                future.set_result(message.get("ok"))
            else:
                future.set_exception(from_wire(error))
        return True

    def fail_all(self, error: Exception) -> None:
        """The other side is gone: end every request with `error`."""
        with self._lock:
            waiting, self._waiting = self._waiting, {}
        for future in waiting.values():
            future.set_exception(error)


def reply(request: Mapping[str, Any], result: Any = None, error: HostError | None = None) -> dict[str, Any] | None:
    """The answer to a request; None for a notice (no id), which gets none."""
    if "id" not in request:
        return None
    outcome = {"ok": result} if error is None else {"error": error.to_wire()}
    return {"re": request["id"], **outcome}


def answer(sock: socket.socket, request: Mapping[str, Any], result: Any = None, error: HostError | None = None) -> None:
    """Send the answer, if the request gets one."""
    message = reply(request, result, error)
    if message is not None:
        send(sock, message)
