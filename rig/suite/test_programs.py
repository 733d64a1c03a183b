"""Patterns that are more than bytes: programs that libpcap compiles and judges, ports, connection attempts, EAPOL."""

from __future__ import annotations

import pytest

from rig.device.bpf import compile_filter
from rig.device.numbers import OffloadRc, PatternType
from rig.device.offload_types import Pattern
from rig.errors import DeviceError
from rig.inject.frames import Flow, tcp_segment, udp_datagram
from rig.suite.scene import Scene

PATTERN_ID = 710


def flow_to(scene: Scene, port: int, *, version: int = 4) -> Flow:
    plan = scene.bench.network.topology
    ends = (plan.server.ip4, plan.host.ip4) if version == 4 else ("2001:db8::2", "2001:db8::1")
    return Flow(plan.next_hop.mac, plan.host.mac, *ends, 4000, port)


def eapol(scene: Scene, body: str) -> bytes:
    """To the host's own address: a switch keeps the group address of 802.1X to itself."""
    return scene.host_mac + scene.next_hop_mac + b"\x88\x8e" + bytes.fromhex(body).ljust(46, b"\0")


CASES = {
    "udp port 5000": lambda s: (udp_datagram(flow_to(s, 5000), b"x"), [udp_datagram(flow_to(s, 5001), b"x")]),
    "tcp[tcpflags] == tcp-syn and dst port 22": lambda s: (
        tcp_segment(flow_to(s, 22), 1, 0, "S"),
        [tcp_segment(flow_to(s, 22), 1, 0, "A"), tcp_segment(flow_to(s, 23), 1, 0, "S")],
    ),
    "ip6 and udp and ip6[48:4] = 0x77616b65": lambda s: (
        udp_datagram(flow_to(s, 9, version=6), b"wake"),
        [udp_datagram(flow_to(s, 9, version=6), b"wakf"), udp_datagram(flow_to(s, 9), b"wake")],
    ),
}


@pytest.mark.parametrize("expression", CASES)
@pytest.mark.device_can(pattern=PatternType.PROGRAM)
def test_a_filter_expression_wakes_for_what_it_says(scene: Scene, expression: str) -> None:
    wanted, others = CASES[expression](scene)
    scene.device.add_pattern(Pattern.filter(PATTERN_ID, expression))
    after = scene.sleep()
    for frame in others:
        scene.bench.inject.send(frame)
    scene.assert_no_wake(after)
    scene.bench.inject.send(wanted)
    assert scene.timeline.wait("NIC_WAKE", after=after).pattern_id == PATTERN_ID


@pytest.mark.device_can(pattern=PatternType.PROGRAM)
def test_a_program_that_is_not_safe_is_refused(scene: Scene) -> None:
    """It lacks its last instruction, which returns."""
    cut = compile_filter("udp port 5000")[:-8]
    with pytest.raises(DeviceError) as refused:
        scene.device.add_pattern(Pattern(id=PATTERN_ID, type=PatternType.PROGRAM, prog=cut[:-8]))
    assert refused.value.rc == OffloadRc.BAD_ARG
    assert PATTERN_ID not in [pattern.id for pattern in scene.device.patterns()]


@pytest.mark.edge(71)
def test_magic_with_password(scene: Scene) -> None:
    scene.device.add_pattern(Pattern.magic(PATTERN_ID, b"secret"))
    body = b"\xff" * 6 + scene.host_mac * 16
    after = scene.sleep()
    for wrong in (b"", b"secre", b"secreT", b"Secret"):
        scene.bench.inject.send(udp_datagram(flow_to(scene, 9), body + wrong))
    scene.assert_no_wake(after)
    scene.bench.inject.send(udp_datagram(flow_to(scene, 9), body + b"secret"))
    scene.timeline.wait("NIC_WAKE", after=after)


@pytest.mark.edge(72)
@pytest.mark.device_can(pattern=(PatternType.IPV4_SYN, PatternType.IPV6_SYN))
def test_connection_attempts(scene: Scene) -> None:
    scene.device.add_pattern(Pattern.syn(PATTERN_ID, port=22))
    scene.device.add_pattern(Pattern.syn(PATTERN_ID + 1, port=22, version=6))
    after = scene.sleep()
    for flags, port in [("SA", 22), ("A", 22), ("S", 23), ("R", 22)]:
        scene.bench.inject.send(tcp_segment(flow_to(scene, port), 1, 0, flags))
        scene.bench.inject.send(tcp_segment(flow_to(scene, port, version=6), 1, 0, flags))
    scene.assert_no_wake(after)
    scene.bench.inject.send(tcp_segment(flow_to(scene, 22, version=6), 1, 0, "SEC"))
    assert scene.timeline.wait("NIC_WAKE", after=after).pattern_id == PATTERN_ID + 1


@pytest.mark.device_can(pattern=(PatternType.UDP_PORT, PatternType.EAPOL))
def test_udp_port_and_eapol(scene: Scene) -> None:
    scene.device.add_pattern(Pattern.udp(PATTERN_ID, 5353))
    scene.device.add_pattern(Pattern.eapol(PATTERN_ID + 1))
    after = scene.sleep()
    scene.bench.inject.send(udp_datagram(flow_to(scene, 5354), b"x"))
    scene.bench.inject.send(eapol(scene, "02020000"))
    scene.assert_no_wake(after)
    scene.bench.inject.send(eapol(scene, "02010000"))
    assert scene.timeline.wait("NIC_WAKE", after=after).pattern_id == PATTERN_ID + 1
