"""Frames that a parser gets wrong: options and headers in between, fragments, tags, other people's protocols, odd lengths.

Where a kernel can make such frames (IP options, fragments) the server's kernel makes them, and the host's kernel judges what
came of it: data that the device woke for must reach the app.
"""

from __future__ import annotations

import socket

import pytest
from scapy.utils import checksum

from rig.device.numbers import PatternType
from rig.device.offload_types import Pattern
from rig.inject.frames import ETHERNET_BYTES, Flow, tagged, tcp_segment
from rig.suite.scene import NO_PROBES, Scene

pytestmark = pytest.mark.bench_config(standby=NO_PROBES)

PATTERN_ID = 500
ROUTER_ALERT = bytes.fromhex("94040000")
RECORD_ROUTE = bytes([7, 35, 4]).ljust(35, b"\0")
"""With room for eight addresses; the sending kernel writes the first."""
PORT = 4711
EXPERIMENTAL = bytes.fromhex("88b5")
"""An EtherType for experiments (IEEE 802)."""
HOP_BY_HOP, ROUTING, DESTINATION = 0, 43, 60
PADDING = bytes([0, 1, 4, 0, 0, 0, 0])
"""An 8-byte extension header behind its first byte: its length (0 more units of 8 bytes), then PadN over the rest."""


def with_ip_options(frame: bytes, options: bytes) -> bytes:
    """The frame with options in its IPv4 header, checksum right; `options` in multiples of 4 bytes, 40 at most."""
    header = bytearray(frame[ETHERNET_BYTES : ETHERNET_BYTES + 20])
    total = int.from_bytes(header[2:4], "big") + len(options)
    header[0] = 0x45 + len(options) // 4
    header[2:4], header[10:12] = total.to_bytes(2, "big"), bytes(2)
    header += options
    header[10:12] = checksum(bytes(header)).to_bytes(2, "big")
    return frame[:ETHERNET_BYTES] + bytes(header) + frame[ETHERNET_BYTES + 20 :]


def with_headers(frame: bytes, headers: list[tuple[int, bytes]]) -> bytes:
    """The IPv6 frame with extension headers, each (its own number, everything behind its next header byte)."""
    ip, rest = bytearray(frame[ETHERNET_BYTES : ETHERNET_BYTES + 40]), frame[ETHERNET_BYTES + 40 :]
    following = [number for number, _ in headers[1:]] + [ip[6]]
    chain = b"".join(bytes([after]) + body for after, (_, body) in zip(following, headers, strict=True))
    if headers:
        ip[6] = headers[0][0]
    ip[4:6] = (int.from_bytes(ip[4:6], "big") + len(chain)).to_bytes(2, "big")
    return frame[:ETHERNET_BYTES] + bytes(ip) + chain + rest


def to_host(scene: Scene, port: int = PORT, *, version: int = 4) -> Flow:
    """From the server to a port of the host."""
    plan = scene.bench.network.topology
    ends = (plan.server.ip4, plan.host.ip4) if version == 4 else (plan.server.ip6, plan.host.ip6)
    return Flow(plan.next_hop.mac, plan.host.mac, *ends, 40_000, port)


def data(scene: Scene, flow: Flow, payload: bytes = b"wake") -> bytes:
    """The next segment of the server on the channel that was handed over."""
    numbers = scene.handoff()
    return tcp_segment(flow, numbers.rcv_nxt, numbers.snd_nxt, "PA", payload, timestamps=scene.peer_timestamps())


def send_all(scene: Scene, frames: list[bytes]) -> dict[str, int]:
    """Send the frames, wait until the device has dealt with them; returns what its counters rose by."""
    before = scene.device.counters()
    scene.send_to_device(frames)
    after = scene.device.counters()
    return {name: after[name] - before[name] for name in after}


