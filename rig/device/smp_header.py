"""The head of every SMP message, and the message as it goes into a frame (firmware/proto/README.md, section 1)."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

import cbor2

HEADER = struct.Struct(">BBHHBB")
"""Version and operation, flags, length of the body, group, sequence number, command."""
VERSION_2 = 1 << 3
REPLY = 1
"""Set in the operation of every reply."""


def message(op: int, group: int, seq: int, command: int, body: Mapping[str, Any]) -> bytes:
    """Header and canonical CBOR."""
    return message_of(op, group, seq, command, cbor2.dumps(body, canonical=True))


def message_of(op: int, group: int, seq: int, command: int, payload: bytes) -> bytes:
    """`payload`: the body as it is written down."""
    return HEADER.pack(VERSION_2 | op, 0, len(payload), group, seq, command) + payload
