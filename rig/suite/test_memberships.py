"""The host's own multicast groups: the sleeping host stays a member, with nobody but its kernel having been told of the group.

The querier is a neighbour, and then the switch itself: one that snoops cuts off whoever does not report.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Collection
from functools import partial
from ipaddress import IPv6Interface

import pytest

from rig.clock import Deadline
from rig.device.numbers import OffloadType
from rig.device.offload_types import ProtocolOffload
from rig.net import links
from rig.net.machines import NEAR_IFNAME
from rig.standby.app_handle import AppHandle
from rig.suite.offload_room import OF_HOST
from rig.suite.queries import WAIT_S, group_of, is_igmp, is_mld_report, query4, query6
from rig.suite.scene import QUIET_S, Scene

pytestmark = [pytest.mark.topology("dual-stack"), pytest.mark.edge(87)]

GROUPS = {socket.AF_INET: ("239.1.2.3", "239.1.2.4"), socket.AF_INET6: ("ff02::fb", "ff05::2")}
MANY = [f"239.0.{n // 20}.{n % 20}" for n in range(40)]
"""More than the device's table holds; the kernel lets a socket join twenty, and each has one of its own here."""
NATT_AND_MORE = 8
"""Beside the host's own: one of a test, those of an address that comes later, and a few of MANY."""
PORT = 5353
PAIRS = 10
SWITCH_ANSWERS_CS, SWITCH_ASKS_CS = 10, 100
"""Centiseconds: within which hosts must answer the switch, and how often it asks (once a second is the fastest there is)."""


def group_app(scene: Scene) -> AppHandle:
    return scene.host.start_app("groups", "rig.suite.group_app:GroupApp")


def reported(scene: Scene, family: int, expected: Collection[str]) -> set[str]:
    """What a general query brings: waits for the `expected` groups and for QUIET_S. Neighbour discovery's are left out."""
    v4, found = family == socket.AF_INET, set[str]()
    is_report = is_igmp if v4 else is_mld_report
    mark = scene.bench.capture.mark(scene.next_hop_port)
    scene.bench.inject.send(query4(scene, response_ds=1) if v4 else query6(scene, response_ms=100))
    missing, quiet = Deadline(WAIT_S), Deadline(QUIET_S)
    while not quiet.expired or (not found >= set(expected) and not missing.expired):
        frames = [frame.data for frame in scene.bench.capture.frames(scene.next_hop_port, after=mark)]
        found = {group_of(data) for data in frames if data[6:12] == scene.host_mac and is_report(data)}
        time.sleep(0.005)
    return {group for group in found if not group.startswith("ff02::1:ff")}


@pytest.mark.parametrize("family", GROUPS, ids=["ipv4", "ipv6"])
@pytest.mark.device_can(offload=OffloadType.GROUP, offloads=OF_HOST + 2)
def test_groups_that_an_app_joined_are_reported_while_the_host_sleeps_and_no_others(scene: Scene, family: int) -> None:
    """Not joined, joined, one of them left again: three sleeps, one query each."""
    app, (stays, goes) = group_app(scene), GROUPS[socket.AddressFamily(family)]
    after = scene.sleep()
    assert reported(scene, family, ()) == set()
    scene.host.exit_standby()
    app.call("join", groups=[stays, goes])
    scene.sleep()
    assert reported(scene, family, {stays, goes}) == {stays, goes}
    scene.host.exit_standby()
    app.call("leave", groups=[goes])
    scene.sleep()
    assert reported(scene, family, {stays}) == {stays}
    assert not scene.timeline.find("NIC_WAKE", after=after)


@pytest.mark.device_can(offload=OffloadType.GROUP, offloads=OF_HOST)
def test_the_groups_of_neighbour_discovery_are_reported_too(scene: Scene) -> None:
    """Joined by the kernel itself, one for each last 24 bits of the host's addresses (RFC 4291 section 2.7.1)."""
    scene.sleep()
    mark = scene.bench.capture.mark(scene.next_hop_port)
    wanted = {"ff02::1:ff00:10", "ff02::1:ff00:110"}
    scene.bench.inject.send(query6(scene, response_ms=100))
    deadline, found = Deadline(WAIT_S), set[str]()
    while not found >= wanted:
        assert not deadline.expired, f"only {sorted(found)}"
        deadline.pause()
        frames = [frame.data for frame in scene.bench.capture.frames(scene.next_hop_port, after=mark)]
        found = {group_of(data) for data in frames if data[6:12] == scene.host_mac and is_mld_report(data)}
    assert found == wanted


def snoop(scene: Scene) -> None:
    """The switch asks for members, and sends a group only where there are some."""
    wire, bridge = scene.bench.network.wire, scene.bench.network.topology.bridge
    times = {
        "br_mcast_query_response_intvl": SWITCH_ANSWERS_CS,
        "br_mcast_query_intvl": SWITCH_ASKS_CS,
        "br_mcast_startup_query_intvl": SWITCH_ASKS_CS,
    }

    def switch_on() -> None:
        with links.rtnetlink() as route:
            for settings in (times, {"br_mcast_snooping": 1}, {"br_mcast_querier": 1}):
                route.link("set", index=links.index_of(bridge), kind="bridge", **settings)

    wire.run(switch_on)


