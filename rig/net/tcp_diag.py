"""What the kernel tells of a TCP socket to an administrator only: struct inet_diag_req_v2 and its answer (linux/inet_diag.h)."""

from __future__ import annotations

import socket
import struct

from rig.net.attributes import attribute_kinds
from rig.net.tcp_info import TCP_ESTABLISHED

NETLINK_SOCK_DIAG, SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST = 4, 20, 1
NLMSG_HEADER_BYTES, INET_DIAG_MSG_BYTES = 16, 72
INET_DIAG_INFO, INET_DIAG_MD5SIG = 2, 18
NO_COOKIE = 0xFFFFFFFF
ANSWER_BYTES = 1 << 16


def has_md5_keys(sock: socket.socket) -> bool:
    """Whether a connected socket signs its segments (RFC 2385, TCP_MD5SIG). False too where the kernel does not tell.

    The calling thread must be in the socket's network namespace, with CAP_NET_ADMIN there.
    """
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_SOCK_DIAG) as netlink:
        netlink.send(_request(sock))
        answer = netlink.recv(ANSWER_BYTES)
    _, kind = struct.unpack_from("=IH", answer)
    return kind == SOCK_DIAG_BY_FAMILY and INET_DIAG_MD5SIG in attribute_kinds(answer, NLMSG_HEADER_BYTES + INET_DIAG_MSG_BYTES)


def _request(sock: socket.socket) -> bytes:
    """For exactly this socket. Keys are told only beside at least one extension that was asked for."""
    local, remote = sock.getsockname(), sock.getpeername()
    names = struct.pack(">HH", local[1], remote[1]) + _packed(sock.family, local[0]) + _packed(sock.family, remote[0])
    states, extensions = 1 << TCP_ESTABLISHED, 1 << (INET_DIAG_INFO - 1)
    body = struct.pack("=BBBxI", sock.family, socket.IPPROTO_TCP, extensions, states) + names
    body += struct.pack("=III", 0, NO_COOKIE, NO_COOKIE)
    return struct.pack("=IHHII", NLMSG_HEADER_BYTES + len(body), SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST, 0, 0) + body


def _packed(family: int, address: str) -> bytes:
    return socket.inet_pton(family, address.partition("%")[0]).ljust(16, b"\0")
