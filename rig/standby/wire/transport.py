"""A socket that an app hands over: its channel's transport, or one for the broker. What it sends may be any descriptor at all."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable

from rig.net.tcp_info import tcp_info
from rig.standby.wire.descriptors import Descriptors
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.socket_enums import SocketActivityKind

CHANNEL, BROKER = "no transport for a channel", "no socket for the broker"


def taken_transport(descriptors: Descriptors) -> socket.socket:
    """The message's one descriptor; whoever calls closes it. Raises HostError INVALID_ARG for what is no TCP connection, nor a
    connected UDP socket: of that one `is_datagram`, and no channel goes on with it."""

    def check(sock: socket.socket) -> None:
        if is_datagram(sock):
            _check_peer(sock)
        else:
            _check_connection(sock, CHANNEL)

    return _taken(descriptors, CHANNEL, check)


def taken_socket(descriptors: Descriptors, kind: SocketActivityKind) -> socket.socket:
    """As `taken_transport`: a TCP connection, a TCP socket that listens, or a UDP socket."""

    def check(sock: socket.socket) -> None:
        match kind:
            case SocketActivityKind.STREAM_SOCKET:
                _check_connection(sock, BROKER)
            case SocketActivityKind.STREAM_SOCKET_LISTENER:
                _check_tcp(sock, BROKER)
                if not _listens(sock):
                    raise _refused(BROKER, "a listener that does not listen")
            case SocketActivityKind.DATAGRAM_SOCKET if is_datagram(sock):
                pass
            case _:
                raise _refused(BROKER, f"a socket of type {sock.type!r} as a {kind.name}")

    return _taken(descriptors, BROKER, check)


def _taken(descriptors: Descriptors, what: str, check: Callable[[socket.socket], None]) -> socket.socket:
    if len(descriptors) != 1:
        raise _refused(what, f"{len(descriptors)} descriptors came with it, one is wanted")
    try:
        sock = descriptors.take_socket()
    except OSError as error:
        raise _refused(what, "its descriptor is no socket") from error
    assert sock is not None
    try:
        if sock.family not in (socket.AF_INET, socket.AF_INET6):
            raise _refused(what, f"a socket of the family {sock.family!r}")
        check(sock)
    except BaseException:
        sock.close()
        raise
    return sock


def _check_connection(sock: socket.socket, what: str) -> None:
    """It is connected, or was until a moment ago: a peer may reset it at any time."""
    _check_tcp(sock, what)
    if _listens(sock):
        raise _refused(what, "a socket that listens")
    try:
        tcp_info(sock)
        sock.getpeername()
    except OSError as error:
        if error.errno != errno.ENOTCONN or not _was_connected(sock):
            raise _refused(what, f"a socket that is not connected: {error.strerror}") from error


def _check_tcp(sock: socket.socket, what: str) -> None:
    if sock.type != socket.SOCK_STREAM or sock.proto != socket.IPPROTO_TCP:
        raise _refused(what, f"a socket of type {sock.type!r}, protocol {sock.proto}")


def _listens(sock: socket.socket) -> bool:
    return bool(sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))


def is_datagram(sock: socket.socket) -> bool:
    """UDP (CCT-050)."""
    return sock.type == socket.SOCK_DGRAM and sock.proto == socket.IPPROTO_UDP


def _check_peer(sock: socket.socket) -> None:
    try:
        sock.getpeername()
    except OSError as error:
        raise _refused(CHANNEL, f"a socket that is not connected: {error.strerror}") from error


def _was_connected(sock: socket.socket) -> bool:
    """A connection that was reset has no peer any more, but still its own port."""
    return bool(sock.getsockname()[1])


def _refused(what: str, why: str) -> HostError:
    return HostError(HResult.INVALID_ARG, f"{what}: {why}")
