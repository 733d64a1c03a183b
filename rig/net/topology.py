"""A topology: which machines there are, read from a TOML file.

    name = "flat"                        optional, the file's name otherwise
    description = "one sentence"         optional
    [wire]                               optional
    bridge = "br0"
    [hosts.NAME]                         NAME is also the namespace's name
    role = "host" | "server" | "peer"    one host, at least one server, any number of peers
    mac = "02:00:00:00:01:10"            locally administered, so that it can never be a real NIC's
    ipv4 = "192.0.2.10/24"               at least one of the two
    ipv6 = "2001:db8:0:1::10/64"

All machines sit on one bridge, so their addresses share the host's networks. Bad files raise UsageError RIG-C01 that
names file, line and key.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Interface, IPv6Interface, ip_interface
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from rig.errors import UsageError
from rig.toml_lines import load_toml

if TYPE_CHECKING:
    from rig.net.network import Network

ROLES = ("host", "server", "peer")
HOST_KEYS = ("role", "mac", "ipv4", "ipv6")
NAME_PATTERN = re.compile(r"[a-z][a-z0-9-]{0,11}")
"""Names become part of interface names: at most 15 bytes with "p-" in front."""

RESERVED_NAMES = ("wire",)
"""The namespace of the bridge."""


@dataclass(frozen=True)
class HostSpec:
    """One machine. `port`: its end of the cable in the wire namespace; its own end is always "eth0"."""

    name: str
    role: str
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
class Topology:
    """All machines on one bridge. `path`: the file it came from."""

    name: str
    description: str
    path: Path
    bridge: str
    hosts: dict[str, HostSpec]

    @property
    def host(self) -> HostSpec:
        """The machine that sleeps."""
        return self.by_role("host")[0]

    @property
    def server(self) -> HostSpec:
        """The first server."""
        return self.by_role("server")[0]

    def by_role(self, role: str) -> list[HostSpec]:
        return [host for host in self.hosts.values() if host.role == role]


def load(name_or_path: str | Path) -> Topology:
    """Read a topology by name ("flat") or path. Raises UsageError RIG-C01 (file, line and key) or RIG-C03 (not found)."""
    path = find(name_or_path)
    table, line_of = load_toml(path)
    return _Reader(path, line_of).topology(table)


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
    known = sorted({p.stem for folder in _folders() for p in folder.glob("*.toml")})
    raise UsageError(
        "RIG-C03", f"no topology {str(name_or_path)!r}", f"use one of {', '.join(known)}, or the path of a TOML file"
    )


def _folders() -> list[Path]:
    package = Path(__file__).resolve().parents[1]
    return [Path("netns"), package.parent / "netns", package / "_netns"]


class _Reader:
    """Turns tables into a Topology; every complaint names the line."""

    def __init__(self, path: Path, line_of: Callable[[str], int]) -> None:
        self._path = path
        self._line_of = line_of

    def topology(self, table: dict[str, Any]) -> Topology:
        self._only(table, "", ("name", "description", "wire", "hosts"))
        wire = self._table(table, "wire", {})
        self._only(wire, "wire", ("bridge",))
        hosts = {name: self._host(name, table["hosts"]) for name in self._table(table, "hosts")}
        self._check_roles(hosts)
        self._check_addresses(hosts)
        name, description = self._text(table, "name", self._path.stem), self._text(table, "description", "")
        return Topology(name, description, self._path, self._text(wire, "wire.bridge", "br0"), hosts)

    def _host(self, name: str, hosts: dict[str, Any]) -> HostSpec:
        key = f"hosts.{name}"
        if not NAME_PATTERN.fullmatch(name) or name in RESERVED_NAMES:
            self._refuse(key, name, "a name of 1 to 12 small letters, digits and dashes, but not 'wire'")
        table = self._table(hosts, key)
        self._only(table, key, HOST_KEYS)
        role = self._text(table, f"{key}.role")
        if role not in ROLES:
            self._refuse(f"{key}.role", role, "one of " + ", ".join(map(repr, ROLES)))
        ipv4 = self._address(table, f"{key}.ipv4", IPv4Interface)
        ipv6 = self._address(table, f"{key}.ipv6", IPv6Interface)
        if ipv4 is None and ipv6 is None:
            self._refuse(key, None, "an ipv4 or an ipv6 address")
        port = "ph" if role == "host" else "ps" if name == "server" else f"p-{name}"
        return HostSpec(name, role, self._mac(table, f"{key}.mac"), port, ipv4, ipv6)

    def _mac(self, table: dict[str, Any], key: str) -> str:
        mac = self._text(table, key).lower()
        if not re.fullmatch(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}", mac) or int(mac[:2], 16) & 3 != 2:
            self._refuse(key, mac, 'a locally administered unicast address, e.g. "02:00:00:00:01:10"')
        return mac

    def _address(self, table: dict[str, Any], key: str, kind: type[Any]) -> Any:
        if key.rsplit(".", 1)[1] not in table:
            return None
        text = self._text(table, key)
        example = "192.0.2.10/24" if kind is IPv4Interface else "2001:db8:0:1::10/64"
        try:
            address = ip_interface(text)
        except ValueError:
            self._refuse(key, text, f'an address with prefix length, e.g. "{example}"')
        whole = address.network.prefixlen == address.max_prefixlen
        if not isinstance(address, kind) or whole or not _is_host_address(address):
            self._refuse(key, text, f'a machine\'s address with prefix length, e.g. "{example}"')
        return address

    def _check_roles(self, hosts: dict[str, HostSpec]) -> None:
        roles = [host.role for host in hosts.values()]
        if roles.count("host") != 1 or "server" not in roles:
            self._refuse("hosts", roles, 'exactly one role "host" and at least one role "server"')

    def _check_addresses(self, hosts: dict[str, HostSpec]) -> None:
        main = next(host for host in hosts.values() if host.role == "host")
        seen: dict[str, str] = {}
        for host in hosts.values():
            for field in ("mac", "ipv4", "ipv6"):
                value = getattr(host, field)
                key, text = f"hosts.{host.name}.{field}", str(getattr(value, "ip", value))
                if value is not None and seen.setdefault(text, key) != key:
                    self._refuse(key, text, f"an address of its own; {seen[text]} has it already")
            for field in ("ipv4", "ipv6"):
                ours, its = getattr(main, field), getattr(host, field)
                if ours is not None and its is not None and its.network != ours.network:
                    self._refuse(f"hosts.{host.name}.{field}", str(its), f"an address in the host's network {ours.network}")

    def _table(self, parent: dict[str, Any], key: str, default: dict[str, Any] | None = None) -> dict[str, Any]:
        value = parent.get(key.rsplit(".", 1)[-1], default)
        if not isinstance(value, dict):
            self._refuse(key, value, f"a table [{key}]")
        return value

    def _text(self, parent: dict[str, Any], key: str, default: str | None = None) -> str:
        value = parent.get(key.rsplit(".", 1)[-1], default)
        if not isinstance(value, str) or (not value and default is None):
            self._refuse(key, value, "a text in quotes")
        return value

    def _only(self, table: dict[str, Any], prefix: str, known: tuple[str, ...]) -> None:
        for name in table:
            if name not in known:
                key = f"{prefix}.{name}" if prefix else name
                self._refuse(key, table[name], f"only {', '.join(known)} here", unknown=True)

    def _refuse(self, key: str, value: object, expected: str, *, unknown: bool = False) -> NoReturn:
        shown = "is missing" if value is None else "is not known" if unknown else f"= {_shown(value)}"
        raise UsageError(
            "RIG-C01", f"{self._path}:{self._line_of(key)}: {key} {shown}: expected {expected}", f"edit {self._path}"
        )


def _is_host_address(address: IPv4Interface | IPv6Interface) -> bool:
    """Not the network's own address, not its broadcast address, not multicast, not unspecified."""
    network = address.network
    return (
        not address.is_multicast
        and address.ip != network.network_address
        and (isinstance(address, IPv6Interface) or address.ip != network.broadcast_address)
    )


def _shown(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else "{...}" if isinstance(value, dict) else str(value)
