"""Machines and what connects them: what a topology says, checked (`rig/net/topology.py` has the form of its file)."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Interface, IPv6Interface
from pathlib import Path
from typing import Any, Literal

from rig.errors import UsageError
from rig.net.shaping.shape import PLAIN, Shape

NEAR_IFNAME, FAR_IFNAME = "eth0", "eth1"
"""A machine's interface, and a router's second one."""


@dataclass(frozen=True)
class NatSpec:
    """What a router's address translation forgets, and what becomes of the forgotten."""

    established_s: int
    """Idle time after which a connection is forgotten."""
    forgotten: Literal["remap", "drop"]
    """A segment of a forgotten connection gets a new port, so that the server resets it, or is dropped."""


@dataclass(frozen=True)
class Leg:
    """One interface of a machine. `port`: its end of the cable in the wire namespace."""

    name: str
    """The machine's."""
    ifname: str
    mac: str
    port: str
    ipv4: IPv4Interface | None
    ipv6: IPv6Interface | None

    @property
    def addresses(self) -> list[IPv4Interface | IPv6Interface]:
        """With their networks, IPv4 first."""
        return [address for address in (self.ipv4, self.ipv6) if address is not None]

    @property
    def ip4(self) -> str:
        """The IPv4 address as text. Raises UsageError RIG-C02 when it has none."""
        return str(self._has(self.ipv4, "IPv4").ip)

    @property
    def ip6(self) -> str:
        """The IPv6 address as text. Raises UsageError RIG-C02 when it has none."""
        return str(self._has(self.ipv6, "IPv6").ip)

    def _has(self, address: Any, family: str) -> Any:
        if address is None:
            raise UsageError("RIG-C02", f"{self.name} has no {family} address in this topology", "use --topology dual-stack")
        return address


@dataclass(frozen=True)
class HostSpec(Leg):
    """One machine; the leg is its "eth0". `far` and `nat`: of a router. `cable`: what that of the leg does to frames."""

    role: str = "peer"
    far: Leg | None = None
    nat: NatSpec | None = None
    cable: Shape = PLAIN

    @property
    def legs(self) -> list[Leg]:
        return [self, self.far] if self.far is not None else [self]


@dataclass(frozen=True)
class Topology:
    """Machines on the host's bridge, and those on the far bridge behind the routers. `path`: the file it came from."""

    name: str
    description: str
    path: Path
    bridge: str
    far_bridge: str
    hosts: dict[str, HostSpec]

    @property
    def host(self) -> HostSpec:
        """The machine that sleeps."""
        return self.by_role("host")[0]

    @property
    def server(self) -> HostSpec:
        """The first server."""
        return self.by_role("server")[0]

    @property
    def routers(self) -> list[HostSpec]:
        """The first is everybody's gateway."""
        return self.by_role("router")

    @property
    def next_hop(self) -> HostSpec:
        """The machine that the host sends to when it speaks with the server: the gateway, or the server itself."""
        return self.routers[0] if self.is_far(self.server) else self.server

    @property
    def last_hop(self) -> Leg:
        """Whose frames bring the server what the host sent: the gateway's far leg, or the host."""
        return self.routers[0].legs[-1] if self.is_far(self.server) else self.host

    @property
    def legs(self) -> list[Leg]:
        """Every interface of every machine."""
        return [leg for host in self.hosts.values() for leg in host.legs]

    def by_role(self, role: str) -> list[HostSpec]:
        return [host for host in self.hosts.values() if host.role == role]

    def is_far(self, leg: Leg) -> bool:
        """Whether it is on the bridge behind the routers."""
        if not self.routers:
            return False
        near = {address.network for address in self.host.addresses}
        return not any(address.network in near for address in leg.addresses)

    def bridge_of(self, leg: Leg) -> str:
        return self.far_bridge if self.is_far(leg) else self.bridge
