"""How far links and addresses are, read without pyroute2: the same as pyroute2 says."""

from __future__ import annotations

from functools import partial

import pytest

from rig.clock import Deadline
from rig.errors import BenchError
from rig.net import links
from rig.net.network import HOST_IFNAME, Network
from rig.net.readiness import address_states, link_states


def decoded() -> dict[str, tuple[bool, str, bool]]:
    found = {}
    with links.rtnetlink() as route:
        for link in route.get_links():
            state = link.get_nested("IFLA_LINKINFO", "IFLA_INFO_SLAVE_DATA", "IFLA_BRPORT_STATE")
            operational = link.get_attr("IFLA_OPERSTATE") in ("UP", "UNKNOWN")
            found[link.get_attr("IFLA_IFNAME")] = operational, link.get_attr("IFLA_QDISC"), state == 3
    return found


def read() -> dict[str, tuple[bool, str, bool]]:
    return {name: (state.operational, state.qdisc, state.forwards) for name, state in link_states().items()}


def forwarding() -> set[str]:
    return {name for name, state in link_states().items() if state.forwards}


def test_each_link_is_as_it_is_decoded_whole(flat: Network) -> None:
    flat.set_host_port(up=False)
    deadline = Deadline(10)
    while flat.wire.run(read)["ph"][0]:  # the kernel is done with a port that went down a moment later
        assert not deadline.expired
        deadline.pause()
    assert flat.wire.run(read) == flat.wire.run(decoded)
    assert flat.wire.run(forwarding) == {"ps", "pn"}
    flat.set_host_port(up=True)
    assert flat.wire.run(read) == flat.wire.run(decoded)
    assert flat.wire.run(forwarding) == {"ph", "ps", "pn"}


def test_addresses_are_those_of_the_interface_alone(dual_stack: Network) -> None:
    spec = dual_stack.topology.host
    assert spec.ipv6 is not None
    found = dual_stack.host.run(lambda: address_states(links.index_of(HOST_IFNAME)))
    assert {spec.ip4, str(spec.ipv6.ip)} < set(found)
    assert "127.0.0.1" not in found
    assert not any(found.values())


def test_an_interface_that_is_not_there_does_not_come_up(flat: Network) -> None:
    with pytest.raises(BenchError, match="does not bring nobody up") as caught:
        flat.host.run(partial(links.set_up, "nobody"))
    assert caught.value.code == "RIG-N06"
