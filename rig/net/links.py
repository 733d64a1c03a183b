"""Links, addresses and bridge ports, with pyroute2. Everything here works on the namespace of the calling thread:
call it through `Namespace.run`.

Transmit checksum offload is off at every veth end: without that, AF_PACKET would see frames whose checksums nobody filled
in, as the kernel leaves that to a NIC that does not exist. The segmentation offloads go with it, so that a frame on
the wire is never longer than the MTU.
"""

from __future__ import annotations

import array
import fcntl
import os
import socket
import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from ipaddress import IPv4Interface, IPv6Interface
from pathlib import Path
from typing import Any

from rig.clock import Deadline
from rig.errors import BenchError
from rig.net.readiness import address_states, link_states
from rig.readable import readable

SIOCETHTOOL = 0x8946
SIOCGIFFLAGS, SIOCSIFFLAGS = 0x8913, 0x8914
IFF_UP, IFF_NOARP = 0x1, 0x80
ETHTOOL_SETTERS = {"tx checksum": 0x17, "tso": 0x1F, "gso": 0x24, "gro": 0x2C}
"""sockios.h, if.h, ethtool.h: ETHTOOL_STXCSUM, _STSO, _SGSO, _SGRO."""

RTMGRP_LINK, RTMGRP_IPV6_IFADDR = 0x1, 0x100
IFA_F_NODAD = 0x02
NUD_NOARP, NTF_MASTER = 0x40, 0x04
"""rtnetlink.h, if_addr.h, neighbour.h"""

BRIDGE_FILTERS = ("bridge-nf-call-arptables", "bridge-nf-call-ip6tables", "bridge-nf-call-iptables")
"""On by default in a new namespace wherever br_netfilter is loaded (container hosts). It would strip padding from bridged
IP packets and drop those whose header does not check out: just the frames that a test of bad input is about."""

READY_TIMEOUT_S = 5.0
"""A veth comes up within a millisecond; five seconds are for a machine that is busy with something else."""

QUIET_IPV6 = {"accept_dad": 0, "dad_transmits": 0, "router_solicitations": 0, "accept_ra": 0, "addr_gen_mode": 0}
"""No duplicate address detection, no router solicitation, link-local address made from the MAC."""


@contextmanager
def rtnetlink() -> Iterator[Any]:
    """A pyroute2 IPRoute on the calling thread's namespace; its errors leave as BenchError RIG-N06."""
    from pyroute2 import IPRoute  # 120 ms, so not before it is needed
    from pyroute2.netlink.exceptions import NetlinkError

    try:
        with IPRoute() as route:
            yield route
    except NetlinkError as error:
        raise BenchError("RIG-N06", f"the kernel refused a network change: {error}", "rig doctor") from error


def quiet_ipv6(enabled: bool) -> None:
    """Settings for interfaces that are made from now on in this namespace. Also keeps lo's IPv6 when not enabled."""
    for key, value in {**QUIET_IPV6, "disable_ipv6": int(not enabled)}.items():
        set_sysctl(f"net/ipv6/conf/default/{key}", value)


def plain_bridging() -> None:
    """Bridges of this namespace pass every frame on as it is."""
    for name in BRIDGE_FILTERS:
        set_sysctl(f"net/bridge/{name}", 0)


def set_sysctl(path: str, value: int | str, *, required: bool = False) -> None:
    """Write below /proc/sys; which namespace net/ means depends on the thread.

    A setting that does not exist needs none: no IPv6, no bridge filter; unless it is `required`: FileNotFoundError then.
    Raises BenchError RIG-N06 when refused.
    """
    try:
        Path("/proc/sys", path).write_text(str(value))
    except FileNotFoundError:
        if required:
            raise
    except OSError as error:
        raise BenchError(
            "RIG-N06",
            f"cannot write /proc/sys/{path}: {os.strerror(error.errno or 0)}",
            "run outside the container, or start it with --privileged, so that /proc/sys is writable",
        ) from error


def offloads_off(ifname: str) -> None:
    """Switch the transmit offloads of `ifname` off (SIOCETHTOOL: struct ifreq with a pointer to struct ethtool_value)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for what, command in ETHTOOL_SETTERS.items():
            value = array.array("I", [command, 0])
            request = struct.pack("16sP", ifname.encode(), value.buffer_info()[0])
            try:
                fcntl.ioctl(sock, SIOCETHTOOL, request)
            except OSError as error:
                raise BenchError(
                    "RIG-N06", f"cannot switch {what} offload of {ifname} off: {os.strerror(error.errno or 0)}"
                ) from error


def add_bridge(route: Any, name: str, mac: str) -> int:
    """A bridge without STP and without multicast snooping, up. Its address is fixed: else it would follow its ports'."""
    route.link("add", ifname=name, kind="bridge", address=mac, br_stp_state=0, br_mcast_snooping=0)
    set_up(name)
    return index_of(name)


