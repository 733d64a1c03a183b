"""The end of all TCP sockets of a namespace, orphans too, which nobody holds any more and which still say that they close."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator

NETLINK_SOCK_DIAG, SOCK_DIAG_BY_FAMILY, SOCK_DESTROY = 4, 20, 21
NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP = 0x1, 0x4, 0x300
NLMSG_ERROR, NLMSG_DONE = 2, 3
ALL_STATES = 0xFFFFFFFF
HEADER = struct.Struct("=IHHII")
SOCKET_ID = slice(4, 52)
"""struct inet_diag_sockid in struct inet_diag_msg (linux/inet_diag.h)."""


def destroy_tcp_sockets() -> None:
    """Of the calling thread's namespace, with CAP_NET_ADMIN there. Each sends a reset if it still can. Where the kernel cannot
    (no CONFIG_INET_DIAG_DESTROY) they end as sockets do."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_SOCK_DIAG) as netlink:
        for family in (socket.AF_INET, socket.AF_INET6):
            for id_ in list(_sockets(netlink, family)):
                netlink.send(_request(SOCK_DESTROY, NLM_F_REQUEST | NLM_F_ACK, family, id_))
                netlink.recv(1 << 16)


def _sockets(netlink: socket.socket, family: int) -> Iterator[bytes]:
    """The id of each."""
    netlink.send(_request(SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP, family, bytes(48)))
    while True:
        datagram, offset = netlink.recv(1 << 16), 0
        while offset + HEADER.size <= len(datagram):
            length, kind, _, _, _ = HEADER.unpack_from(datagram, offset)
            if kind in (NLMSG_DONE, NLMSG_ERROR) or length < HEADER.size:
                return
            yield datagram[offset + HEADER.size : offset + length][SOCKET_ID]
            offset += (length + 3) & ~3


def _request(kind: int, flags: int, family: int, id_: bytes) -> bytes:
    """struct inet_diag_req_v2."""
    body = struct.pack("=BBBxI", family, socket.IPPROTO_TCP, 0, ALL_STATES) + id_
    return HEADER.pack(HEADER.size + len(body), kind, flags, 0, 0) + body
