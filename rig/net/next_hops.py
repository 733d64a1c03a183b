"""Whom the kernel sends frames to: the route to an address, the neighbour table, the interface behind an index.

rtnetlink(7) by hand, for the driver of the offload device: pyroute2's import alone takes longer than its whole start. Everything
works on the namespace of the calling thread.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator

from rig.net.attributes import attributes

RTM_NEWLINK, RTM_GETLINK, RTM_GETROUTE, RTM_NEWNEIGH, RTM_GETNEIGH = 16, 18, 26, 28, 30
NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP, NLM_F_REPLACE, NLM_F_CREATE = 0x1, 0x4, 0x300, 0x100, 0x400
NLMSG_ERROR, NLMSG_DONE = 2, 3
RTA_DST, RTA_OIF, RTA_GATEWAY, RTA_VIA = 1, 4, 5, 18
NDA_DST, NDA_LLADDR = 1, 2
IFLA_LINKINFO, IFLA_INFO_KIND = 18, 1
NUD_STALE = 0x04
HEADER = struct.Struct("=IHHII")
"""struct nlmsghdr: length, type, flags, sequence, port"""
ROUTE, NEIGHBOUR, LINK = struct.Struct("=8BI"), struct.Struct("=BxxxiHBB"), struct.Struct("=BxHiII")
"""struct rtmsg, ndmsg, ifinfomsg"""
MAC_BYTES = 6
ANSWER_BYTES = 1 << 17


def family_of(address: str) -> int:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def route_to(address: str) -> tuple[str, int]:
    """Who takes frames for `address` (itself, or a gateway) and the index of the interface. Raises OSError: no route."""
    family = family_of(address)
    destination = socket.inet_pton(family, address)
    header = ROUTE.pack(family, 8 * len(destination), *[0] * 7)
    answer = next(_ask(RTM_GETROUTE, 0, header + _attribute(RTA_DST, destination)))
    values = {kind: answer[start:end] for kind, start, end in attributes(answer, ROUTE.size)}
    gateway = values.get(RTA_GATEWAY) or values.get(RTA_VIA, b"")[2:]
    hop = socket.inet_ntop(socket.AF_INET if len(gateway) == 4 else socket.AF_INET6, gateway) if gateway else address
    return hop, struct.unpack("=i", values[RTA_OIF])[0]


def neighbours(family: int) -> dict[str, bytes]:
    """MAC by address."""
    found = {}
    for message in _ask(RTM_GETNEIGH, NLM_F_DUMP, NEIGHBOUR.pack(family, 0, 0, 0, 0)):
        values = {kind: message[start:end] for kind, start, end in attributes(message, NEIGHBOUR.size)}
        mac = values.get(NDA_LLADDR, b"")
        if NDA_DST in values and len(mac) == MAC_BYTES:
            found[socket.inet_ntop(family, values[NDA_DST])] = mac
    return found


def tell_neighbour(address: str, mac: bytes, interface: int) -> None:
    """As hearsay (STALE): used at once, and verified. Raises OSError."""
    family = family_of(address)
    body = NEIGHBOUR.pack(family, interface, NUD_STALE, 0, 0)
    body += _attribute(NDA_DST, socket.inet_pton(family, address)) + _attribute(NDA_LLADDR, mac)
    for _ in _ask(RTM_NEWNEIGH, NLM_F_ACK | NLM_F_REPLACE | NLM_F_CREATE, body):
        pass


def describe_interface(index: int) -> str:
    """Name and, when the kernel tells, kind: "eth0.5 (vlan)"."""
    name = socket.if_indextoname(index)
    message = next(_ask(RTM_GETLINK, 0, LINK.pack(0, 0, index, 0, 0)))
    for kind, start, end in attributes(message, LINK.size):
        if kind == IFLA_LINKINFO:
            for inner, inner_start, inner_end in attributes(message[start:end], 0):
                if inner == IFLA_INFO_KIND:
                    return f"{name} ({message[start + inner_start : start + inner_end].rstrip(bytes(1)).decode()})"
    return name


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def _ask(kind: int, flags: int, body: bytes) -> Iterator[bytes]:
    """The bodies of the messages that answer. Raises OSError for an error."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as netlink:
        netlink.send(HEADER.pack(HEADER.size + len(body), kind, NLM_F_REQUEST | flags, 1, 0) + body)
        while True:
            for answer, message in _messages(netlink.recv(ANSWER_BYTES)):
                if answer == NLMSG_DONE:
                    return
                if answer == NLMSG_ERROR:
                    number = -struct.unpack_from("=i", message)[0]
                    if number:
                        raise OSError(number, os.strerror(number))
                    return
                yield message
            if not flags & (NLM_F_DUMP | NLM_F_ACK):
                return


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    offset = 0
    while offset + HEADER.size <= len(data):
        length, kind, _, _, _ = HEADER.unpack_from(data, offset)
        yield kind, data[offset + HEADER.size : offset + length]
        offset += max((length + 3) & ~3, HEADER.size)
