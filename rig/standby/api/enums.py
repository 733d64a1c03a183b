"""Enumerations of the host API that stay in an app; values from the WinRT reference, by name."""

from __future__ import annotations

from enum import IntEnum


class ControlChannelTriggerResourceType(IntEnum):
    """The slot that a channel asks for."""

    REQUEST_SOFTWARE_SLOT = 0
    REQUEST_HARDWARE_SLOT = 1


class AsyncStatus(IntEnum):
    """State of a posted operation."""

    STARTED = 0
    COMPLETED = 1
    CANCELED = 2
    ERROR = 3


class SocketProtectionLevel(IntEnum):
    """What a socket's bytes are protected by."""

    PLAIN_SOCKET = 0
    TLS = 8
    """TLS 1.2 or better; WinRT's Tls12."""
