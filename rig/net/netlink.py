"""Netlink's framing, for what is asked of the kernel without pyroute2: several messages stand in one datagram (netlink(7))."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager

NLMSG_ERROR, NLMSG_DONE = 2, 3
NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP = 0x1, 0x4, 0x300
"""netlink.h"""

HEADER = struct.Struct("=IHHII")
"""struct nlmsghdr: length with the header, type, flags, sequence, port."""
ANSWER_BYTES = 1 << 16
"""The kernel puts at most 32 KiB into one datagram."""


@contextmanager
def kernel() -> Iterator[socket.socket]:
    """rtnetlink of the calling thread's namespace."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as opened:
        opened.bind((0, 0))
        yield opened


def request(kind: int, flags: int, body: bytes) -> bytes:
    """`body` is a multiple of 4 long."""
    return HEADER.pack(HEADER.size + len(body), kind, NLM_F_REQUEST | flags, 1, 0) + body


def messages(datagram: bytes) -> Iterator[tuple[int, bytes]]:
    """(type, what stands behind the header)."""
    offset = 0
    while offset + HEADER.size <= len(datagram):
        length, kind, _, _, _ = HEADER.unpack_from(datagram, offset)
        yield kind, datagram[offset + HEADER.size : offset + length]
        offset += max((length + 3) & ~3, HEADER.size)


def errno_of(body: bytes) -> int:
    """Of an answer NLMSG_ERROR (struct nlmsgerr); 0 for done."""
    (error,) = struct.unpack_from("=i", body)
    return -int(error)


def acknowledgements(datagram: bytes) -> list[int]:
    """The errno of each answer in a datagram, 0 for done."""
    return [errno_of(body) for kind, body in messages(datagram) if kind == NLMSG_ERROR]