@pytest.mark.edge(51)
@pytest.mark.parametrize("options", [ROUTER_ALERT, RECORD_ROUTE, b"\x01" * 40], ids=["router alert", "record route", "full"])
def test_data_behind_ip_options_wakes_and_arrives(scene: Scene, options: bytes) -> None:
    """Ten words more in front of the ports. The control: the same to another port, whose bytes stand elsewhere."""
    connection = scene.open_hardware()
    after = scene.sleep()
    flow = scene.flow_to_host(connection)
    options = options.ljust((len(options) + 3) // 4 * 4, b"\x00")
    near = [with_ip_options(data(scene, flow.with_ports(dst_port=flow.dst_port ^ 1)), options)]
    send_all(scene, near)
    scene.assert_no_wake(after)
    connection.sock.setsockopt(socket.IPPROTO_IP, socket.IP_OPTIONS, options)
    scene.push_and_run(connection, b"behind options")
    assert scene.timeline.find("NIC_WAKE", after=after)[0].reason == "TCP_DATA"


@pytest.mark.edge(51)
@pytest.mark.device_can(pattern=PatternType.IPV4_SYN)
def test_syn_behind_ip_options_wakes(scene: Scene) -> None:
    """Not to another port, and not when a header length forgets the options: the checksums do not hold then."""
    scene.device.add_pattern(Pattern.syn(PATTERN_ID, port=PORT))
    after = scene.sleep()
    syns = [tcp_segment(to_host(scene, port), 1, 0, "S") for port in (PORT ^ 1, PORT)]
    for options in (ROUTER_ALERT, b"\x01" * 40):
        send_all(scene, [with_ip_options(syns[0], options), syns[1][:34] + options + syns[1][34:]])
    scene.assert_no_wake(after)
    scene.bench.inject.send(with_ip_options(syns[1], ROUTER_ALERT))
    assert scene.timeline.wait("NIC_WAKE", after=after).pattern_id == PATTERN_ID


CHAINS = {
    "hop by hop": [(HOP_BY_HOP, PADDING)],
    "destination twice": [(DESTINATION, PADDING)] * 2,
    "routing 0": [(ROUTING, b"\x00" + bytes(6))],
    "routing 4, long": [(ROUTING, b"\x02\x04\x00\x00\x00\x00\x00" + bytes(16))],
    "atomic fragment": [(44, b"\x00\x00\x00\x00\x00\x00\x01")],
    "many": [(DESTINATION, PADDING)] * 8,
}


@pytest.mark.edge(52)
@pytest.mark.topology("dual-stack")
@pytest.mark.parametrize("name", CHAINS)
@pytest.mark.device_can(pattern=PatternType.IPV6_SYN)
def test_syn_behind_ipv6_headers_wakes(scene: Scene, name: str) -> None:
    plan = scene.bench.network.topology
    scene.device.add_pattern(Pattern.syn(PATTERN_ID, ip=plan.host.ip6, port=PORT))
    after = scene.sleep()
    syns = [tcp_segment(to_host(scene, port, version=6), 1, 0, "S") for port in (PORT ^ 1, PORT)]
    miss, hit = (with_headers(syn, CHAINS[name]) for syn in syns)
    send_all(scene, [miss])
    scene.assert_no_wake(after)
    scene.bench.inject.send(hit)
    assert scene.timeline.wait("NIC_WAKE", after=after).pattern_id == PATTERN_ID


@pytest.mark.edge(52)
@pytest.mark.topology("dual-stack")
@pytest.mark.device_can(pattern=PatternType.IPV6_SYN)
def test_chains_that_lie_or_do_not_end_never_wake(scene: Scene) -> None:
    plan = scene.bench.network.topology
    scene.device.add_pattern(Pattern.syn(PATTERN_ID, ip=plan.host.ip6, port=PORT))
    after = scene.sleep()
    syn = tcp_segment(to_host(scene, version=6), 1, 0, "S")
    too_long = with_headers(syn, [(DESTINATION, PADDING)] * 40)
    lying = [with_headers(syn, [(DESTINATION, bytes([length]) + PADDING[1:])]) for length in (4, 0x7F, 0xFF)]
    behind_a_fragment = with_headers(syn, [(44, b"\x00\x00\x10\x00\x00\x00\x01"), (DESTINATION, b"\xff" + PADDING[1:])])
    rose = send_all(scene, [too_long, *lying, behind_a_fragment])
    scene.assert_no_wake(after)
    assert rose["rx_bad_len"] >= len(lying)
    assert rose["rx_frag"] >= 1
    scene.bench.inject.send(syn)
    scene.timeline.wait("NIC_WAKE", after=after)


def fragments(frame: bytes, size: int) -> list[bytes]:
    """The IPv4 frame cut into fragments of `size` bytes, a multiple of 8."""
    payload = frame[ETHERNET_BYTES + 20 :]
    pieces = [payload[at : at + size] for at in range(0, len(payload), size)]
    out = []
    for number, piece in enumerate(pieces):
        header = bytearray(frame[ETHERNET_BYTES : ETHERNET_BYTES + 20])
        header[2:4] = (20 + len(piece)).to_bytes(2, "big")
        header[4:6] = b"\x12\x34"
        header[6:8] = (number * size // 8 | (0x2000 if piece is not pieces[-1] else 0)).to_bytes(2, "big")
        header[10:12] = bytes(2)
        header[10:12] = checksum(bytes(header)).to_bytes(2, "big")
        out.append(frame[:ETHERNET_BYTES] + bytes(header) + piece)
    return out


@pytest.mark.edge(53)
def test_a_segment_in_fragments_wakes_and_the_hosts_kernel_puts_it_together(scene: Scene) -> None:
    connection = scene.open_hardware()
    after = scene.sleep()
    payload = b"in pieces " * 10
    pieces = fragments(data(scene, scene.flow_to_host(connection), payload), 64)
    assert len(pieces) > 2
    scene.bench.inject.burst(pieces)
    assert scene.timeline.wait("NIC_WAKE", after=after).reason == "UNPARSEABLE_IN_SLOT"
    scene.timeline.wait("TASK_DATA", data=payload.hex(), after=after)


@pytest.mark.edge(53)
@pytest.mark.device_can(pattern=PatternType.UDP_PORT)
def test_what_stands_in_a_later_fragment_is_never_read_as_ports(scene: Scene) -> None:
    """The server's kernel cuts a datagram to another port, each of whose later pieces begins with the port that wakes."""
    scene.device.add_pattern(Pattern(id=PATTERN_ID, type=PatternType.UDP_PORT, port=PORT))
    scene.device.add_pattern(Pattern.syn(PATTERN_ID + 1, port=PORT))
    after, before = scene.sleep(), scene.device.counters()
    plan = scene.bench.network.topology
    with scene.bench.network.server.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(PORT.to_bytes(2, "big") * 2500, (plan.host.ip4, PORT ^ 1))
        scene.wait_received_by_device(before, 4)
        scene.assert_no_wake(after)
        assert scene.device.counters()["rx_frag"] - before["rx_frag"] == 4
        sock.sendto(b"whole", (plan.host.ip4, PORT))
    assert scene.timeline.wait("NIC_WAKE", after=after).pattern_id == PATTERN_ID


@pytest.mark.edge(54)
def test_priority_tags_are_as_good_as_none_other_vlans_are_not_ours(scene: Scene) -> None:
    connection = scene.open_hardware()
    after = scene.sleep()
    frame = data(scene, scene.flow_to_host(connection), b"tagged")
    foreign = [tagged(frame, 1), tagged(frame, 4095, priority=7)]
    stacked = [tagged(tagged(frame, 5), 6, kind=0x88A8), tagged(tagged(frame, 5), 0)]
    rose = send_all(scene, foreign + stacked)
    scene.assert_no_wake(after)
    assert rose["rx_vlan_drop"] >= len(foreign)
    scene.bench.inject.send(tagged(frame, 0, priority=5))
    assert scene.timeline.wait("NIC_WAKE", after=after).reason == "TCP_DATA"
    scene.timeline.wait("TASK_DATA", data=b"tagged".hex(), after=after)


@pytest.mark.edge(55)
def test_frames_of_other_protocols_sleep_on_and_are_counted(scene: Scene) -> None:
    """Length fields instead of a type, spanning tree, LLDP, 802.1X without a pattern for it, types nobody knows."""
    connection = scene.open_hardware()
    after = scene.sleep()
    head = scene.host_mac + scene.next_hop_mac
    bodies = (b"\x42\x42\x03" + bytes(43), b"\xaa\xaa\x03\0\0\0\x08\0E" + bytes(37))
    llc = [head + len(body).to_bytes(2, "big") + body for body in bodies]
    # Length fields that lie, and the largest number that is still a length.
    llc += [head + length.to_bytes(2, "big") + bytes(46) for length in (0, 1, 46, 1499, 1500, 0x5FF)]
    types = [head + kind.to_bytes(2, "big") + b"\x45" + bytes(60) for kind in (0x88CC, 0x888E, 0x0600, 0x9000, 0xFFFF)]
    rose = send_all(scene, llc + types)
    scene.assert_no_wake(after)
    assert rose["rx_dropped_policy"] >= len(llc + types)
    scene.push_and_run(connection, b"and this one wakes")


@pytest.mark.edge(57)
@pytest.mark.parametrize("length", [60, 61, 1513, 1514])
def test_the_waking_frame_is_kept_whole_at_every_length(scene: Scene, length: int) -> None:
    """1514 is what the device can save of a frame, and what a wire without jumbo frames carries."""
    scene.device.add_pattern(Pattern.bitmap(PATTERN_ID, EXPERIMENTAL, offset=12))
    frame = (scene.host_mac + scene.next_hop_mac + EXPERIMENTAL).ljust(length, b"z")
    after = scene.sleep()
    mark = scene.bench.capture.mark(scene.bench.network.topology.host.port)
    scene.bench.inject.send(frame)
    wake = scene.timeline.wait("NIC_WAKE", after=after)
    assert (wake.original_bytes, wake.saved_bytes) == (length, length)
    scene.bench.capture.wait_for(scene.bench.network.topology.host.port, lambda data: data == frame, after=mark)


@pytest.mark.edge(57)
def test_runts_are_counted_and_harm_nobody(scene: Scene) -> None:
    connection = scene.open_hardware()
    after = scene.sleep()
    whole = data(scene, scene.flow_to_host(connection))
    # Below 14 bytes nothing leaves a packet socket.
    rose = send_all(scene, [whole[:length] for length in range(14, len(whole))])
    scene.assert_no_wake(after)
    assert rose["rx_bad_len"] >= 50
    scene.push_and_run(connection, b"whole")
