"""How many bytes TCP sockets have carried, as the kernel counts them: sock_diag(7) for all sockets of a network namespace."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from pathlib import Path

from rig.net.attributes import attributes

NETLINK_SOCK_DIAG, SOCK_DIAG_BY_FAMILY, NLMSG_ERROR, NLMSG_DONE = 4, 20, 2, 3
NLM_F_REQUEST, NLM_F_DUMP = 1, 0x300
HEADER_BYTES, MESSAGE_BYTES = 16, 72
INODE_OFFSET = 68
"""idiag_inode of struct inet_diag_msg (linux/inet_diag.h)."""
INET_DIAG_INFO = 2
BYTES_ACKED_OFFSET, BYTES_RECEIVED_OFFSET = 120, 128
"""Of struct tcp_info (linux/tcp.h)."""
ALL_STATES = 0xFFFFFFFF
ANSWER_BYTES = 1 << 17


def bytes_by_inode() -> dict[int, int]:
    """Sent and acknowledged, and received, of each TCP socket of the calling thread's network namespace. A socket that is closed
    is not there any more."""
    found: dict[int, int] = {}
    for family in (socket.AF_INET, socket.AF_INET6):
        for message in _dump(family):
            (inode,) = struct.unpack_from("=I", message, INODE_OFFSET)
            info = next((message[at:end] for kind, at, end in attributes(message, MESSAGE_BYTES) if kind == INET_DIAG_INFO), b"")
            if inode and len(info) >= BYTES_RECEIVED_OFFSET + 8:
                acked, received = (struct.unpack_from("=Q", info, at)[0] for at in (BYTES_ACKED_OFFSET, BYTES_RECEIVED_OFFSET))
                found[inode] = acked + received
    return found


def sockets_of(pid: int) -> set[int]:
    """Inodes of the sockets that a process has open. Raises OSError when there is no such process."""
    inodes = set[int]()
    for fd in Path(f"/proc/{pid}/fd").iterdir():
        try:
            kind, _, inode = str(fd.readlink()).partition(":")
        except OSError:  # closed meanwhile
            continue
        if kind == "socket":
            inodes.add(int(inode.strip("[]")))
    return inodes


def _dump(family: int) -> Iterator[bytes]:
    body = struct.pack("=BBBxI", family, socket.IPPROTO_TCP, 1 << (INET_DIAG_INFO - 1), ALL_STATES) + bytes(48)
    header = struct.pack("=IHHII", HEADER_BYTES + len(body), SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP, 0, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_SOCK_DIAG) as netlink:
        netlink.send(header + body)
        while True:
            answer = netlink.recv(ANSWER_BYTES)
            while answer:
                length, kind = struct.unpack_from("=IH", answer)
                if kind in (NLMSG_DONE, NLMSG_ERROR) or length < HEADER_BYTES:
                    return
                yield answer[HEADER_BYTES:length]
                answer = answer[(length + 3) & ~3 :]
