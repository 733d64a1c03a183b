"""Enumerations of the socket broker; values from the WinRT reference, by name."""

from __future__ import annotations

from enum import IntEnum


class SocketActivityTriggerReason(IntEnum):
    """Why the task of a brokered socket runs."""

    NONE = 0
    SOCKET_ACTIVITY = 1
    """There is something to read (SAT-014)."""
    CONNECTION_ACCEPTED = 2
    """A listener has a connection to give (SAT-015)."""
    KEEP_ALIVE_TIMER_EXPIRED = 3
    """The time that was given at the transfer is over (SAT-016)."""
    SOCKET_CLOSED = 4
    """The peer has closed or reset it (SAT-017)."""


class SocketActivityKind(IntEnum):
    NONE = 0
    STREAM_SOCKET_LISTENER = 1
    DATAGRAM_SOCKET = 2
    STREAM_SOCKET = 3


class SocketActivityConnectedStandbyAction(IntEnum):
    """What traffic does in connected standby; elsewhere both run the task (B-14)."""

    DO_NOT_WAKE = 0
    WAKE = 1
