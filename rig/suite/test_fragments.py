"""Datagrams in fragments, as IKE's ordinarily are, to a sleeping host: it wakes, and its kernel puts all of them together.

The judges are kernels: the server's cuts the datagram, the host's joins it, and a UDP socket of the host reads it whole.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator

import pytest

from rig.device.numbers import OffloadType, UdpFlag
from rig.device.offload_types import ProtocolOffload
from rig.suite.offload_room import OF_HOST
from rig.suite.queries import WAIT_S
from rig.suite.scene import Scene

pytestmark = [pytest.mark.topology("dual-stack"), pytest.mark.edge(53)]

FAMILIES = pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6], ids=["ipv4", "ipv6"])
KINDS = pytest.mark.parametrize("kind", [OffloadType.NATT, OffloadType.UDP], ids=["NAT-T", "UDP"])

PORT = 4500
OTHER_PORT = 4501
OFFLOAD_ID = 900
INTERVAL_MS = 6_000_000
"""No keep-alive in a test's time: they are not what it is about."""

IKE_AUTH = bytes(4) + os.urandom(16) + b"\x2e\x20\x23\x08" + struct.pack("!II", 1, 3996) + bytes(range(256)) * 15
"""The non-ESP marker, an IKE header (RFC 7296 3.1), and what stands for a chain of certificates: three fragments."""


class Ends:
    """A UDP socket on PORT at the host and one at the server."""

    def __init__(self, scene: Scene, family: int) -> None:
        plan = scene.bench.network.topology
        v6 = family == socket.AF_INET6
        self.host_ip, self.server_ip = (plan.host.ip6, plan.server.ip6) if v6 else (plan.host.ip4, plan.server.ip4)
        self.host = scene.bench.network.host.socket(family, socket.SOCK_DGRAM)
        self.server = scene.bench.network.server.socket(family, socket.SOCK_DGRAM)
        self.host.settimeout(WAIT_S)
        self.host.bind((self.host_ip, PORT))
        self.server.bind((self.server_ip, PORT))

    def close(self) -> None:
        self.host.close()
        self.server.close()


@pytest.fixture
def ends(scene: Scene, family: int) -> Iterator[Ends]:
    """Function scope."""
    both = Ends(scene, family)
    try:
        yield both
    finally:
        both.close()


def flow(scene: Scene, ends: Ends, kind: OffloadType) -> ProtocolOffload:
    return ProtocolOffload(
        id=OFFLOAD_ID, type=kind, ip=ends.host_ip, mac=scene.host_mac, remote=ends.server_ip, next_hop_mac=scene.next_hop_mac,
        local_port=PORT, remote_port=PORT, interval_ms=INTERVAL_MS,
        flags=UdpFlag.WAKE_ON_DATA if kind is OffloadType.UDP else None, data=b"still here" if kind is OffloadType.UDP else None,
    )  # fmt: skip


REASONS = {OffloadType.NATT: "IPSEC", OffloadType.UDP: "UDP_DATA"}


@KINDS
@FAMILIES
@pytest.mark.device_can(offload=(OffloadType.NATT, OffloadType.UDP), offloads=OF_HOST + 1)
def test_a_fragmented_datagram_wakes_and_reaches_the_socket_whole(scene: Scene, ends: Ends, kind: OffloadType) -> None:
    scene.device.add_offload(flow(scene, ends, kind))
    after, before = scene.sleep(), scene.device.counters()
    ends.server.sendto(IKE_AUTH, (ends.host_ip, PORT))
    assert scene.timeline.wait("NIC_WAKE", after=after).reason == REASONS[kind]
    assert ends.host.recv(65536) == IKE_AUTH
    assert scene.device.counters()["rx_frag"] == before["rx_frag"], "a fragment was dropped"


@FAMILIES
@pytest.mark.device_can(offload=OffloadType.NATT, offloads=OF_HOST + 1)
def test_the_last_fragment_first(scene: Scene, ends: Ends) -> None:
    """It shows no port, but dropped it would be missing. The frames are those of the server's kernel, in another order."""
    scene.device.add_offload(flow(scene, ends, OffloadType.NATT))
    mark = scene.bench.capture.mark(scene.server_port)
    ends.server.sendto(IKE_AUTH, (ends.host_ip, PORT))
    assert ends.host.recv(65536) == IKE_AUTH
    pieces = [f.data for f in scene.bench.capture.frames(scene.server_port, after=mark) if len(f.data) > 800]
    assert len(pieces) == 3
    after = scene.sleep()
    for piece in reversed(pieces):
        scene.bench.inject.send(piece)
    assert scene.timeline.wait("NIC_WAKE", after=after).reason == "IPSEC"
    assert ends.host.recv(65536) == IKE_AUTH


@pytest.mark.parametrize("armed", [True, False], ids=["another port", "not armed"])
@FAMILIES
@pytest.mark.device_can(offload=(OffloadType.ARP, OffloadType.NS, OffloadType.NATT), offloads=OF_HOST + 1)
def test_fragments_that_nobody_waits_for_sleep_on(scene: Scene, ends: Ends, armed: bool) -> None:
    """The negative controls. A fragment without ports is told by the first one of its datagram."""
    if armed:
        scene.device.add_offload(flow(scene, ends, OffloadType.NATT))
    after, before = scene.sleep(), scene.device.counters()
    ends.server.sendto(IKE_AUTH, (ends.host_ip, OTHER_PORT if armed else PORT))
    scene.wait_counted("rx_frag", before, 3)
    scene.assert_no_wake(after)
    assert scene.device.counters()["rx_frag"] - before["rx_frag"] == 3
    ends.host.settimeout(0)
    with pytest.raises(BlockingIOError):
        ends.host.recv(65536)
