"""What the device says has to get through where the way is narrower than the host's own link."""

from __future__ import annotations

import os
import socket
from functools import partial

import pytest

from rig.device.numbers import OffloadType
from rig.net import counters, links
from rig.suite.offload_room import OF_ADDRESSES
from rig.suite.pinger import Pinger
from rig.suite.scene import Scene

NARROW_BYTES = 600
"""A whole segment of old Internets; any length below that of the longer ping will do."""


@pytest.mark.topology("routed")
@pytest.mark.edge(58)
@pytest.mark.device_can(offload=OffloadType.ECHO, offloads=OF_ADDRESSES)
def test_a_ping_reply_goes_through_a_narrow_link(scene: Scene) -> None:
    """The gateway's way back has a smaller MTU than its way here: it cuts the reply, and the server's kernel joins the pieces."""
    network = scene.bench.network
    gateway = network.namespaces[network.topology.routers[0].name]
    gateway.run(partial(_narrow_way_to, network.topology.server.ip4))
    scene.sleep()
    pinger = Pinger(network.server, socket.AF_INET)
    try:
        before = counters.read(network.server)
        for number, size in enumerate((56, 1400)):
            payload = os.urandom(size)
            assert pinger.ping(network.topology.host.ip4, payload, number) == payload, f"{size} bytes"
        assert counters.difference(before, counters.read(network.server))["IpReasmOKs"] == 1
    finally:
        pinger.close()


def _narrow_way_to(address: str) -> None:
    """A route with an MTU of its own, which a kernel that forwards goes by."""
    with links.rtnetlink() as route:
        way = route.route("get", dst=address)[0].get_attr("RTA_OIF")
        route.route("add", dst=f"{address}/32", oif=way, metrics={"mtu": NARROW_BYTES})
