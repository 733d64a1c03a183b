"""Enumerations of WebSockets; values from the WinRT reference, by name. The last is the rig's own."""

from __future__ import annotations

from enum import Enum, IntEnum


class SocketMessageType(IntEnum):
    """What a message is."""

    BINARY = 0
    UTF8 = 1


class MessageWebSocketReceiveMode(IntEnum):
    """What an app is told of at once."""

    FULL_MESSAGE = 0
    PARTIAL_MESSAGE = 1
    """Each frame as it comes."""


class KeepAliveFrame(Enum):
    """What WebSocketKeepAlive sends: the documents point to both (B-07)."""

    PING = "ping"
    UNSOLICITED_PONG = "pong"
