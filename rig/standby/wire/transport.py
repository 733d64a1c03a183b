"""The connected socket that an app hands over as its channel's transport. What it sends may be any descriptor at all."""

from __future__ import annotations

import errno
import socket

from rig.net.tcp_info import tcp_info
from rig.standby.wire.descriptors import Descriptors
from rig.standby.wire.hresult import HostError, HResult


def taken_transport(descriptors: Descriptors) -> socket.socket:
    """The message's one descriptor; whoever calls closes it. Raises HostError INVALID_ARG for what is no TCP connection, nor a
    connected UDP socket: of that one `is_datagram`, and no channel goes on with it."""
    if len(descriptors) != 1:
        raise _refused(f"{len(descriptors)} descriptors came with it, one is wanted")
    try:
        sock = descriptors.take_socket()
    except OSError as error:
        raise _refused("its descriptor is no socket") from error
    assert sock is not None
    try:
        _check(sock)
    except BaseException:
        sock.close()
        raise
    return sock


def _check(sock: socket.socket) -> None:
    """It is connected, or was until a moment ago: a peer may reset it at any time."""
    if sock.family not in (socket.AF_INET, socket.AF_INET6):
        raise _refused(f"a socket of the family {sock.family!r}")
    if is_datagram(sock):
        _check_peer(sock)
        return
    if sock.type != socket.SOCK_STREAM or sock.proto != socket.IPPROTO_TCP:
        raise _refused(f"a socket of type {sock.type!r}, protocol {sock.proto}")
    if sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        raise _refused("a socket that listens")
    try:
        tcp_info(sock)
        sock.getpeername()
    except OSError as error:
        if error.errno != errno.ENOTCONN or not _was_connected(sock):
            raise _refused(f"a socket that is not connected: {error.strerror}") from error


def is_datagram(sock: socket.socket) -> bool:
    """UDP (CCT-050)."""
    return sock.type == socket.SOCK_DGRAM and sock.proto == socket.IPPROTO_UDP


def _check_peer(sock: socket.socket) -> None:
    try:
        sock.getpeername()
    except OSError as error:
        raise _refused(f"a socket that is not connected: {error.strerror}") from error


def _was_connected(sock: socket.socket) -> bool:
    """A connection that was reset has no peer any more, but still its own port."""
    return bool(sock.getsockname()[1])


def _refused(why: str) -> HostError:
    return HostError(HResult.INVALID_ARG, f"no transport for a channel: {why}")
