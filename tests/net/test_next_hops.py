"""Routes and neighbours as the driver of the device reads them, beside what the kernel was told."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from rig.mac import mac_bytes
from rig.net import links, next_hops

if TYPE_CHECKING:
    from rig.net.network import Network

MOVED = bytes.fromhex("0200000001aa")


def test_a_neighbour_is_its_own_next_hop_and_a_gateway_that_of_the_rest(dual_stack: Network) -> None:
    plan = dual_stack.topology

    def seen() -> list[tuple[str, int]]:
        with links.rtnetlink() as route:
            route.route("add", dst="198.51.100.0/24", gateway=plan.server.ip4)
        return [next_hops.route_to(address) for address in (plan.server.ip4, plan.server.ip6, "198.51.100.7", "127.0.0.1")]

    index = dual_stack.host.run(lambda: links.index_of("eth0"))
    wanted = [(plan.server.ip4, index), (plan.server.ip6, index), (plan.server.ip4, index), ("127.0.0.1", 1)]
    assert dual_stack.host.run(seen) == wanted


def test_an_address_without_a_route_is_an_error(flat: Network) -> None:
    with pytest.raises(OSError, match="unreachable"):
        flat.host.run(lambda: next_hops.route_to("203.0.113.1"))


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6], ids=["ipv4", "ipv6"])
def test_a_neighbour_that_is_told_is_known(dual_stack: Network, family: int) -> None:
    server = dual_stack.topology.server
    address = server.ip4 if family == socket.AF_INET else server.ip6

    def tell_twice() -> list[bytes | None]:
        index = links.index_of("eth0")
        known = []
        for mac in (mac_bytes(server.mac), MOVED):
            next_hops.tell_neighbour(address, mac, index)
            known.append(next_hops.neighbours(family).get(address))
        return known

    assert dual_stack.host.run(tell_twice) == [mac_bytes(server.mac), MOVED]


def test_an_interface_is_told_with_its_kind(flat: Network) -> None:
    index = flat.host.run(lambda: links.index_of("eth0"))
    assert flat.host.run(lambda: next_hops.describe_interface(index)) == "eth0 (veth)"
    assert flat.host.run(lambda: next_hops.describe_interface(1)) == "lo"
