"""Netlink attributes, for the few messages that are read without pyroute2."""

from __future__ import annotations

import struct
from collections.abc import Iterator

HEADER_BYTES = 4


def attributes(message: bytes, offset: int) -> Iterator[tuple[int, int, int]]:
    """(type, start, end) of the value of each attribute that follows a message's fixed part; `offset` is where that ends."""
    while offset + HEADER_BYTES <= len(message):
        length, kind = struct.unpack_from("=HH", message, offset)
        if length < HEADER_BYTES:
            break
        yield kind, offset + HEADER_BYTES, offset + length
        offset += (length + 3) & ~3


def attribute_kinds(message: bytes, offset: int) -> list[int]:
    """Types alone."""
    return [kind for kind, _, _ in attributes(message, offset)]
