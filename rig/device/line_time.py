"""How long bytes take on a serial line."""

from __future__ import annotations

BITS_PER_BYTE = 10
"""8N1: a start and a stop bit."""


def line_time_s(size_bytes: int, baudrate: int) -> float:
    return size_bytes * BITS_PER_BYTE / baudrate
