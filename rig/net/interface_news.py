"""Whether an interface has a carrier, which addresses its namespace has, and word from the kernel when either changes.

Two netlink sockets: one of them only hears announcements, which are thrown away, as what is so now is asked for then. A hundred
announcements are one change for who reads late, and one that found no room (ENOBUFS) is none the less.
"""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from rig.net.attributes import attributes

RTMGRP_LINK, RTMGRP_IPV4_IFADDR, RTMGRP_IPV6_IFADDR = 0x1, 0x10, 0x100
RTM_NEWLINK, RTM_GETLINK, RTM_NEWADDR, RTM_GETADDR, NLMSG_ERROR, NLMSG_DONE = 16, 18, 20, 22, 2, 3
NLM_F_REQUEST, NLM_F_DUMP = 0x1, 0x300
IFF_LOWER_UP = 0x10000
IFA_ADDRESS, IFA_LOCAL, IFA_FLAGS = 1, 2, 8
IFA_F_TENTATIVE = 0x40
RT_SCOPE_UNIVERSE = 0
"""rtnetlink.h, netlink.h, if.h, if_addr.h"""

HEADER, LINK, ADDRESS = struct.Struct("=IHHII"), struct.Struct("=BxHiII"), struct.Struct("=BBBBI")
"""struct nlmsghdr (length, type, flags, sequence, port), ifinfomsg (family, type, index, flags, change), ifaddrmsg (family,
prefix length, flags, scope, index)."""


@dataclass(frozen=True)
class InterfaceState:
    carrier: bool
    addresses: tuple[str, ...]
    """Sorted: those of universal scope, on any interface, that may be used."""


class InterfaceNews:
    """Of the calling thread's namespace. To be watched for reading; `drain` then, and `read`."""

    def __init__(self, ifname: str) -> None:
        self._index = socket.if_nametoindex(ifname)
        self._news = _netlink(RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR)
        self._news.setblocking(False)
        self._query = _netlink(0)
        self._state = self.read()

    def fileno(self) -> int:
        return self._news.fileno()

    def drain(self) -> bool:
        """Throw away what was announced. Whether anything was."""
        announced = False
        while True:
            try:
                self._news.recv(1 << 16)
            except BlockingIOError:
                return announced
            except OSError:  # ENOBUFS: some found no room
                pass
            announced = True

    def now(self) -> InterfaceState:
        """The kernel is asked when it has announced something since the last time: this is wanted in the middle of every wake."""
        if self.drain():
            self._state = self.read()
        return self._state

    def read(self) -> InterfaceState:
        """Asked of the kernel."""
        carrier = False
        for kind, body in self._dump(RTM_GETLINK, LINK.pack(0, 0, 0, 0, 0)):
            if kind == RTM_NEWLINK and LINK.unpack_from(body)[2] == self._index:
                carrier = bool(LINK.unpack_from(body)[3] & IFF_LOWER_UP)
        found = [_address(body) for kind, body in self._dump(RTM_GETADDR, ADDRESS.pack(0, 0, 0, 0, 0)) if kind == RTM_NEWADDR]
        return InterfaceState(carrier, tuple(sorted(address for address in found if address is not None)))

    def close(self) -> None:
        self._news.close()
        self._query.close()

    def _dump(self, kind: int, body: bytes) -> Iterator[tuple[int, bytes]]:
        """(type, what follows the header) of each message of the answer."""
        self._query.send(HEADER.pack(HEADER.size + len(body), kind, NLM_F_REQUEST | NLM_F_DUMP, 0, 0) + body)
        while True:
            for kind_, content in _messages(self._query.recv(1 << 16)):
                if kind_ in (NLMSG_DONE, NLMSG_ERROR):
                    return
                yield kind_, content


def _netlink(groups: int) -> socket.socket:
    sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE)
    sock.bind((0, groups))
    return sock


def _messages(datagram: bytes) -> Iterator[tuple[int, bytes]]:
    offset = 0
    while offset + HEADER.size <= len(datagram):
        length, kind, _, _, _ = HEADER.unpack_from(datagram, offset)
        if length < HEADER.size:
            return
        yield kind, datagram[offset + HEADER.size : offset + length]
        offset += (length + 3) & ~3


def _address(body: bytes) -> str | None:
    """IFA_LOCAL is the own one on a point-to-point link, where IFA_ADDRESS is the other end's."""
    family, _, flags, scope, _ = ADDRESS.unpack_from(body)
    values = {kind: body[start:end] for kind, start, end in attributes(body, ADDRESS.size)}
    flags = struct.unpack("=I", values[IFA_FLAGS])[0] if IFA_FLAGS in values else flags
    packed = values.get(IFA_LOCAL, values.get(IFA_ADDRESS, b""))
    if scope != RT_SCOPE_UNIVERSE or flags & IFA_F_TENTATIVE:
        return None
    with contextlib.suppress(ValueError):  # of a family that is neither
        return socket.inet_ntop(family, packed)
    return None
