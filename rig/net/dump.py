"""All that the kernel knows of one kind, such as the links of the calling thread's namespace, as it says it."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator

from rig.errors import BenchError
from rig.net.attributes import attributes

NLMSG_ERROR, NLMSG_DONE = 2, 3
NLM_F_REQUEST, NLM_F_DUMP = 0x1, 0x300
"""netlink.h"""

NLA_TYPE_MASK = 0x3FFF
HEADER_BYTES = 16
ANSWER_BYTES = 1 << 16
"""More than the kernel puts into one datagram."""


def dump(request: int, body: bytes) -> Iterator[bytes]:
    """What stands behind the header of each message of the answer: the fixed part, then attributes. Raises BenchError RIG-N06."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as kernel:
        kernel.bind((0, 0))
        kernel.send(struct.pack("=IHHII", HEADER_BYTES + len(body), request, NLM_F_REQUEST | NLM_F_DUMP, 1, 0) + body)
        while True:
            for kind, message in _messages(kernel.recv(ANSWER_BYTES)):
                if kind == NLMSG_DONE:
                    return
                if kind == NLMSG_ERROR:
                    why = os.strerror(-struct.unpack_from("=i", message)[0])
                    raise BenchError("RIG-N06", f"the kernel does not say how a namespace's network is: {why}", "rig doctor")
                yield message


def values(message: bytes, offset: int) -> dict[int, bytes]:
    """Attributes from there on, by type."""
    return {kind & NLA_TYPE_MASK: message[start:end] for kind, start, end in attributes(message, offset)}


def _messages(datagram: bytes) -> Iterator[tuple[int, bytes]]:
    offset = 0
    while offset + HEADER_BYTES <= len(datagram):
        length, kind = struct.unpack_from("=IH", datagram, offset)
        yield kind, datagram[offset + HEADER_BYTES : offset + length]
        offset += (length + 3) & ~3
