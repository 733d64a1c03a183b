"""Whether an interface of this machine is somebody's: then the bench does not take it.

A bench takes a NIC away from the machine. On a lab's PC that may be the wire its engineer is logged in over. Everything here
works on the namespace of the calling thread.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from typing import Any

from rig.errors import BenchError
from rig.net import links

RT_SCOPE_LINK = 253
RTN_UNICAST = 1
TCP_ESTABLISHED = "01"
MOST_PEERS = 256
"""Each costs a question to the kernel; a machine with more connections has its default route asked for too."""


def refuse_in_use(name: str) -> None:
    """Raises BenchError RIG-N15 that says what the interface is used for."""
    if uses := in_use(name):
        raise BenchError(
            "RIG-N15",
            f"the interface {name} is in use: it has {', '.join(uses)}; the bench would cut that off",
            "name the interface that the board alone is wired to in [bench] nic; nic_force = true takes this one all the same, "
            "and gives it back as it was at the end",
        )


def in_use(name: str) -> list[str]:
    """What an interface is used for; nothing for one that may be taken. Raises OSError when there is no such interface.

    A link-local IPv6 address is no use: the kernel gives one to every interface that is up.
    """
    index = links.index_of(name)
    with links.rtnetlink() as route:
        every = {link["index"]: link for link in route.get_links()}
        addresses = [a for a in route.get_addr(index=index) if a["scope"] != RT_SCOPE_LINK]
        uses = [f"the default route ({gateway})" for gateway in _default_routes(route, index)]
        uses += [f"the address {a.get_attr('IFA_LOCAL') or a.get_attr('IFA_ADDRESS')}/{a['prefixlen']}" for a in addresses]
        if master := every[index].get_attr("IFLA_MASTER"):
            uses.append(f"a place in {every[master].get_attr('IFLA_IFNAME')}")
        uses += [f"{_name(link)} on top of it" for link in every.values() if _stands_on(link, index)]
        own = {str(a.get_attr("IFA_ADDRESS")) for a in route.get_addr(index=index)}
        return uses + _conversations(route, index, own)


def _default_routes(route: Any, index: int) -> list[str]:
    found = [r for r in route.get_routes() if r["dst_len"] == 0 and r["type"] == RTN_UNICAST and _leaves_by(r, index)]
    return list(dict.fromkeys(f"via {r.get_attr('RTA_GATEWAY') or 'no gateway'}" for r in found))


def _leaves_by(route: Any, index: int) -> bool:
    hops = route.get_attr("RTA_MULTIPATH") or []
    return route.get_attr("RTA_OIF") == index or any(hop["oif"] == index for hop in hops)


def _name(link: Any) -> str:
    return str(link.get_attr("IFLA_IFNAME"))


def _stands_on(link: Any, index: int) -> bool:
    """A VLAN, macvlan or tunnel over this interface. A veth names its peer so too, and that is no use of it."""
    kind = link.get_nested("IFLA_LINKINFO", "IFLA_INFO_KIND")
    here = link.get_attr("IFLA_LINK_NETNSID") is None
    return here and link.get_attr("IFLA_LINK") == index and link["index"] != index and kind != "veth"


def _conversations(route: Any, index: int, own: set[str]) -> list[str]:
    """This login, as sshd tells it, and the machine's TCP connections: from the interface's addresses, or by the way they go."""
    login = os.environ.get("SSH_CONNECTION", "").split()
    uses = [f"this login (ssh from {login[0]})"] if login and _goes_by(route, login[0], index) else []
    peers: dict[str, bool] = {}
    for local, remote in _connections():
        if remote not in peers and len(peers) < MOST_PEERS:
            peers[remote] = local in own or _goes_by(route, remote, index)
    if through := [remote for remote, ours in peers.items() if ours]:
        others = f" and {len(through) - 1} more" if through[1:] else ""
        uses.append(f"a TCP connection with {through[0]}{others}")
    return uses


def _goes_by(route: Any, address: str, index: int) -> bool:
    try:
        found = route.route("get", dst=address.partition("%")[0])
    except Exception:  # no address, or no way there: then not by this interface either
        return False
    return any(answer.get_attr("RTA_OIF") == index for answer in found)


def _connections() -> Iterator[tuple[str, str]]:
    """Addresses of both ends of the established ones: proc(5), /proc/net/tcp."""
    for table in ("tcp", "tcp6"):
        file = Path("/proc/thread-self/net", table)
        for line in file.read_text().splitlines()[1:] if file.exists() else []:
            _, local, remote, state = line.split()[:4]
            if state == TCP_ESTABLISHED:
                yield _address(local), _address(remote)


def _address(text: str) -> str:
    """ "0100007F:1F90" to 127.0.0.1: words of 32 bits in hexadecimal, each as this machine stores it."""
    words = text.partition(":")[0]
    packed = b"".join(int(words[i : i + 8], 16).to_bytes(4, sys.byteorder) for i in range(0, len(words), 8))
    address = ip_address(packed)
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)
