"""StreamSocket: a TCP socket with posted reads.

A read is posted with a handler; when data, end of stream or an error is there, the runtime receives it, sets the status
and calls the handler once. Zero bytes with status COMPLETED mean that the server closed (CCT-040).
"""

from __future__ import annotations

import errno
import itertools
import socket
import threading
import time
from collections.abc import Callable

from rig.clock import Deadline
from rig.net.tcp_info import TCP_ESTABLISHED, queued_bytes, tcp_info
from rig.standby.api import session
from rig.standby.api.read_operation import HAND_BACK_PAUSE_S, HAND_BACK_PAUSES, ReadOperation
from rig.standby.wire.from_app import WORDS_LENGTH, ConnectBegin, ConnectEnd
from rig.standby.wire.hresult import HostError, HResult

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.00005, 0.002
"""From below a round trip on this machine to well below one of a real network."""

MAX_PORT = 65_535

_ids = itertools.count(1)


class StreamSocket:
    """A TCP client socket. Bind it to a channel before `connect` (ControlChannelTrigger.using_transport). Any thread may call."""

    def __init__(self) -> None:
        self.socket_id = next(_ids)
        self.channel_id: str | None = None
        self.keep_alive = False
        """TCP keep-alives of the kernel, from `connect` on. A channel's transport has none, whatever it says (CCT-038)."""
        self._lock = threading.Lock()
        """For the three below; nothing is waited for under it, as whoever listens takes it too."""
        self._connecting = False
        self._socket: socket.socket | None = None
        self._pending: ReadOperation | None = None

    @property
    def connected(self) -> bool:
        return self._socket is not None

    @property
    def established(self) -> bool:
        """Whether the kernel's connection is still open both ways."""
        sock = self._socket
        return sock is not None and tcp_info(sock).state == TCP_ESTABLISHED

    def connect(self, host: str, port: int, *, timeout_s: float = 10.0) -> None:
        """Connect. Raises OSError of the kernel, or HostError NO_SLOT when no slot is free for the bound channel (CCT-020).
        Whatever it raises, nothing is open afterwards and the system knows that."""
        if not 0 <= port <= MAX_PORT:  # getaddrinfo(3) would take it modulo 65,536
            raise HostError(HResult.INVALID_ARG, f"port {port}, 0 to {MAX_PORT} allowed")
        with self._lock:
            if self._socket is not None or self._connecting:
                raise HostError(HResult.ILLEGAL_METHOD_CALL, f"socket {self.socket_id} is connected already, or about to be")
            self._connecting = True
        try:
            connect = self._connected if self.channel_id is None else self._bound
            self._socket = connect(host, port, timeout_s)
        finally:
            self._connecting = False

    def _connected(self, host: str, port: int, timeout_s: float) -> socket.socket:
        return _connected(host, port, timeout_s, keep_alive=self.keep_alive)

    def _bound(self, host: str, port: int, timeout_s: float) -> socket.socket:
        """Connected, and in the system's hands too: a channel's transport is what it hands to the device."""
        app, channel = session.current(), self.channel_id
        assert channel is not None
        app.call(ConnectBegin(channel, self.socket_id, host, port))
        try:
            sock = self._connected(host, port, timeout_s)
        except BaseException as error:
            app.call(ConnectEnd(channel, self.socket_id, _words(error)))
            raise
        try:
            app.call(ConnectEnd(channel, self.socket_id), [sock.fileno()])
        except BaseException:
            sock.close()
            raise
        return sock

    def read_async(self, count: int, completed: Callable[[ReadOperation], None]) -> ReadOperation:
        """Post a read of up to `count` bytes (partial reads); `completed` runs on a thread of the app's crew, one at a time."""
        with self._lock:
            sock = self._opened("read_async")
            if self._pending is not None:
                raise HostError(HResult.ILLEGAL_METHOD_CALL, f"socket {self.socket_id} already has a posted read")
            operation = ReadOperation(sock, count, completed, self._release, socket_id=self.socket_id, channel_id=self.channel_id)
            self._pending = operation
        app = session.current()
        sock_id, channel_id = self.socket_id, self.channel_id
        app.timeline.add("READ_POST", app=app.name, instance=app.instance, socket=sock_id, channel=channel_id)
        app.post(operation)
        return operation

    def write(self, data: bytes) -> None:
        """Hand all of `data` to the kernel. An app that a wake continues may write before its socket is the host's again: it
        waits until then. Raises OSError."""
        sock, rest, pauses_left = self._opened("write"), memoryview(data), HAND_BACK_PAUSES
        while rest:
            try:
                rest = rest[sock.send(rest) :]
            except OSError as error:
                if error.errno != errno.EINVAL or not pauses_left:
                    raise
                pauses_left -= 1
                time.sleep(HAND_BACK_PAUSE_S)

    def set_option(self, level: int, option: int, value: int) -> None:
        """As setsockopt(2), e.g. the traffic class. Raises OSError; HostError INVALID_ARG for TCP keep-alives of a channel's
        transport (CCT-038)."""
        if self.channel_id is not None and (level, option) == (socket.SOL_SOCKET, socket.SO_KEEPALIVE) and value:
            raise HostError(HResult.INVALID_ARG, "the transport of a channel has no TCP keep-alives of its own")
        self._opened("set_option").setsockopt(level, option, value)

    def unsent_bytes(self) -> int:
        """Bytes that the peer has not acknowledged."""
        return queued_bytes(self._opened("unsent_bytes"))[1]

    def wait_acknowledged(self, timeout_s: float) -> None:
        """Until the peer has acknowledged all, or never will, or `timeout_s` is over. Asked again and again: the kernel tells of
        acknowledgements only on the error queue, and what lies there would complete posted reads."""
        deadline, pause_s = Deadline(timeout_s), FIRST_PAUSE_S
        while self.established and self.unsent_bytes() and not deadline.expired:
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    def abort(self) -> None:
        """The device found the peer gone (keep-alives lost): a posted read ends, as with a dead transport of any kind."""
        sock = self._socket
        if sock is not None:
            _shut_down(sock)

    def close(self) -> None:
        """Close; a posted read ends as cancelled. Closed already: nothing."""
        with self._lock:
            sock, self._socket = self._socket, None
            pending = self._pending
        if sock is None:
            return
        if pending is not None:
            session.current().withdraw(pending)
        _shut_down(sock)
        sock.close()

    def _release(self, operation: ReadOperation) -> None:
        with self._lock:
            if self._pending is operation:
                self._pending = None

    def _opened(self, call: str) -> socket.socket:
        sock = self._socket
        if sock is None:
            raise HostError(HResult.ILLEGAL_METHOD_CALL, f"{call} on socket {self.socket_id}, which is not connected")
        return sock


def _connected(host: str, port: int, timeout_s: float, *, keep_alive: bool) -> socket.socket:
    """Raises OSError, or what the resolver thinks of a host or a port that cannot be one."""
    sock = socket.create_connection((host, port), timeout_s)
    try:
        sock.settimeout(None)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, keep_alive)
    except BaseException:
        sock.close()
        raise
    return sock


def _words(error: BaseException) -> str:
    return (str(error) or type(error).__name__)[:WORDS_LENGTH]


def _shut_down(sock: socket.socket) -> None:
    """Both ways. The peer may have gone first, or another thread has closed it."""
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
