"""Whether an app is in the middle of what it writes, for those who hold a duplicate of its socket.

A write that is larger than the room in the kernel is several pieces. An app that is stopped between two of them has nothing
queued, so the host may sleep; but bytes of somebody else's would stand inside the app's message. So the app corks the socket
(TCP_CORK, tcp(7): more is to come) before the first piece and takes the cork out behind the last. The kernel keeps that with the
connection, whoever is stopped or dies, and everybody can ask. An app may cork it by itself around a message of several writes.
"""

from __future__ import annotations

import socket


def is_half_written(sock: socket.socket) -> bool:
    """Of a TCP socket. Raises OSError."""
    return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_CORK) != 0


class Cork:
    """Of one socket, for one writer at a time."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._left_in = False
        """By a write that was cancelled: what it has written is half a message, until another one is whole."""

    def put_in(self) -> bool:
        """Whether it is to be taken out: not one of the app's own. Raises OSError."""
        if is_half_written(self._sock):
            return self._left_in
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
        self._left_in = True
        return True

    def take_out(self) -> None:
        """What the kernel has kept back goes out at once. Raises OSError."""
        self._left_in = False
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)
