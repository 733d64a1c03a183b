"""SMP on the serial line (section 1 of the contract): one request at a time, a repetition gets the first answer."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

import cbor2

from rig.device import framing
from rig.device.numbers import GROUP_OFFLOAD, READ, WRITE, Command, OffloadRc
from rig.device.reference.commands import Commands, Deferred, Refused
from rig.device.reference.numbers import MESSAGE_BYTES
from rig.device.smp_header import HEADER, VERSION_2

GROUP_OS = 0
ECHO, RESET, PARAMETERS = 0, 5, 6
UNKNOWN_VALUE, NOT_SUPPORTED, TOO_NEW = 3, 8, 13
"""Errors of SMP itself."""
VERSIONS = 0b11000
KEPT_REQUESTS = 128
Key = tuple[int, int, int, bytes]


class Server:
    """`write`: bytes to the line. `restart`: the host has asked for a reset."""

    def __init__(self, commands: Commands, write: Callable[[bytes], None], restart: Callable[[], None]) -> None:
        self._commands = commands
        self._write = write
        self._restart = restart
        self._receiver = framing.Receiver(self._message, lambda text: None)
        self._kept: dict[Key, tuple[int, bytes]] = {}
        """Of what has changed something: how many requests came before, and the answer."""
        self._requests = 0
        self._client: int | None = None
        self._waiting: tuple[bytes, int] | None = None
        """The head of a standing wait for an event, and the number that it knows."""

    def take(self, data: bytes) -> None:
        self._receiver.feed(data)

    def log(self, text: str) -> None:
        self._write(text.encode() + b"\r\n")

    def _message(self, message: bytes) -> None:
        if not HEADER.size <= len(message) <= MESSAGE_BYTES:
            return
        head, _, length, group, seq, command = HEADER.unpack_from(message)
        op = head & 7
        if op not in (READ, WRITE) or length != len(message) - HEADER.size:
            return
        self._requests += 1
        if head & VERSIONS > VERSION_2:
            self._answer(message, {"rc": TOO_NEW})
            return
        key = op, seq, command, message[HEADER.size :]
        if group == GROUP_OFFLOAD and (again := self._kept_answer(key)) is not None:
            self._write(framing.encode(again))
            return
        self._forget_number(seq)
        self._serve(message, op, group, command, key)

    def _kept_answer(self, key: Key) -> bytes | None:
        at, answer = self._kept.get(key, (-KEPT_REQUESTS, b""))
        return answer if self._requests - at <= KEPT_REQUESTS and answer else None

    def _forget_number(self, seq: int) -> None:
        for key in [key for key in self._kept if key[1] == seq]:
            del self._kept[key]

    def _hear_client(self, op: int, body: Mapping[str, Any]) -> None:
        """One that attaches, or that was not the last to say who it is, repeats nothing."""
        client = body.get("client", self._client)
        if op == WRITE or client != self._client:
            self._kept.clear()
        self._client = client

    def _serve(self, message: bytes, op: int, group: int, command: int, key: Key) -> None:
        body = _decoded(message[HEADER.size :])
        if group == GROUP_OS:
            self._answer(message, self._os(op, command, body))
            return
        if group != GROUP_OFFLOAD or not self._commands.known(op, command):
            self._answer(message, {"rc": NOT_SUPPORTED})
            return
        changed = op == WRITE and command != Command.HELLO
        try:
            answer = self._commands.carry_out(op, command, body)
            if command == Command.HELLO:
                self._hear_client(op, body)
        except Deferred:
            self._waiting = message[: HEADER.size], body["after"]
            return
        except Refused as refused:
            answer = {"err": {"group": GROUP_OFFLOAD, "rc": int(refused.rc)}}
            changed = changed and refused.rc is OffloadRc.WAKE_PENDING
        sent = self._answer(message, answer)
        if changed:
            self._kept[key] = self._requests, sent

    def tell_events(self) -> None:
        """To be called when there may be one: a standing wait is answered."""
        if self._waiting is None:
            return
        head, after = self._waiting
        try:
            answer = self._commands.carry_out(READ, Command.EVENT_WAIT, {"after": after})
        except Deferred:
            return
        self._waiting = None
        self._answer(head, answer)

    def _os(self, op: int, command: int, body: Any) -> dict[str, Any]:
        if command == ECHO:
            ok = isinstance(body, dict) and isinstance(body.get("d"), str)
            return {"r": body["d"]} if ok else {"rc": UNKNOWN_VALUE}
        if (op, command) == (READ, PARAMETERS):
            return {"buf_size": MESSAGE_BYTES, "buf_count": 1}
        if (op, command) == (WRITE, RESET):
            self._restart()
            return {}
        return {"rc": NOT_SUPPORTED}

    def _answer(self, request: bytes, body: dict[str, Any]) -> bytes:
        head, flags, _, group, seq, command = HEADER.unpack_from(request)
        data = cbor2.dumps(body, canonical=True)
        message = HEADER.pack(VERSION_2 | ((head & 7) + 1), flags, len(data), group, seq, command) + data
        self._write(framing.encode(message))
        return message


def _decoded(data: bytes) -> Any:
    """None for what is no CBOR, or has bytes behind it; the rules refuse that as any other that is no map."""
    if not data:
        return {}
    try:
        body = cbor2.loads(data)
        return body if cbor2.dumps(body, canonical=True) == data else None
    except (cbor2.CBORError, ValueError, TypeError, RecursionError, OverflowError, MemoryError):
        return None


def write_all(fd: int, data: bytes) -> None:
    """Blocks while the line is full: a serial port does, too."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]
