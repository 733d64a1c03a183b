"""Netlink attributes, for the few messages that are read without pyroute2."""

from __future__ import annotations

import struct


def attribute_kinds(message: bytes, offset: int) -> list[int]:
    """Types of the attributes that follow a message's fixed part; `offset` is where that ends."""
    kinds = []
    while offset + 4 <= len(message):
        length, kind = struct.unpack_from("=HH", message, offset)
        if length < 4:
            break
        kinds.append(kind)
        offset += (length + 3) & ~3
    return kinds
