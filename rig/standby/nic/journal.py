"""What a driver that is started anew must know of the one before: written to memory that the supervisor keeps.

The whole of it each time, into one of two places by turns: a SIGKILL in the middle of one leaves the other. What the device and
the kernel can tell is not in it.
"""

from __future__ import annotations

import os
import struct
import zlib
from dataclasses import dataclass, field
from typing import Any

import msgspec

from rig.decoders import decoded
from rig.device.pattern import Pattern
from rig.device.tcp_slot import SlotRef
from rig.standby.nic.handoff import FrozenTcp
from rig.standby.nic.next_hop import NextHop
from rig.standby.nic.payload_keep_alive import NotedPayload
from rig.standby.wire.nic import ToDriver

PLACE_BYTES = 1 << 20
"""16 connections with all tokens that an app may give are half of it: 16 KiB, as they were given and as they are left. The rest
is for calls that have no answer yet, each of them 128 KiB at most."""
HEAD = struct.Struct("<QII")
"""Number of the writing, length, CRC-32 of the rest."""


@dataclass(frozen=True)
class NotedConnection:
    """An OffloadedConnection without its socket. `frozen`: its numbers when it went into repair, None when it is the host's."""

    key: str
    names: dict[str, Any]
    network_minutes: int
    next_hop: NextHop
    slot: SlotRef | None
    payload: NotedPayload | None
    resume: tuple[int, ...]
    frozen: FrozenTcp | None
    ts_recent: int
    """What the watch of the interface had seen: the next one begins without."""
    flow_label: int


@dataclass(frozen=True)
class NotedPattern:
    key: str
    names: dict[str, Any]
    pattern: Pattern
    number: int | None
    resume: tuple[int, ...]


@dataclass(frozen=True)
class Note:
    """`calls`: those of the system that have no answer yet, by number. `acked`: the last frame of the device that is in.
    `untold`: the host was about to sleep, slept, or was awake again and the system had not heard of it. `wanted_awake` and
    `woke_told_ns`: as in Standby."""

    boot_id: int
    epoch: int
    acked: int
    connections: list[NotedConnection] = field(default_factory=list)
    patterns: list[NotedPattern] = field(default_factory=list)
    orphans: list[tuple[SlotRef, dict[str, Any]]] = field(default_factory=list)
    pattern_orphans: dict[int, dict[str, Any]] = field(default_factory=dict)
    calls: dict[int, ToDriver] = field(default_factory=dict)
    untold: bool = False
    wanted_awake: bool = False
    woke_told_ns: int = 0


class Journal:
    """`fd`: a file in memory, borrowed. One writer."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._number = 0
        self._encoder = msgspec.msgpack.Encoder()

    def last(self) -> Note | None:
        """The newest that is whole; None when there is none."""
        found = [place for place in map(self._read, range(2)) if place is not None]
        if not found:
            return None
        self._number, body = max(found, key=lambda place: place[0])
        return decoded(Note, body)

    def write(self, note: Note) -> None:
        """Raises OSError; ValueError for what has no room."""
        body = self._encoder.encode(note)
        if len(body) > PLACE_BYTES - HEAD.size:
            raise ValueError(f"a note of {len(body)} bytes has no room in the journal")
        number = self._number + 1
        head = HEAD.pack(number, len(body), zlib.crc32(body))
        os.pwrite(self._fd, head + body, number % 2 * PLACE_BYTES)
        self._number = number

    def _read(self, place: int) -> tuple[int, bytes] | None:
        data = os.pread(self._fd, PLACE_BYTES, place * PLACE_BYTES)
        if len(data) < HEAD.size:
            return None
        number, length, crc = HEAD.unpack_from(data)
        body = data[HEAD.size : HEAD.size + length]
        return (number, body) if number and len(body) == length and zlib.crc32(body) == crc else None