def arrives_asleep(scene: Scene, group: str, number: int) -> bool:
    """Whether a datagram of the server's to the group comes to the device's port; all hosts' group is the marker behind it."""
    capture, tag = scene.bench.capture, b"%s number %d" % (group.encode(), number)
    mark = capture.mark(scene.device_port)
    with scene.bench.network.server.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(scene.bench.network.topology.server.ip4))
        sock.sendto(tag, (group, PORT))
        sock.sendto(b"behind " + tag, ("224.0.0.1", PORT))
    capture.wait_for(scene.device_port, lambda data: b"behind " + tag in data, WAIT_S, after=mark)
    return any(tag in frame.data and b"behind " not in frame.data for frame in capture.frames(scene.device_port, after=mark))


@pytest.mark.device_can(offload=OffloadType.GROUP, offloads=OF_HOST + 1)
def test_a_switch_that_snoops_goes_on_sending_to_the_sleeping_host(scene: Scene) -> None:
    """Until it has asked and waited, the switch floods; then it sends the joined group and cuts the other off."""
    app, (joined, strange) = group_app(scene), GROUPS[socket.AF_INET]
    app.call("join", groups=[joined])
    after = scene.sleep()
    snoop(scene)
    deadline, number = Deadline(10), 0
    while arrives_asleep(scene, strange, number) or not arrives_asleep(scene, joined, number):
        assert not deadline.expired, "the switch does not snoop"
        deadline.pause()
        number += 1
    for later in range(number + 1, number + 1 + PAIRS):
        assert (arrives_asleep(scene, joined, later), arrives_asleep(scene, strange, later)) == (True, False)
    assert not scene.timeline.find("NIC_WAKE", after=after)


@pytest.mark.device_can(offload=OffloadType.GROUP)
def test_without_reports_the_switch_cuts_the_sleeping_host_off(scene: Scene) -> None:
    """The negative control: joined, and the device does not know."""
    app, (joined, _) = group_app(scene), GROUPS[socket.AF_INET]
    app.call("join", groups=[joined])
    scene.sleep()
    for offload in scene.device.offloads():
        if offload.type is OffloadType.GROUP:
            scene.device.remove_offload(offload.id)
    snoop(scene)
    deadline, number = Deadline(10), 0
    while arrives_asleep(scene, joined, number):
        assert not deadline.expired, "the switch still sends"
        deadline.pause()
        number += 1


def refused_groups(scene: Scene, after: int) -> set[str]:
    return {record.group for record in scene.timeline.find("GROUP_REFUSED", after=after)}


def kinds(scene: Scene) -> list[OffloadType]:
    return [offload.type for offload in scene.device.offloads()]


@pytest.mark.device_can(offload=(OffloadType.GROUP, OffloadType.NATT), offloads=OF_HOST + NATT_AND_MORE)
def test_groups_beyond_the_devices_table_are_written_down_and_push_nothing_out(scene: Scene) -> None:
    """How many it takes is its own affair, but for those that it has said (rig check holds it to that)."""
    network, app = scene.bench.network, group_app(scene)
    host, server_ip = network.topology.host, network.topology.server.ip4
    scene.device.add_offload(
        ProtocolOffload.natt(
            900, ip=host.ip4, mac=scene.host_mac, remote=server_ip, next_hop_mac=scene.server_mac, interval_ms=60_000
        )
    )
    before = kinds(scene)
    app.call("join", groups=MANY)
    after = scene.sleep()
    assert kinds(scene)[: len(before)] == before
    taken, refused = kinds(scene).count(OffloadType.GROUP) - before.count(OffloadType.GROUP), refused_groups(scene, 0)
    assert len(refused) == len(MANY) - taken
    assert set() < refused < set(MANY)
    room, own = scene.device.capabilities().offload_count, [kind for kind in kinds(scene) if kind is not OffloadType.NATT]
    if room is not None:
        words = f"{len(own)} offloads and NAT-T were taken; it says offload_count {room}, in any mix (contract section 5)"
        assert len(own) in (room - 1, room), words
    scene.host.exit_standby()
    scene.sleep()
    assert refused_groups(scene, after) == set(), "asked again though nothing had changed"
    scene.host.exit_standby()
    network.host.run(partial(add_address, "2001:db8:0:1::99/64"))
    scene.sleep()
    assert kinds(scene).count(OffloadType.NS) == before.count(OffloadType.NS) + 1, "an address is worth more than a group"
    assert OffloadType.NATT in kinds(scene)
    scene.host.exit_standby()
    app.call("leave", groups=MANY[1:])
    after = scene.sleep()
    assert refused_groups(scene, after) == set()
    assert reported(scene, socket.AF_INET, {MANY[0]}) == {MANY[0]}


def add_address(text: str) -> None:
    with links.rtnetlink() as route:
        links.add_address(route, NEAR_IFNAME, IPv6Interface(text))
