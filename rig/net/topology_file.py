"""A topology's file, checked: every complaint is a UsageError RIG-C01 that names file, line and key (rig/toml_checks.py)."""

from __future__ import annotations

import re
from dataclasses import replace
from ipaddress import IPv4Interface, IPv6Interface, ip_interface
from pathlib import Path
from typing import Any

from rig.net.machines import FAR_IFNAME, NEAR_IFNAME, HostSpec, Leg, NatSpec, Topology
from rig.net.shaping import shape
from rig.net.shaping.shape import Shape
from rig.toml_checks import TomlFile

ROLES = ("host", "server", "peer", "router")
LEG_KEYS = ("mac", "ipv4", "ipv6")
HOST_KEYS = ("role", *LEG_KEYS)
MACHINE_KEYS = (*HOST_KEYS, "cable")
ROUTER_KEYS = (*MACHINE_KEYS, "far", "nat")
KEYS = {"host": HOST_KEYS, "router": ROUTER_KEYS}
"""Of the others: MACHINE_KEYS."""
FORGOTTEN = ("remap", "drop")
LONGEST_S = 5 * 24 * 3600
"""What Linux takes unasked: five days."""

NAME_PATTERN = re.compile(r"[a-z][a-z0-9-]{0,11}")
"""Names become part of interface names: at most 15 bytes with "p-" in front."""

RESERVED_NAMES = ("wire",)
"""The namespace of the bridges."""


