"""The gateway dies while the host sleeps, and another takes over its addresses (edge case 19): as VRRP does, but for the MAC."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from functools import partial
from ipaddress import IPv4Interface, IPv6Interface

import pytest

from rig.clock import Clock, Deadline
from rig.config import StandbyConfig
from rig.device.numbers import SlotFlag
from rig.inject.frames import Flow, arp_request, neighbour_advertisement
from rig.inject.injector import Injector
from rig.net import links
from rig.net.machines import HostSpec
from rig.peers import PushServer
from rig.suite.neighbour_table import forget
from rig.suite.scene import Scene

pytestmark = [
    pytest.mark.topology("routed"),
    pytest.mark.edge(19),
    pytest.mark.parametrize("server", [socket.AF_INET, socket.AF_INET6], ids=["ipv4", "ipv6"], indirect=True),
]

CLOCK = Clock(50_000)
"""A keep-alive every 750 ms, those behind an unanswered one 600 ms apart: slower than the server's kernel limits its answers."""
LEARNS = StandbyConfig(network_ka_retry_min=12, network_ka_probes=3)
PATIENT = StandbyConfig(network_ka_retry_min=12, network_ka_probes=8)
"""Longer than a busy machine takes to let one gateway follow the other."""
DOES_NOT_LEARN = StandbyConfig(network_ka_retry_min=12, network_ka_probes=3, learn_next_hop=False)
STRANGE4, STRANGE6 = IPv4Interface("192.0.2.99/24"), IPv6Interface("2001:db8:0:1::99/64")


@pytest.fixture
def server(request: pytest.FixtureRequest, scene: Scene) -> Iterator[PushServer]:
    """A push server of the family. Function scope."""
    with scene.bench.peers.push_server(ipv6=request.param == socket.AF_INET6) as opened:
        yield opened


def gateways(scene: Scene) -> tuple[HostSpec, HostSpec]:
    """The one in use, and the other."""
    first, other = scene.bench.network.topology.routers
    return first, other


def set_links(names: list[str], state: str) -> None:
    with links.rtnetlink() as route:
        for name in names:
            route.link("set", index=links.index_of(name), state=state)


def fail_over(scene: Scene) -> None:
    """The first gateway loses power; the other has its addresses on both sides, and has told nobody on the host's."""
    network, (first, other) = scene.bench.network, gateways(scene)
    network.namespaces[first.name].run(partial(set_links, [leg.ifname for leg in first.legs], "down"))
    network.namespaces[other.name].run(partial(take_over, first, other))
    assert first.far is not None
    for address in first.far.addresses:
        forget(network.server, str(address.ip))


def take_over(first: HostSpec, other: HostSpec) -> None:
    with links.rtnetlink() as route:
        for lost, leg in zip(first.legs, other.legs, strict=True):
            for address in lost.addresses:
                links.add_address(route, leg.ifname, address)


def announce(scene: Scene, addresses: list[IPv4Interface | IPv6Interface]) -> None:
    """What the new owner of an address says to everybody: gratuitous ARP, unsolicited neighbour advertisement."""
    network, (_, other) = scene.bench.network, gateways(scene)
    with Injector.on(network.namespaces[other.name]) as out:
        for address in addresses:
            text = str(address.ip)
            flow = Flow(other.mac, network.topology.host.mac, text, text)
            out.send(neighbour_advertisement(flow) if flow.is_ipv6 else arp_request(flow))


def next_answer(scene: Scene, timeout_s: float = 10) -> None:
    """The server answers one more of the device's probes."""
    before, deadline = scene.device.slots()[0].ka_acked, Deadline(timeout_s)
    while (slot := scene.device.slots()[0]).ka_acked == before:
        assert not deadline.expired, f"no probe was answered: {slot}"
        deadline.pause()


@pytest.mark.device_can(slot_flag=SlotFlag.LEARN_NEXT_HOP)
@pytest.mark.bench_config(clock=CLOCK, standby=PATIENT)
def test_the_device_follows_the_address_and_the_host_after_it(scene: Scene, server: PushServer) -> None:
    connection, (first, other) = scene.open_hardware(server=server), gateways(scene)
    after = scene.sleep()
    next_answer(scene)
    fail_over(scene)
    announce(scene, first.addresses)
    next_answer(scene)
    assert not scene.timeline.find("NIC_WAKE", after=after)
    scene.push_and_run(connection, b"by the other way")
    assert [wake.reason for wake in scene.timeline.find("NIC_WAKE", after=after)] == ["TCP_DATA"]
    assert {record.mac for record in scene.timeline.find("NEXT_HOP_MOVED", after=after)} == {other.mac}
    scene.host.exit_standby()
    scene.app.call("send", channel="inbox", data=b"reply")
    assert connection.wait_received(5) == b"reply"


@pytest.mark.bench_config(clock=CLOCK, standby=DOES_NOT_LEARN)
def test_a_device_that_may_not_learn_tells_the_host_that_nobody_answers(scene: Scene, server: PushServer) -> None:
    """The negative control: never silently for hours."""
    scene.open_hardware(server=server)
    after = scene.sleep()
    fail_over(scene)
    announce(scene, gateways(scene)[0].addresses)
    wakes_for_silence(scene, after)


@pytest.mark.bench_config(clock=CLOCK, standby=LEARNS)
def test_an_announcement_of_another_address_moves_nothing(scene: Scene, server: PushServer) -> None:
    """The same frames, but for the address."""
    scene.open_hardware(server=server)
    after = scene.sleep()
    fail_over(scene)
    announce(scene, [STRANGE4, STRANGE6])
    wakes_for_silence(scene, after)


def wakes_for_silence(scene: Scene, after: int) -> None:
    wake = scene.timeline.wait("NIC_WAKE", after=after, timeout_s=10)
    assert (wake.reason, wake.channel) == ("KA_TIMEOUT", "inbox")
    assert scene.timeline.find("NEXT_HOP_MOVED", after=after) == []
