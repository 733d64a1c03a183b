"""What a push server does with a connection that nobody scripts: `server.on_accept = echo`. Without one it is silent: it reads
and never answers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from rig.peers.tcp import PushConnection

Behaviour = Callable[[PushConnection], None]
"""Called with a connection that was just accepted, before anything of it is read."""


def echo(connection: PushConnection) -> None:
    """What comes goes back, a segment for each piece read."""
    connection.responder = lambda data: (data,)


def slow_echo(pause_s: float, piece_bytes: int = 1) -> Behaviour:
    """What comes goes back in pieces, `pause_s` before each."""

    def pieces(data: bytes) -> Iterable[bytes]:
        for start in range(0, len(data), piece_bytes):
            time.sleep(pause_s)
            yield data[start : start + piece_bytes]

    def behave(connection: PushConnection) -> None:
        connection.responder = pieces

    return behave


def not_reading(connection: PushConnection) -> None:
    """It reads nothing before `connection.go_on_reading()`: its kernel's window closes, and the host's buffer fills up."""
    connection.stop_reading()


def resetting(connection: PushConnection) -> None:
    """RST, as soon as the host has sent something."""

    def reset(_data: bytes) -> Iterable[bytes]:
        connection.reset()
        return ()

    connection.responder = reset


def resetting_at_once(connection: PushConnection) -> None:
    """RST, as soon as it is accepted."""
    connection.reset()


def greeting(data: bytes) -> Behaviour:
    """It speaks first."""

    def behave(connection: PushConnection) -> None:
        connection.push(data)

    return behave
