"""The two things that share a serial line: SMP frames and lines of text.

An SMP frame is one line that starts with 06 09 and any number that start with 04 14, each base64; the first carries
the length, the last the CRC. Everything else up to a newline is text. `smp.packet` codes the frames; this file finds
them between text, noise and halves of frames that were cut off, and holds at most one line of what it cannot place.
"""

from __future__ import annotations

import binascii
import struct
from collections.abc import Callable, Generator

from smp import packet
from smp.exceptions import SMPException

START = packet.START_DELIMITER
CONTINUE = packet.CONTINUE_DELIMITER
MARK_BYTES = len(START)
LENGTH_CHARS = 4
"""Of base64: three bytes, of which the first two are the frame's length."""
MAX_LINE_BYTES = 1024
"""Longer lines are noise: SMP lines have at most 128 bytes, log lines of the firmware about 100."""

Decoder = Generator[None, bytes, bytes]


def encode(message: bytes) -> bytes:
    """All lines of one SMP message."""
    return b"".join(packet.encode(message))


class Receiver:
    """Takes bytes as they come; calls `on_message` with whole SMP messages and `on_text` with lines of text."""

    def __init__(self, on_message: Callable[[bytes], None], on_text: Callable[[bytes], None]) -> None:
        self._on_message = on_message
        self._on_text = on_text
        self._rest = b""
        self._decoder: Decoder | None = None
        self._missing_chars = 0
        self.bad_frames = 0
        """Frames cut off, with a wrong CRC, or not base64."""
        self.noise_bytes = 0
        """Bytes thrown away because no newline came for too long."""

    def feed(self, data: bytes) -> None:
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        for line in lines:
            self._line(line)
        if len(self._rest) > MAX_LINE_BYTES:
            self._drop_noise()

    @property
    def missing_bytes(self) -> int:
        """How many bytes at least are still to come of the frame or the line that has begun; 0: none has."""
        if self._decoder is None and not self._rest:
            return 0
        chars = _frame_chars(self._rest) if self._decoder is None else self._missing_chars
        return max(1, chars - len(self._rest) + MARK_BYTES + 1)

    def _drop_noise(self) -> None:
        """Keep only what may still become a frame: from a start mark, or a last byte that may be half of one."""
        start = self._rest.rfind(START)
        if start < 0 or len(self._rest) - start > MAX_LINE_BYTES:
            start = len(self._rest) - (self._rest[-1:] == START[:1])
        self.noise_bytes += start
        self._rest = self._rest[start:]

    def _line(self, line: bytes) -> None:
        start = line.rfind(START)
        if start > 0:
            self._cut_off(line[:start])
        if start >= 0:
            self._begin(line[start:])
        elif line.startswith(CONTINUE):
            self._continue(line)
        elif line:
            self._on_text(line)

    def _cut_off(self, line: bytes) -> None:
        """What stands before a frame's start without a newline: text or noise, or the beginning of another frame."""
        if line.startswith((START, CONTINUE)):
            self.bad_frames += 1
            self._decoder = None
        else:
            self._on_text(line)

    def _begin(self, line: bytes) -> None:
        self.bad_frames += self._decoder is not None
        self._decoder = packet.decode()
        next(self._decoder)
        self._missing_chars = _frame_chars(line)
        self._continue(line)

    def _continue(self, line: bytes) -> None:
        if self._decoder is None:
            return  # the rest of a frame whose start was lost and counted, or of another program's
        self._missing_chars -= len(line) - MARK_BYTES
        try:
            self._decoder.send(line + b"\n")
        except StopIteration as done:
            self._decoder = None
            self._on_message(bytes(done.value))
        except (SMPException, binascii.Error, struct.error):
            self._decoder = None
            self.bad_frames += 1


def _frame_chars(line: bytes) -> int:
    """How many base64 characters the frame has that begins in the line; 0 while that is not known, or none does."""
    start = line.rfind(START) + MARK_BYTES
    if start < MARK_BYTES or len(line) < start + LENGTH_CHARS:
        return 0
    try:
        (length,) = packet.FRAME_LENGTH_STRUCT.unpack_from(binascii.a2b_base64(line[start : start + LENGTH_CHARS]))
    except (binascii.Error, struct.error):
        return 0
    return -(-(packet.FRAME_LENGTH_STRUCT.size + int(length)) // 3) * 4
