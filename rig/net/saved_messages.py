"""Addresses, routes and neighbours of an interface as the kernel's own messages, read and given back to it word for word.

That is what `ip address save` and `ip route save` do: a dump's messages are requests too, whatever attributes a kernel puts
in (lifetimes, metrics, several next hops). Everything here works on the namespace of the calling thread. rtnetlink(7).
"""

from __future__ import annotations

import errno
import os
import socket
import struct

from rig.net import netlink
from rig.net.attributes import attributes

RTM_NEWADDR, RTM_NEWROUTE, RTM_NEWNEIGH = 20, 24, 28
DUMP_OF = {RTM_NEWADDR: 22, RTM_NEWROUTE: 26, RTM_NEWNEIGH: 30}
"""RTM_GET* of each."""
FIXED_BYTES = {RTM_NEWADDR: 8, RTM_NEWROUTE: 12, RTM_NEWNEIGH: 12}
"""struct ifaddrmsg, rtmsg, ndmsg"""
NLM_F_CREATE = 0x400

RTA_OIF, RTA_GATEWAY, RTA_MULTIPATH, RTA_VIA = 4, 5, 9, 18
IFA_FLAGS = 8
IFA_F_NODAD, IFA_F_TENTATIVE = 0x02, 0x40
RTNH_F_ONLINK = 0x4
RTPROT_KERNEL, RTPROT_RA = 2, 9
NUD_PERMANENT = 0x80
NEXT_HOP = struct.Struct("=HBBi")
"""struct rtnexthop: length, flags, hops, interface"""


def addresses_of(index: int) -> list[bytes]:
    """Those of both families, in the order that makes the first the primary one again."""
    return [body for body in _dump(RTM_NEWADDR) if struct.unpack_from("=I", body, 4)[0] == index]


def routes_of(index: int) -> list[bytes]:
    """Routes that leave through the interface, those without a gateway first, as the others' gateways are reached through them.

    Not those that the kernel makes: from an address, or from a router's advertisement, which it asks for when the link comes up.
    """
    found = [body for body in _dump(RTM_NEWROUTE) if body[5] not in (RTPROT_KERNEL, RTPROT_RA) and index in _interfaces(body)]
    return sorted(found, key=_has_gateway)


def permanent_neighbours_of(index: int) -> list[bytes]:
    """Entries that somebody set by hand; the others are learned again."""
    return [body for body in _dump(RTM_NEWNEIGH) if struct.unpack_from("=iH", body, 4) == (index, NUD_PERMANENT)]


def give_back(kind: int, body: bytes, old_index: int, index: int) -> str:
    """Make what `body` describes, on the interface that has `index` now. "" or why the kernel refused; there already is fine."""
    message = bytearray(body)
    if kind == RTM_NEWROUTE:
        _mend_route(message, old_index, index)
    else:
        struct.pack_into("=I", message, 4, index)
    if kind == RTM_NEWADDR:
        _spare_detection(message)
    with netlink.kernel() as kernel:
        kernel.send(netlink.request(kind, netlink.NLM_F_ACK | NLM_F_CREATE, bytes(message)))
        [error] = netlink.acknowledgements(kernel.recv(netlink.ANSWER_BYTES))
    return "" if error in (0, errno.EEXIST) else os.strerror(error)


def _mend_route(message: bytearray, old_index: int, index: int) -> None:
    """Flags that say how the link was at that moment are no wish, and the kernel refuses them."""
    struct.pack_into("=I", message, 8, struct.unpack_from("=I", message, 8)[0] & RTNH_F_ONLINK)
    for kind, start, end in list(attributes(bytes(message), FIXED_BYTES[RTM_NEWROUTE])):
        if kind == RTA_OIF:
            struct.pack_into("=i", message, start, index)
        while kind == RTA_MULTIPATH and start + NEXT_HOP.size <= end:
            length, flags, hops, interface = NEXT_HOP.unpack_from(message, start)
            interface = index if interface == old_index else interface
            NEXT_HOP.pack_into(message, start, length, flags & RTNH_F_ONLINK, hops, interface)
            start += max(length, NEXT_HOP.size)


def _spare_detection(message: bytearray) -> None:
    """An address that was in use a moment ago is ours: without detection it can be a route's source at once."""
    tentative = message[2] & IFA_F_TENTATIVE
    if message[0] != socket.AF_INET6 or tentative:
        return
    message[2] |= IFA_F_NODAD
    for kind, start, _ in list(attributes(bytes(message), FIXED_BYTES[RTM_NEWADDR])):
        if kind == IFA_FLAGS:
            struct.pack_into("=I", message, start, struct.unpack_from("=I", message, start)[0] | IFA_F_NODAD)


def _interfaces(route: bytes) -> set[int]:
    found = set()
    for kind, start, end in attributes(route, FIXED_BYTES[RTM_NEWROUTE]):
        if kind == RTA_OIF:
            found.add(struct.unpack_from("=i", route, start)[0])
        while kind == RTA_MULTIPATH and start + NEXT_HOP.size <= end:
            length, _, _, interface = NEXT_HOP.unpack_from(route, start)
            found.add(interface)
            start += max(length, NEXT_HOP.size)
    return found


def _has_gateway(route: bytes) -> bool:
    kinds = {kind for kind, _, _ in attributes(route, FIXED_BYTES[RTM_NEWROUTE])}
    return bool(kinds & {RTA_GATEWAY, RTA_VIA, RTA_MULTIPATH})


def _dump(kind: int) -> list[bytes]:
    """The messages of a kind, without their headers."""
    with netlink.kernel() as kernel:
        kernel.send(netlink.request(DUMP_OF[kind], netlink.NLM_F_DUMP, bytes(FIXED_BYTES[kind])))
        found: list[bytes] = []
        while True:
            for answer, body in netlink.messages(kernel.recv(netlink.ANSWER_BYTES)):
                if answer == netlink.NLMSG_DONE:
                    return found
                if answer == netlink.NLMSG_ERROR:
                    number = netlink.errno_of(body)
                    raise OSError(number, os.strerror(number))
                found.append(body)
