"""What a control channel may be bound to, and what has posted reads: a socket of the app's.

A read is posted with a handler; when something for it, the end of the stream or an error is there, the runtime receives it, sets
the status and calls the handler once.
"""

from __future__ import annotations

import itertools
import socket
import threading
from typing import ClassVar

from rig.clock import Deadline
from rig.standby.api import session
from rig.standby.api.posted_read import PostedRead
from rig.standby.wire.app_channels import ConnectBegin, ConnectEnd
from rig.standby.wire.app_types import WORDS_LENGTH
from rig.standby.wire.from_app import TransportClosed
from rig.standby.wire.hresult import HostError, HResult

MAX_PORT = 65_535

_ids = itertools.count(1)


class Transport:
    """Bind it to a channel before it connects (ControlChannelTrigger.using_transport). Any thread may call.

    A kind of it says how it connects in `_connected`, and how it greets its peer in `_greet`.
    """

    one_use: ClassVar[bool] = False
    """Bound once and then let go: one that the channel had before takes a place of its own while the app keeps it (CXR-003)."""

    def __init__(self) -> None:
        self.socket_id = next(_ids)
        self.channel_id: str | None = None
        self.keep_alive = False
        """TCP keep-alives of the kernel, from `connect` on. A channel's transport has none, whatever it says (CCT-038)."""
        self._lock = threading.Lock()
        """For the four below; nothing is waited for under it, as whoever listens takes it too."""
        self._given = False
        """It is the broker's, or about to be: nobody uses this object any more (SAT-011)."""
        self._connecting = False
        self._socket: socket.socket | None = None
        self._pending: PostedRead | None = None

    # -- what a kind of it says ----------------------------------------------------------------------------------------

    def _connected(self, host: str, port: int, timeout_s: float) -> socket.socket:
        """Raises OSError, or what the resolver thinks of a host or a port that cannot be one."""
        raise NotImplementedError

    def _greet(self, sock: socket.socket, deadline: Deadline) -> None:
        """Whatever has to be agreed with the peer before the app has a connection. Raises OSError."""

    def push_enabled(self) -> None:
        """The channel that it is bound to has its slot: what receives by itself begins. Again: nothing."""

    def check_bind(self) -> None:
        """Before it is bound to a channel. Raises HostError ILLEGAL_METHOD_CALL."""

    @property
    def held(self) -> bool:
        """Of one use: whether it counts, now that the app still has it."""
        return True

    def lost(self) -> None:
        """The system says that its connection is dead."""
        self.abort()

    @property
    def established(self) -> bool:
        """Whether there is a connection of the kernel's that is still open both ways."""
        return False

    def wait_acknowledged(self, timeout_s: float) -> None:
        """Until the peer has acknowledged all, or never will, or `timeout_s` is over."""

    def settled(self) -> bool:
        """Waits while it connects by itself. False: that has failed, and the system need not be asked for more."""
        return True

    # -- connecting ----------------------------------------------------------------------------------------------------

    @property
    def connected(self) -> bool:
        return self._socket is not None

    def _connect(self, host: str, port: int, timeout_s: float) -> None:
        """Raises OSError of the kernel, or HostError NO_SLOT when no slot is free for the bound channel (CCT-020). Whatever it
        raises, nothing is open afterwards and the system knows that."""
        check_port(port)
        with self._lock:
            self._check_own("connect")
            if self._socket is not None or self._connecting:
                raise HostError(HResult.ILLEGAL_METHOD_CALL, f"socket {self.socket_id} is connected already, or about to be")
            self._connecting = True
        try:
            connect = self._greeted if self.channel_id is None else self._bound
            self._socket = connect(host, port, timeout_s)
        finally:
            self._connecting = False

    def _greeted(self, host: str, port: int, timeout_s: float) -> socket.socket:
        deadline = Deadline(timeout_s)
        sock = self._connected(host, port, timeout_s)
        try:
            self._greet(sock, deadline)
        except BaseException:
            sock.close()
            raise
        return sock

    def _bound(self, host: str, port: int, timeout_s: float) -> socket.socket:
        """Connected, and in the system's hands too: a channel's transport is what it hands to the device."""
        app, channel = session.current(), self.channel_id
        assert channel is not None
        app.call(ConnectBegin(channel, self.socket_id, host, port))
        try:
            sock = self._greeted(host, port, timeout_s)
        except BaseException as error:
            app.call(ConnectEnd(channel, self.socket_id, _words(error)))
            raise
        try:
            app.call(ConnectEnd(channel, self.socket_id), [sock.fileno()])
        except BaseException:
            sock.close()
            raise
        return sock

    # -- posted reads --------------------------------------------------------------------------------------------------

    def _post(self, operation: PostedRead) -> None:
        """One at a time. Raises HostError ILLEGAL_METHOD_CALL."""
        with self._lock:
            self._opened("a read")
            if self._pending is not None:
                raise HostError(HResult.ILLEGAL_METHOD_CALL, f"socket {self.socket_id} already has a posted read")
            self._pending = operation
        self._wait_for(operation)

    def _wait_for(self, operation: PostedRead) -> None:
        """The pending one."""
        app = session.current()
        app.timeline.add(
            "READ_POST", app=app.name, instance=app.instance, socket=operation.socket_id, channel=operation.channel_id
        )
        app.post(operation)

    def _release(self, operation: PostedRead) -> None:
        with self._lock:
            if self._pending is operation:
                self._pending = None

    # -- the socket ----------------------------------------------------------------------------------------------------

    def set_option(self, level: int, option: int, value: int) -> None:
        """As setsockopt(2), e.g. the traffic class. Raises OSError; HostError INVALID_ARG for TCP keep-alives of a channel's
        transport (CCT-038)."""
        if self.channel_id is not None and (level, option) == (socket.SOL_SOCKET, socket.SO_KEEPALIVE) and value:
            raise HostError(HResult.INVALID_ARG, "the transport of a channel has no TCP keep-alives of its own")
        self._opened("set_option").setsockopt(level, option, value)

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
        if self.channel_id is not None:
            session.current().notify(TransportClosed(self.channel_id, self.socket_id))

    def _check_own(self, call: str) -> None:
        """Raises HostError ILLEGAL_METHOD_CALL."""
        if self._given:
            raise HostError(HResult.ILLEGAL_METHOD_CALL, f"{call} on socket {self.socket_id}, which was given to the broker")

    def _opened(self, call: str) -> socket.socket:
        self._check_own(call)
        sock = self._socket
        if sock is None:
            raise HostError(HResult.ILLEGAL_METHOD_CALL, f"{call} on socket {self.socket_id}, which is not connected")
        return sock


def check_port(port: int) -> None:
    """getaddrinfo(3) and the kernel would take it modulo 65,536. Raises HostError INVALID_ARG."""
    if not 0 <= port <= MAX_PORT:
        raise HostError(HResult.INVALID_ARG, f"port {port}, 0 to {MAX_PORT} allowed")


def _words(error: BaseException) -> str:
    return (str(error) or type(error).__name__)[:WORDS_LENGTH]


def _shut_down(sock: socket.socket) -> None:
    """Both ways. The peer may have gone first, or another thread has closed it."""
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