def add_veth(route: Any, name: str, mac: str, peer: str, peer_mac: str, peer_ns_fd: int | None = None) -> None:
    """A veth pair: `name` here, `peer` here or in another namespace. Both down."""
    other: dict[str, Any] = {"ifname": peer, "address": peer_mac}
    if peer_ns_fd is not None:
        other["net_ns_fd"] = peer_ns_fd
    route.link("add", ifname=name, kind="veth", address=mac, peer=other)


def set_up(name: str, *, arp: bool = True) -> None:
    """The interface up. Raises BenchError RIG-N06.

    By SIOCSIFFLAGS: a bench does this nine times, and a request by pyroute2 costs a millisecond of a processor.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            found = fcntl.ioctl(sock, SIOCGIFFLAGS, struct.pack("16sH22x", name.encode(), 0))
            (flags,) = struct.unpack_from("16xH", found)
            flags |= IFF_UP if arp else IFF_UP | IFF_NOARP
            fcntl.ioctl(sock, SIOCSIFFLAGS, struct.pack("16sH22x", name.encode(), flags))
        except OSError as error:
            why = os.strerror(error.errno or 0)
            raise BenchError("RIG-N06", f"the kernel does not bring {name} up: {why}", "rig doctor") from error


def add_address(route: Any, name: str, address: IPv4Interface | IPv6Interface) -> None:
    """Give an interface an address, usable at once."""
    settings: dict[str, Any] = {"index": index_of(name), "address": str(address.ip), "prefixlen": address.network.prefixlen}
    if isinstance(address, IPv6Interface):
        settings["flags"] = IFA_F_NODAD
    else:
        settings["broadcast"] = str(address.network.broadcast_address)
    route.addr("add", **settings)


def set_default_route(route: Any, gateway: str, metrics: Mapping[str, int]) -> None:
    """Everything that is not on the machine's own network goes to `gateway`; IPv4 or IPv6 by its form."""
    everywhere = {socket.AF_INET: "0.0.0.0/0", socket.AF_INET6: "::/0"}
    family = socket.AF_INET6 if ":" in gateway else socket.AF_INET
    settings = {"metrics": dict(metrics)} if metrics else {}
    route.route("replace", dst=everywhere[family], gateway=gateway, family=family, **settings)


def forward() -> None:
    """Make a router of this namespace, for both families. Redirects would tell neighbours more than a topology says."""
    for key in ("net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding"):
        set_sysctl(key, 1)
    for name in ("all", "default"):
        set_sysctl(f"net/ipv4/conf/{name}/send_redirects", 0)


def enslave(route: Any, port: str, bridge_index: int, *, learning: bool = True) -> None:
    """Make `port` a member of the bridge; it forwards at once when it is operational (no STP, so no listening phase)."""
    index = index_of(port)
    route.link("set", index=index, master=bridge_index)
    if not learning:
        route.brport("set", index=index, learning=0)


def add_static_entry(route: Any, port: str, mac: str) -> None:
    """The bridge sends frames for `mac` to `port` from the first one on: no flooding before learning."""
    route.fdb("replace", ifindex=index_of(port), lladdr=mac, state=NUD_NOARP, flags=NTF_MASTER)


def wait_operational(names: list[str]) -> None:
    """Wait until the interfaces carry frames."""

    def missing() -> list[str]:
        states = link_states()
        return [name for name in names if name not in states or not states[name].carries_frames]

    _wait_for_kernel(missing, "interfaces to come up")


def wait_forwarding(ports: list[str]) -> None:
    """Wait until the ports of bridges forward."""

    def missing() -> list[str]:
        states = link_states()
        return [port for port in ports if port not in states or not states[port].forwards]

    _wait_for_kernel(missing, "ports of the switch to forward")


def wait_addresses(name: str, addresses: list[IPv4Interface | IPv6Interface]) -> None:
    """Wait until the addresses are there and none of the interface's is tentative any more."""

    def missing() -> list[str]:
        found = address_states(index_of(name))
        tentative = [ip for ip, is_tentative in found.items() if is_tentative]
        return tentative + [str(a.ip) for a in addresses if str(a.ip) not in found]

    _wait_for_kernel(missing, "addresses")


def index_of(name: str) -> int:
    return socket.if_nametoindex(name)


def _wait_for_kernel(missing: Callable[[], list[str]], what: str) -> None:
    """Look, and look again whenever the kernel announces a change. Raises BenchError RIG-N09."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as news:
        news.bind((0, RTMGRP_LINK | RTMGRP_IPV6_IFADDR))
        deadline = Deadline(READY_TIMEOUT_S)
        while lacking := missing():
            if deadline.expired:
                raise BenchError("RIG-N09", f"waited {READY_TIMEOUT_S} s for {what}: {', '.join(lacking)} not ready")
            if readable(news.fileno(), deadline.remaining_s):
                news.recv(1 << 16)
