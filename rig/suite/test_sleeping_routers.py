"""What a router advertises wakes a sleeping device's host when it is new. Written against a door: `standby_door.py`."""

from __future__ import annotations

from typing import Any

import pytest

from rig.device.numbers import NsFlag, OffloadType
from rig.device.offload_types import ProtocolOffload
from rig.suite.neighbour_frames import ALL_NODES, ND_HOPS, group_mac
from rig.suite.peer_frames import HOST_IP6, HOST_MAC, PEER_MAC, ether
from rig.suite.standby_door import StandbyDoor

pytestmark = pytest.mark.topology("flat")

ROUTER = "fe80::7"
LIFE_S = 1800
PREFIX, OTHER_PREFIX = "2001:db8::", "2001:db8:1::"
RESOLVER, OTHER_RESOLVER = "2001:db8::53", "2001:db8::54"

CHANGES: dict[str, dict[str, dict[str, Any]]] = {
    "the router's lifetime is over": {"header": {"routerlifetime": 0}},
    "another hop limit": {"header": {"chlim": 32}},
    "addresses are managed now": {"header": {"M": 1}},
    "other things are configured now": {"header": {"O": 1}},
    "another reachable time": {"header": {"reachabletime": 9000}},
    "another retransmission timer": {"header": {"retranstimer": 9000}},
    "the prefix is no longer valid": {"prefix": {"validlifetime": 0, "preferredlifetime": 0}},
    "the prefix is no longer preferred": {"prefix": {"preferredlifetime": 0}},
    "the prefix is off link now": {"prefix": {"L": 0}},
    "no addresses from the prefix": {"prefix": {"A": 0}},
    "another prefix": {"prefix": {"prefix": OTHER_PREFIX}},
    "another MTU": {"mtu": {"mtu": 1400}},
    "the name server's lifetime is over": {"dns": {"lifetime": 0}},
    "another name server": {"dns": {"dns": [OTHER_RESOLVER]}},
}
"""Fields that differ from what the host has heard, by option."""

SAME: dict[str, dict[str, dict[str, Any]]] = {
    "the same again": {},
    "lifetimes that count down": {
        "header": {"routerlifetime": LIFE_S - 2}, "prefix": {"validlifetime": LIFE_S - 2, "preferredlifetime": LIFE_S - 2},
    },
}  # fmt: skip


def _advertisement(changes: dict[str, dict[str, Any]]) -> bytes:
    from scapy.layers.inet6 import ICMPv6ND_RA, ICMPv6NDOptMTU, ICMPv6NDOptPrefixInfo, ICMPv6NDOptRDNSS, IPv6

    def option(name: str, **usual: Any) -> dict[str, Any]:
        return {**usual, **changes.get(name, {})}

    header = option("header", routerlifetime=LIFE_S, chlim=64)
    prefix = option("prefix", prefix=PREFIX, prefixlen=64, L=1, A=1, validlifetime=LIFE_S, preferredlifetime=LIFE_S)
    options = (
        ICMPv6NDOptPrefixInfo(**prefix),
        ICMPv6NDOptMTU(**option("mtu", mtu=1500)),
        ICMPv6NDOptRDNSS(**option("dns", lifetime=LIFE_S, dns=[RESOLVER])),
    )
    packet = ether(group_mac(ALL_NODES), PEER_MAC) / IPv6(src=ROUTER, dst=ALL_NODES, hlim=ND_HOPS) / ICMPv6ND_RA(**header)
    for one in options:
        packet /= one
    return bytes(packet)


def _heard(door: StandbyDoor) -> None:
    """The device sleeps, and its host has heard the router: its first word woke it."""
    door.add(ProtocolOffload(id=1, type=OffloadType.NS, ip=HOST_IP6, mac=HOST_MAC, flags=NsFlag.RA_WAKE))
    door.sleep()
    assert door.outcome(_advertisement({})) == ("ROUTER_CHANGED", 0), "a router that was never heard"
    door.sleeps_on()


@pytest.mark.edge(88)
@pytest.mark.device_can(ns_flag=NsFlag.RA_WAKE)
@pytest.mark.parametrize("what", CHANGES)
def test_each_thing_that_a_router_changes_wakes(door: StandbyDoor, what: str) -> None:
    """RFC 4861 6.3.4, RFC 4862 5.5.3 (e), RFC 8106 5.1: a host that is awake would act on each of them."""
    _heard(door)
    assert door.outcome(_advertisement(CHANGES[what])) == ("ROUTER_CHANGED", 0), f"{what}: {CHANGES[what]}"


@pytest.mark.edge(88)
@pytest.mark.device_can(ns_flag=NsFlag.RA_WAKE)
@pytest.mark.parametrize("what", SAME)
def test_what_the_host_knows_already_wakes_nobody(door: StandbyDoor, what: str) -> None:
    """The negative control."""
    _heard(door)
    assert door.outcome(_advertisement(SAME[what])) == ("", 0), f"{what}: {SAME[what]}"
