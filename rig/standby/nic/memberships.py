"""The multicast groups that the host's kernel has joined on an interface, as far as it reports them to queriers.

From /proc/net/igmp and /proc/net/igmp6. Not in them are the groups that nobody reports: all hosts (RFC 3376 section 6,
RFC 3810 section 6), and IPv6 groups that never leave the machine (scopes 0 and 1). Source lists are left out: a group that is
joined for some sources is one that the switch must forward.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

ALL_HOSTS4, ALL_HOSTS6 = "224.0.0.1", "ff02::1"
INTERFACE_LOCAL = 1
"""The widest IPv6 scope that stays on the machine (RFC 4291 section 2.7)."""


def ipv4_groups(interface: str) -> list[str]:
    """Lowest first; of the calling thread's namespace."""
    found = {str(group) for name, group in _igmp_rows() if name == interface}
    return sorted(found - {ALL_HOSTS4}, key=IPv4Address)


def ipv6_groups(interface: str) -> list[str]:
    """Lowest first; of the calling thread's namespace."""
    rows = [line.split() for line in _lines("igmp6")]
    groups = [IPv6Address(bytes.fromhex(row[2])) for row in rows if row[1] == interface]
    return [str(group) for group in sorted(groups) if group.packed[1] & 15 > INTERFACE_LOCAL and str(group) != ALL_HOSTS6]


def _igmp_rows() -> Iterator[tuple[str, IPv4Address]]:
    """Lines of an interface begin with its number; its groups follow, indented, as the words that the kernel has in memory."""
    name = ""
    for line in _lines("igmp")[1:]:
        words = line.split()
        if line[0].isdigit():
            name = words[1]
        else:
            yield name, IPv4Address(int(words[0], 16).to_bytes(4, sys.byteorder))


def _lines(name: str) -> list[str]:
    """None where the kernel lacks the protocol."""
    try:
        return Path("/proc/thread-self/net", name).read_text().splitlines()
    except FileNotFoundError:
        return []
