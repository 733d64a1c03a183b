"""Many frames in one system call: sendmmsg(2), which Python's socket module does not have.

A call costs some microseconds of Python whatever it carries, so a batch reaches rates that one send() a frame does not, and
Python's lock is free meanwhile. The kernel copies each frame; PACKET_TX_RING and PACKET_QDISC_BYPASS were tried on a veth, and
are no faster.
"""

from __future__ import annotations

import ctypes as c
import errno
import os
import socket
from array import array
from collections.abc import Sequence
from itertools import accumulate

MAX_FRAMES = 64
"""Of one call. More gain nothing, and all frames of a call have one time stamp."""


class _Vector(c.Structure):
    """struct iovec."""

    _fields_ = [("base", c.c_void_p), ("length", c.c_size_t)]


class _Header(c.Structure):
    """struct msghdr."""

    _fields_ = [
        ("name", c.c_void_p),
        ("name_length", c.c_uint),
        ("vectors", c.POINTER(_Vector)),
        ("vectors_length", c.c_size_t),
        ("control", c.c_void_p),
        ("control_length", c.c_size_t),
        ("flags", c.c_int),
    ]


class _Message(c.Structure):
    """struct mmsghdr."""

    _fields_ = [("header", _Header), ("sent_bytes", c.c_uint)]


_libc = c.CDLL(None, use_errno=True)


class BatchSender:
    """Sends over a socket that somebody else owns. Not thread-safe: one for each thread."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._vectors = (_Vector * MAX_FRAMES)()
        self._messages = (_Message * MAX_FRAMES)()
        for message, vector in zip(self._messages, self._vectors, strict=True):
            message.header.vectors, message.header.vectors_length = c.pointer(vector), 1
        self._words = memoryview(self._vectors).cast("B").cast("L")
        """The vectors as base, length, base, length ...; by the slice, as writing each field takes longer than sending."""

    def send(self, frames: Sequence[bytes]) -> None:
        """Send at most MAX_FRAMES, in order; returns when the kernel has all of them. Raises OSError."""
        data, lengths = b"".join(frames), array("L", map(len, frames))
        start = c.cast(c.c_char_p(data), c.c_void_p).value or 0
        end = 2 * len(frames)
        self._words[0:end:2] = array("L", accumulate(lengths[:-1], initial=start))
        self._words[1:end:2] = lengths
        done = 0
        while done < len(frames):
            done += self._send_some(done, len(frames) - done)

    def _send_some(self, first: int, count: int) -> int:
        at = c.byref(self._messages, first * c.sizeof(_Message))
        sent: int = _libc.sendmmsg(self._sock.fileno(), at, count, 0)
        if sent >= 0:
            return sent
        number = c.get_errno()
        if number != errno.EINTR:
            raise OSError(number, os.strerror(number))
        return 0
