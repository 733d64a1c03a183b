"""All that a move to another namespace takes from an interface, read before and put back after.

The kernel takes an interface down when it moves, and with that its addresses, routes, settings below /proc/sys/net and its
place in a bridge or bond. Name, hardware address, MTU and alternative names move along, but what had it may have changed them.
Not here: queueing disciplines, and what a VPN or a network manager does by itself when an interface comes back.
Everything works on the namespace of the calling thread.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from rig.errors import BenchError
from rig.net import links
from rig.net.saved_messages import (
    RTM_NEWADDR,
    RTM_NEWNEIGH,
    RTM_NEWROUTE,
    addresses_of,
    give_back,
    permanent_neighbours_of,
    routes_of,
)

IFF_UP = 0x1
SETTINGS = ("ipv4/conf", "ipv4/neigh", "ipv6/conf", "ipv6/neigh")


@dataclass(frozen=True)
class NicState:
    """One interface. Messages are netlink's, in hexadecimal."""

    name: str
    index: int
    mac: str
    mtu: int
    up: bool
    master: str
    """Name of the bridge or bond it belongs to; "" for none."""
    altnames: list[str]
    settings: dict[str, str]
    """File below /proc/sys/net to its text."""
    addresses: list[str]
    routes: list[str]
    neighbours: list[str]

    @classmethod
    def read(cls, name: str) -> Self:
        """As it is now. Raises OSError when there is no such interface."""
        index = links.index_of(name)
        with links.rtnetlink() as route:
            link = route.get_links(index)[0]
            master = link.get_attr("IFLA_MASTER")
            return cls(
                name=name,
                index=index,
                mac=link.get_attr("IFLA_ADDRESS") or "",
                mtu=link.get_attr("IFLA_MTU"),
                up=bool(link["flags"] & IFF_UP),
                master=route.get_links(master)[0].get_attr("IFLA_IFNAME") if master else "",
                altnames=_altnames(link),
                settings=_settings(name),
                addresses=[body.hex() for body in addresses_of(index)],
                routes=[body.hex() for body in routes_of(index)],
                neighbours=[body.hex() for body in permanent_neighbours_of(index)],
            )

    @classmethod
    def of(cls, table: dict[str, Any]) -> Self:
        """From `plain`'s table. Raises TypeError for another one."""
        return cls(**table)

    def plain(self) -> dict[str, Any]:
        return asdict(self)

    def find(self) -> str:
        """What this interface is called here now: it is known by its MAC when its name was taken. "" when it is not here."""
        with links.rtnetlink() as route:
            same = [str(link.get_attr("IFLA_IFNAME")) for link in route.get_links() if link.get_attr("IFLA_ADDRESS") == self.mac]
        return self.name if self.name in same else next(iter(same), "")

    def put_back(self) -> list[str]:
        """Make the interface what it was. What could not be put back, in words."""
        name = self.find()
        if not name:
            return [f"there is no interface {self.name} with the address {self.mac}"]
        failed = self._put_link_back(name)
        index = links.index_of(self.name if not failed else name)
        for kind, what, bodies in (
            (RTM_NEWADDR, "an address", self.addresses),
            (RTM_NEWROUTE, "a route", self.routes),
            (RTM_NEWNEIGH, "a neighbour", self.neighbours),
        ):
            reasons = [give_back(kind, bytes.fromhex(body), self.index, index) for body in bodies]
            failed += [f"{what}: {reason}" for reason in reasons if reason]
        return failed

    def _put_link_back(self, name: str) -> list[str]:
        failed: list[str] = []
        try:
            with links.rtnetlink() as route:
                index = links.index_of(name)
                link = route.get_links(index)[0]
                if name != self.name:
                    route.link("set", index=index, state="down")
                    route.link("set", index=index, ifname=self.name)
                if link.get_attr("IFLA_MTU") != self.mtu:
                    route.link("set", index=index, mtu=self.mtu)
                for altname in set(self.altnames) - set(_altnames(link)):
                    route.link("property_add", index=index, altname=altname)
                _write_settings(self.settings)
                if self.master:
                    route.link("set", index=index, master=links.index_of(self.master))
                route.link("set", index=index, state="up" if self.up else "down")
        except (BenchError, OSError) as error:
            failed.append(str(error))
        return failed


def _altnames(link: Any) -> list[str]:
    properties = link.get_attr("IFLA_PROP_LIST")
    return sorted(properties.get_attrs("IFLA_ALT_IFNAME")) if properties else []


def _files(name: str) -> list[tuple[str, Path]]:
    """The kernel's settings of an interface, by their path below /proc/sys/net."""
    root = Path("/proc/sys/net")
    return [(f"{table}/{name}/{file.name}", file) for table in SETTINGS for file in sorted((root / table / name).glob("*"))]


def _settings(name: str) -> dict[str, str]:
    return {key: text for key, file in _files(name) if (text := _text(file)) is not None}


def _text(file: Path) -> str | None:
    try:
        return file.read_text()
    except OSError:  # stable_secret cannot be read before it is set
        return None


def _write_settings(wanted: dict[str, str]) -> None:
    """Those that differ; a kernel that refuses one has a reason that no setting can mend."""
    for key, text in wanted.items():
        file = Path("/proc/sys/net", key)
        if _text(file) not in (None, text):
            try:
                file.write_text(text)
            except OSError:
                pass
