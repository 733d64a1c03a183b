"""What the kernel tells of a TCP socket to an administrator only: struct inet_diag_req_v2 and its answer (linux/inet_diag.h)."""

from __future__ import annotations

import socket
import struct
from typing import Any

from rig.net.attributes import attribute_kinds
from rig.net.tcp_info import TCP_ESTABLISHED

NETLINK_SOCK_DIAG, SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST = 4, 20, 1
NLMSG_HEADER_BYTES, INET_DIAG_MSG_BYTES = 16, 72
INET_DIAG_INFO, INET_DIAG_MD5SIG = 2, 18
TIMER_OFFSET, KEEP_ALIVE_TIMER = 2, 2
"""idiag_timer of struct inet_diag_msg, and its value for TCP keep-alives."""
NO_COOKIE = 0xFFFFFFFF
ANSWER_BYTES = 1 << 16


def has_md5_keys(sock: socket.socket) -> bool:
    """Whether a connected socket signs its segments (RFC 2385, TCP_MD5SIG). False too where the kernel does not tell.

    The calling thread must be in the socket's network namespace, with CAP_NET_ADMIN there.
    """
    answer = _asked(sock.family, sock.getsockname(), sock.getpeername())
    return answer is not None and INET_DIAG_MD5SIG in attribute_kinds(answer, NLMSG_HEADER_BYTES + INET_DIAG_MSG_BYTES)


def timer_of(local: tuple[str, int], remote: tuple[str, int]) -> int:
    """Which timer the kernel runs for the established connection with those ends, KEEP_ALIVE_TIMER or another one; 0: none. The
    calling thread must be in its network namespace, with CAP_NET_ADMIN there. Raises LookupError when there is no such one."""
    family = socket.AF_INET6 if ":" in local[0] else socket.AF_INET
    answer = _asked(family, local, remote)
    if answer is None:
        raise LookupError(f"no connection from {local} to {remote}")
    return answer[NLMSG_HEADER_BYTES + TIMER_OFFSET]


def _asked(family: int, local: tuple[Any, ...], remote: tuple[Any, ...]) -> bytes | None:
    """The kernel's answer; None when it has no such connection."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_SOCK_DIAG) as netlink:
        netlink.send(_request(family, local, remote))
        answer = netlink.recv(ANSWER_BYTES)
    _, kind = struct.unpack_from("=IH", answer)
    return answer if kind == SOCK_DIAG_BY_FAMILY else None


def _request(family: int, local: tuple[Any, ...], remote: tuple[Any, ...]) -> bytes:
    """For exactly this socket. Keys are told only beside at least one extension that was asked for."""
    names = struct.pack(">HH", local[1], remote[1]) + _packed(family, local[0]) + _packed(family, remote[0])
    states, extensions = 1 << TCP_ESTABLISHED, 1 << (INET_DIAG_INFO - 1)
    body = struct.pack("=BBBxI", family, socket.IPPROTO_TCP, extensions, states) + names
    body += struct.pack("=III", 0, NO_COOKIE, NO_COOKIE)
    return struct.pack("=IHHII", NLMSG_HEADER_BYTES + len(body), SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST, 0, 0) + body


def _packed(family: int, address: str) -> bytes:
    return socket.inet_pton(family, address.partition("%")[0]).ljust(16, b"\0")
