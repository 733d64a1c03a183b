"""The next hop of each connection: found when it is offloaded, refreshed before each sleep, followed after it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Protocol

from rig.errors import BenchError
from rig.net import next_hops
from rig.net.next_hops import family_of


@dataclass(frozen=True)
class NextHop:
    """Who takes a connection's frames on their first way."""

    mac: bytes
    ip: str = ""
    """Empty: not known, so nothing is learnt."""
    interface: int = 0
    """Index of the interface that it is behind."""


class HasNextHop(Protocol):
    """A connection."""

    next_hop: NextHop


class NextHops:
    """Of the host's namespace, which the calling thread is in. `interface`: index of the one in whose place the device stands,
    0: not known."""

    def __init__(self, interface: int = 0) -> None:
        self._interface = interface

    def find(self, remote: str) -> NextHop:
        """Whom the kernel sends frames for `remote` to. Raises BenchError RIG-N22 when there is no way; N10 when nobody knows its
        MAC; N14 when it is not the device's: a VLAN of the host's, a tunnel, the machine itself. The device would speak where
        nobody listens."""
        try:
            address, interface = next_hops.route_to(remote)
            self._check(remote, interface)
            mac = next_hops.neighbours(family_of(address)).get(address)
        except OSError as error:
            raise BenchError("RIG-N22", f"the host has no way to {remote}: {error.strerror}", "check its routes") from error
        if mac is None:
            cause = f"the host's neighbour table has no address for {address}"
            raise BenchError("RIG-N10", cause, "check the topology's addresses")
        return NextHop(mac, address, interface)

    def refresh(self, connections: Iterable[HasNextHop]) -> None:
        """What the kernel has heard while the host was awake; where it knows nothing any more, what was known stays."""
        connections = list(connections)
        for family in {family_of(c.next_hop.ip) for c in connections if c.next_hop.ip}:
            known = next_hops.neighbours(family)
            for connection in connections:
                hop = connection.next_hop
                connection.next_hop = replace(hop, mac=known.get(hop.ip, hop.mac))

    def follow(self, connection: HasNextHop, mac: bytes) -> None:
        """It has another MAC, as the device heard: the kernel must know before it sends. Raises OSError."""
        hop = connection.next_hop = replace(connection.next_hop, mac=mac)
        next_hops.tell_neighbour(hop.ip, hop.mac, hop.interface)

    def _check(self, remote: str, interface: int) -> None:
        if self._interface and interface != self._interface:
            theirs, ours = (next_hops.describe_interface(index) for index in (interface, self._interface))
            cause = f"the way to {remote} is through {theirs}, and the device stands in for {ours} alone"
            raise BenchError("RIG-N14", cause, "give it a software slot, or change the route")