class Reader:
    """Turns tables into a Topology; every complaint names the line."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = TomlFile(path, form="rig help topology")
        self._refuse = self._file.refuse

    def topology(self) -> Topology:
        table = self._file.content
        self._file.only(table, "", ("name", "description", "wire", "hosts"))
        wire = self._file.table(table, "wire", {})
        self._file.only(wire, "wire", ("bridge", "far_bridge"))
        hosts = {name: self._host(name, table["hosts"]) for name in self._file.table(table, "hosts")}
        hosts = _with_server_port(hosts)
        self._check_roles(hosts)
        self._check_addresses(hosts)
        name, description = self._file.text(table, "name", self._path.stem), self._file.text(table, "description", "")
        bridges = self._file.text(wire, "wire.bridge", "br0"), self._file.text(wire, "wire.far_bridge", "br1")
        if bridges[0] == bridges[1]:
            self._refuse("wire.far_bridge", bridges[1], "a name of its own; wire.bridge has it already")
        return Topology(name, description, self._path, *bridges, hosts)

    def _host(self, name: str, hosts: dict[str, Any]) -> HostSpec:
        key = f"hosts.{name}"
        if not NAME_PATTERN.fullmatch(name) or name in RESERVED_NAMES:
            self._refuse(key, name, "a name of 1 to 12 small letters, digits and dashes, but not 'wire'")
        table = self._file.table(hosts, key)
        role = table.get("role")
        if role not in ROLES:
            self._refuse(f"{key}.role", role, "one of " + ", ".join(map(repr, ROLES)))
        self._file.only(table, key, KEYS.get(role, MACHINE_KEYS))
        port = "ph" if role == "host" else f"p-{name}"
        far = self._far(name, table, f"{key}.far") if role == "router" else None
        nat = self._nat(table, f"{key}.nat") if "nat" in table else None
        cable = self._cable(table, f"{key}.cable") if "cable" in table else shape.PLAIN
        return HostSpec(name, NEAR_IFNAME, *self._leg(table, key, port), role, far, nat, cable)

    def _leg(self, table: dict[str, Any], key: str, port: str) -> tuple[str, str, IPv4Interface | None, IPv6Interface | None]:
        """mac, port, ipv4, ipv6."""
        ipv4 = self._address(table, f"{key}.ipv4", IPv4Interface)
        ipv6 = self._address(table, f"{key}.ipv6", IPv6Interface)
        if ipv4 is None and ipv6 is None:
            self._refuse(key, None, "an ipv4 or an ipv6 address")
        return self._mac(table, f"{key}.mac"), port, ipv4, ipv6

    def _far(self, name: str, router: dict[str, Any], key: str) -> Leg:
        table = self._file.table(router, key)
        self._file.only(table, key, LEG_KEYS)
        return Leg(name, FAR_IFNAME, *self._leg(table, key, f"f-{name}"))

    def _nat(self, router: dict[str, Any], key: str) -> NatSpec:
        table = self._file.table(router, key)
        self._file.only(table, key, ("established_s", "forgotten"))
        established_s = table.get("established_s")
        if isinstance(established_s, bool) or not isinstance(established_s, int) or not 1 <= established_s <= LONGEST_S:
            self._refuse(f"{key}.established_s", established_s, f"whole seconds, 1 to {LONGEST_S}")
        forgotten = self._file.text(table, f"{key}.forgotten", "remap")
        if forgotten not in FORGOTTEN:
            self._refuse(f"{key}.forgotten", forgotten, "one of " + ", ".join(map(repr, FORGOTTEN)))
        return NatSpec(established_s, "drop" if forgotten == "drop" else "remap")

    def _cable(self, machine: dict[str, Any], key: str) -> Shape:
        table = self._file.table(machine, key)
        self._file.only(table, key, shape.KEYS)
        for name, value in table.items():
            if expected := shape.expectation(name, value, table):
                self._refuse(f"{key}.{name}", value, expected)
        return Shape(**table)

    def _mac(self, table: dict[str, Any], key: str) -> str:
        mac = self._file.text(table, key).lower()
        if not re.fullmatch(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}", mac) or int(mac[:2], 16) & 3 != 2:
            self._refuse(key, mac, 'a locally administered unicast address, e.g. "02:00:00:00:01:10"')
        return mac

    def _address(self, table: dict[str, Any], key: str, kind: type[Any]) -> Any:
        if key.rsplit(".", 1)[1] not in table:
            return None
        text = self._file.text(table, key)
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
        legs = {f"hosts.{host.name}{'' if leg is host else '.far'}": leg for host in hosts.values() for leg in host.legs}
        self._check_each_its_own(legs)
        main = next(host for host in hosts.values() if host.role == "host")
        far = next((host.far for host in hosts.values() if host.far is not None), None)
        for host in hosts.values():
            if host.far is not None:
                self._check_router(host, host.far, main)
        for key, leg in legs.items():
            self._check_place(key, leg, main, far)

    def _check_each_its_own(self, legs: dict[str, Leg]) -> None:
        seen: dict[str, str] = {}
        for prefix, leg in legs.items():
            for field in LEG_KEYS:
                value = getattr(leg, field)
                key, text = f"{prefix}.{field}", str(getattr(value, "ip", value))
                if value is not None and seen.setdefault(text, key) != key:
                    self._refuse(key, text, f"an address of its own; {seen[text]} has it already")

    def _check_place(self, prefix: str, leg: Leg, main: HostSpec, far: Leg | None) -> None:
        """On the host's side or behind the routers, with both of its addresses; a router with one leg on each."""
        places: set[str] = set()
        for field in ("ipv4", "ipv6"):
            its, near, behind = (getattr(one, field, None) for one in (leg, main, far))
            if its is None or near is None:
                continue
            networks = {"the host's network": near, "the routers' far network": behind}
            if far is not None and (leg.ifname == FAR_IFNAME or (isinstance(leg, HostSpec) and leg.far is not None)):
                del networks["the host's network" if leg.ifname == FAR_IFNAME else "the routers' far network"]
            allowed = {name: one.network for name, one in networks.items() if one is not None}
            found = {name for name, network in allowed.items() if its.network == network}
            places |= found
            if not found or len(places) > 1:
                where = " or ".join(f"{name} {network}" for name, network in allowed.items())
                both = ", where its other one is" if found else ""
                self._refuse(f"{prefix}.{field}", str(its), f"an address in {where}{both}")

    def _check_router(self, router: HostSpec, far: Leg, main: HostSpec) -> None:
        """The far leg is elsewhere, with the families of the near one; there is an IPv4 address to translate to."""
        for field in ("ipv4", "ipv6"):
            near, behind, hosts = (getattr(one, field) for one in (router, far, main))
            if behind is not None and hosts is not None and hosts.network.overlaps(behind.network):
                where = f"an address outside the host's network {hosts.network}"
                self._refuse(f"hosts.{router.name}.far.{field}", str(behind), where)
            if (near is None) != (behind is None):
                self._refuse(f"hosts.{router.name}.far.{field}", None if behind is None else str(behind), f"{field} on both legs")
        if router.nat is not None and router.ipv4 is None:
            self._refuse(f"hosts.{router.name}.nat", {}, "a router with ipv4 addresses")


def _with_server_port(hosts: dict[str, HostSpec]) -> dict[str, HostSpec]:
    """The first server, whatever its name, is the bench's: its end of the cable is "ps" for every test."""
    first = next((host.name for host in hosts.values() if host.role == "server"), "")
    return {name: replace(host, port="ps") if name == first else host for name, host in hosts.items()}


def _is_host_address(address: IPv4Interface | IPv6Interface) -> bool:
    """Not the network's own address, not its broadcast address, not multicast, not unspecified."""
    network = address.network
    return (
        not address.is_multicast
        and address.ip != network.network_address
        and (isinstance(address, IPv6Interface) or address.ip != network.broadcast_address)
    )
