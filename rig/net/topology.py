"""A topology: which machines there are, read from a TOML file.

    name = "flat"                        optional, the file's name otherwise
    description = "one sentence"         optional
    [wire]                               optional
    bridge = "br0"
    far_bridge = "br1"
    [hosts.NAME]                         NAME is also the namespace's name
    role = "host" | "server" | "peer" | "router"
                                         one host, at least one server, any number of peers and routers
    mac = "02:00:00:00:01:10"            locally administered, so that it can never be a real NIC's
    ipv4 = "192.0.2.10/24"               at least one of the two
    ipv6 = "2001:db8:0:1::10/64"
    [hosts.NAME.far]                     a router's leg in the network behind it: mac, ipv4, ipv6
    [hosts.NAME.nat]                     optional: the router translates the host's IPv4 addresses to its far one
    established_s = 2                    how long it remembers an idle connection, seconds
    forgotten = "remap" | "drop"         what it does with a segment of a connection that it has forgotten

A machine sits where its addresses belong: on the host's bridge, or on the one behind the routers. The first router is the
host's gateway and that of the machines behind it. Bad files raise UsageError RIG-C01 that names file, line and key.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Interface, IPv6Interface
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rig.errors import UsageError
from rig.toml_lines import load_toml

if TYPE_CHECKING:
    from rig.net.network import Network

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
    """One machine; the leg is its "eth0". `far` and `nat`: of a router."""

    role: str = "peer"
    far: Leg | None = None
    nat: NatSpec | None = None

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


def load(name_or_path: str | Path) -> Topology:
    """Read a topology by name ("flat") or path. Raises UsageError RIG-C01 (file, line and key) or RIG-C03 (not found)."""
    from rig.net.topology_file import Reader

    path = find(name_or_path)
    table, line_of = load_toml(path)
    return Reader(path, line_of).topology(table)


def build(topology: Topology, device_kind: str = "native") -> Network:
    """Make the network, gate open. See rig.net.network.Network."""
    from rig.net.network import Network

    return Network(topology, device_kind)


def find(name_or_path: str | Path) -> Path:
    """A path as given, else ./netns/NAME.toml, the checkout's netns/, the packaged copy. UsageError RIG-C03 if none."""
    given = Path(name_or_path)
    if given.suffix == ".toml" or given.parent != Path():
        candidates = [given]
    else:
        candidates = [folder / f"{given.name}.toml" for folder in _folders()]
    for path in candidates:
        if path.is_file():
            return path
    raise UsageError(
        "RIG-C03", f"no topology {str(name_or_path)!r}", f"use one of {', '.join(names())}, or the path of a TOML file"
    )


def names() -> list[str]:
    """Of the topologies that need no path."""
    return sorted({path.stem for folder in _folders() for path in folder.glob("*.toml")})


def _folders() -> list[Path]:
    package = Path(__file__).resolve().parents[1]
    return [Path("netns"), package.parent / "netns", package / "_netns"]
