"""An app that joins multicast groups, as service discovery does: sockets of the host's kernel, nothing of the host API."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable

from rig.net.machines import NEAR_IFNAME
from rig.standby.api import App


class GroupApp:
    """Holds one socket a group; closing it leaves the group."""

    def __init__(self, app: App) -> None:
        self.app = app
        self._sockets: dict[str, socket.socket] = {}

    def join(self, groups: Iterable[str]) -> None:
        for group in groups:
            self._sockets[group] = _joined(group)

    def leave(self, groups: Iterable[str]) -> None:
        for group in groups:
            self._sockets.pop(group).close()


def _joined(group: str) -> socket.socket:
    index = socket.if_nametoindex(NEAR_IFNAME)
    family = socket.AF_INET6 if ":" in group else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    packed = socket.inet_pton(family, group)
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, packed + struct.pack("=i", index))
    else:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, packed + bytes(4) + struct.pack("=i", index))
    return sock
