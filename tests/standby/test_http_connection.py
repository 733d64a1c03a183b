"""When a connection may have another request."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from rig.standby.api.byte_stream import ByteStream
from rig.standby.api.http.connection import HttpConnection


@pytest.fixture
def ends() -> Iterator[tuple[HttpConnection, socket.socket]]:
    """A connection as if it had been opened, and its peer."""
    ours, theirs = socket.socketpair()
    connection = HttpConnection()
    connection._socket, connection._stream = ours, ByteStream(ours)
    with ours, theirs:
        yield connection, theirs


def test_it_is_quiet_until_something_comes_that_nobody_has_asked_for(ends: tuple[HttpConnection, socket.socket]) -> None:
    """A response that was sent ahead of its request: who takes it for the next one's is led astray."""
    connection, peer = ends
    assert connection.quiet
    peer.send(b"HTTP/1.1 200 OK\r\n")
    assert not connection.quiet


def test_it_is_not_quiet_when_the_server_has_closed(ends: tuple[HttpConnection, socket.socket]) -> None:
    connection, peer = ends
    peer.close()
    assert not connection.quiet
