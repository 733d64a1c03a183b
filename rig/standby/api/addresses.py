"""Names and ports of hosts, as the kernel's sockets take them."""

from __future__ import annotations

import socket
from typing import Any, TypeAlias

from rig.standby.api.transport import check_port

Address: TypeAlias = tuple[str, int]

ANY = "0.0.0.0"
"""All IPv4 addresses of the host. "::" is all IPv6 ones: one socket has one family, as what the device keeps has."""


def resolved(host: str, port: int, kind: socket.SocketKind, family: int = socket.AF_UNSPEC) -> tuple[int, int, Any]:
    """Family, protocol and address, the first that the resolver has. Raises OSError; HostError INVALID_ARG for a port that cannot
    be one."""
    check_port(port)
    found_family, _, protocol, _, address = socket.getaddrinfo(host, port, family, kind)[0]
    return found_family, protocol, address


def bound(host: str, port: int, kind: socket.SocketKind, backlog: int | None = None) -> socket.socket:
    """A socket of its own at that address, and listening where a `backlog` is given. Raises as `resolved`."""
    family, protocol, address = resolved(host or ANY, port, kind)
    sock = socket.socket(family, kind, protocol)
    try:
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if backlog is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
        if backlog is not None:
            sock.listen(backlog)
    except BaseException:
        sock.close()
        raise
    return sock


def plain(address: Any) -> Address:
    """Without what IPv6 has beside."""
    host, port = address[:2]
    return host, port
