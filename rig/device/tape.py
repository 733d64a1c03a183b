"""What was said on the control channel, kept as it was: who judges a test's wakes afterwards must not depend on what the host
made of them.

A file of records: t_ns u64 (CLOCK_MONOTONIC), 1 if the device said it u8, length u16, the SMP message. One write(2) each, so a
driver that is killed loses none but the one that it is just writing: the next driver takes a piece of that away. It ends at
MOST_BYTES. Only what changes what the device holds, and what it says by itself: not what a test asks for again and again, such as
counters.
"""

from __future__ import annotations

import contextlib
import os
import struct
import time
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import cbor2

from rig.device.numbers import GROUP_OFFLOAD, READ, WRITE, Command
from rig.device.smp_header import HEADER

RECORD = struct.Struct(">QBH")
FILE = "line.tape"
"""Beside the timeline."""

MOST_BYTES = 16 << 20
"""Of a file. A sleep and a wake are 1 KiB: 16,000 of them have room, a device that floods the line has not."""

RECORDS_KEPT = 4096
"""In memory."""

READS_KEPT = frozenset({Command.HELLO, Command.TIME_SYNC, Command.EVENT_WAIT, Command.DRAIN})
WRITES_LEFT_OUT = frozenset({Command.CLEAR_COUNTERS})


class Tape:
    """The writing end; of several on one file, one after the other, each appends. What a full disk has no room for is
    left out, and the timeline says so."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        with contextlib.suppress(OSError):
            if os.fstat(self._fd).st_size < MOST_BYTES:
                whole_bytes = max((end for _, end in _records(os.pread(self._fd, MOST_BYTES, 0))), default=0)
                os.ftruncate(self._fd, whole_bytes)

    def asked(self, message: bytes) -> None:
        if kept(message) and message[7] != Command.EVENT_WAIT:
            self._add(0, message)

    def answered(self, message: bytes) -> None:
        if kept(message):
            self._add(1, message)

    def close(self) -> None:
        os.close(self._fd)

    def _add(self, device: int, message: bytes) -> None:
        with contextlib.suppress(OSError):
            before, added = os.fstat(self._fd).st_size, record(device, message)
            if before < MOST_BYTES and os.write(self._fd, added) < len(added):
                os.ftruncate(self._fd, before)  # no room: what comes when there is some again is not to stand behind a piece


def _records(data: bytes) -> Iterator[tuple[int, int]]:
    """Where each whole one begins and ends: the kernel may break off the last write(2) of a driver that is killed (torn.py)."""
    at = 0
    while at + RECORD.size <= len(data):
        end = at + RECORD.size + RECORD.unpack_from(data, at)[2]
        if end > len(data):
            return
        yield at, end
        at = end


def is_cut(path: Path) -> bool:
    """Whether more was said than the file holds."""
    return path.exists() and path.stat().st_size >= MOST_BYTES


class TapeInMemory(Tape):
    """The newest records, until somebody wants a file of them: of a device that many short tests have one after the other."""

    def __init__(self) -> None:
        self._records: deque[bytes] = deque(maxlen=RECORDS_KEPT)
        self._added = 0

    def begin(self) -> None:
        """Another test has it."""
        self._records.clear()
        self._added = 0

    @property
    def is_cut(self) -> bool:
        """Whether the oldest are gone."""
        return self._added > RECORDS_KEPT

    def said(self) -> list[Said]:
        return list(said_in(b"".join(tuple(self._records))))

    def write(self, path: Path) -> None:
        path.write_bytes(b"".join(tuple(self._records)))

    def close(self) -> None:
        pass

    def _add(self, device: int, message: bytes) -> None:
        self._records.append(record(device, message))
        self._added += 1


def record(device: int, message: bytes) -> bytes:
    return RECORD.pack(time.monotonic_ns(), device, len(message)) + message


def kept(message: bytes) -> bool:
    """Of at least a header."""
    op, _, _, group, _, command = HEADER.unpack_from(message)
    if group != GROUP_OFFLOAD:
        return False
    return command in READS_KEPT if op & 6 == READ else command not in WRITES_LEFT_OUT


class Said(NamedTuple):
    """One message."""

    t_ns: int
    by_device: bool
    write: bool
    command: int
    seq: int
    body: Mapping[str, Any]


def read(path: Path) -> Iterator[Said]:
    """All of it, in order; a record that a kill or a full disk cut short ends it. What is no CBOR map is left out."""
    return said_in(path.read_bytes())


def said_in(data: bytes) -> Iterator[Said]:
    """As `read`."""
    for at, end in _records(data):
        t_ns, device, length = RECORD.unpack_from(data, at)
        message = data[at + RECORD.size : end]
        if length < HEADER.size:
            return
        op, _, _, _, seq, command = HEADER.unpack_from(message)
        with contextlib.suppress(Exception):  # a device of another make may say anything; the link has told of it
            body = cbor2.loads(message[HEADER.size :])
            if isinstance(body, dict):
                yield Said(t_ns, bool(device), op & 6 == WRITE, command, seq, body)
