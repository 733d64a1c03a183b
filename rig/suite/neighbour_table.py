"""The neighbour tables of the bench's kernels: what stands in them for an address."""

from __future__ import annotations

import socket
from dataclasses import dataclass

from rig.net import links
from rig.net.namespace import Namespace

NTF_ROUTER = 0x80
"""neighbour.h"""


@dataclass(frozen=True)
class Neighbour:
    """An entry of a kernel's neighbour table."""

    state: int
    mac: str | None
    router: bool


def neighbour(namespace: Namespace, address: str) -> Neighbour | None:
    """The entry for `address`, None when there is none."""

    def read() -> Neighbour | None:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with links.rtnetlink() as route:
            for row in route.get_neighbours(dst=address, family=family):
                return Neighbour(row["state"], row.get_attr("NDA_LLADDR"), bool(row["flags"] & NTF_ROUTER))
        return None

    return namespace.run(read)


def forget(namespace: Namespace, address: str) -> None:
    """Take the entry out, so that the next packet asks anew."""

    def remove() -> None:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with links.rtnetlink() as route:
            for row in route.get_neighbours(dst=address, family=family):
                route.neigh("del", dst=address, ifindex=row["ifindex"], family=family)

    namespace.run(remove)
