"""Bitmap patterns and magic packets."""

from __future__ import annotations

import pytest

from rig.device.offload_types import Pattern
from rig.inject.frames import Flow, magic_body, magic_packet, udp_datagram
from rig.suite.scene import Scene

PATTERN_ID = 700


def udp_to_host(scene: Scene, payload: bytes, port: int = 9) -> bytes:
    plan = scene.bench.network.topology
    return udp_datagram(Flow(plan.next_hop.mac, plan.host.mac, plan.server.ip4, plan.host.ip4, 4000, port), payload)


@pytest.mark.edge(61)
def test_pattern_at_the_frames_last_byte_matches_one_beyond_does_not(scene: Scene) -> None:
    body = b"some payload that is longer than the least frame"
    frame = udp_to_host(scene, body + b"END")
    scene.device.add_pattern(Pattern.bitmap(PATTERN_ID, b"END", offset=len(frame) - 3))
    scene.device.add_pattern(Pattern.bitmap(PATTERN_ID + 1, b"ND\0", offset=len(frame) - 2))
    after = scene.sleep()
    scene.bench.inject.send(udp_to_host(scene, body + b"ENd"))
    scene.bench.inject.send(udp_to_host(scene, body + b"EN"))
    scene.assert_no_wake(after)
    scene.bench.inject.send(frame)
    wake = scene.timeline.wait("NIC_WAKE", after=after)
    assert (wake.reason, wake.pattern_id) == ("PACKET", PATTERN_ID)
    assert (wake.original_bytes, wake.saved_bytes) == (len(frame), len(frame))


@pytest.mark.edge(70)
@pytest.mark.parametrize("where", ["raw", "udp", "udp misaligned", "udp past byte 320", "seven times ff"])
def test_magic_packet_wakes_wherever_it_stands(scene: Scene, where: str) -> None:
    scene.device.add_pattern(Pattern.magic(PATTERN_ID))
    mac, body = scene.bench.network.topology.host.mac, magic_body(scene.bench.network.topology.host.mac)
    frames = {
        "raw": magic_packet(scene.bench.network.topology.next_hop.mac, mac),
        "udp": udp_to_host(scene, body),
        "udp misaligned": udp_to_host(scene, b"odd" + body + b"tail"),
        "udp past byte 320": udp_to_host(scene, bytes(700) + body),
        "seven times ff": udp_to_host(scene, b"\xff" + body),
    }
    after = scene.sleep()
    scene.bench.inject.send(frames[where])
    assert scene.timeline.wait("NIC_WAKE", after=after).reason == "PACKET"


@pytest.mark.edge(70)
def test_almost_magic_packets_do_not_wake(scene: Scene) -> None:
    scene.device.add_pattern(Pattern.magic(PATTERN_ID))
    plan = scene.bench.network.topology
    own, neighbour = (magic_body(spec.mac) for spec in (plan.host, plan.server))
    near_misses = {
        "fifteen copies": own[:-6],
        "five times ff": own[1:],
        "a neighbour's address": neighbour,
        "one copy, as in a DHCP frame": own[:12],
        "one bit wrong in the last copy": own[:-1] + bytes([own[-1] ^ 1]),
    }
    after = scene.sleep()
    for body in near_misses.values():
        scene.bench.inject.send(udp_to_host(scene, b"\0" + body + b"\0"))
    scene.assert_no_wake(after)
    scene.bench.inject.send(udp_to_host(scene, own))
    scene.timeline.wait("NIC_WAKE", after=after)
