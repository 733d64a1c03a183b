"""What a querier asks, as frames of the host's neighbour, and what is answered: group membership, IPv4 and IPv6."""

from __future__ import annotations

from collections.abc import Callable

from rig.suite.scene import Scene

WAIT_S = 5.0


def query4(scene: Scene, response_ds: int) -> bytes:
    """A general IGMPv2 query; `response_ds`: tenths of a second."""
    from scapy.layers.igmp import IGMP
    from scapy.layers.inet import IP, IPOption_Router_Alert
    from scapy.layers.l2 import Ether

    querier = scene.bench.network.topology.next_hop
    l3 = IP(src=querier.ip4, dst="224.0.0.1", ttl=1, proto=2, options=[IPOption_Router_Alert()])
    return bytes(Ether(src=querier.mac, dst="01:00:5e:00:00:01") / l3 / IGMP(type=0x11, mrcode=response_ds))


def query6(scene: Scene, response_ms: int) -> bytes:
    """A general MLDv2 query."""
    from scapy.layers.inet6 import ICMPv6MLQuery2, IPv6, IPv6ExtHdrHopByHop, PadN, RouterAlert
    from scapy.layers.l2 import Ether

    querier = scene.bench.network.topology.next_hop
    l3 = IPv6(src="fe80::2", dst="ff02::1", hlim=1) / IPv6ExtHdrHopByHop(options=[RouterAlert(), PadN()])
    return bytes(Ether(src=querier.mac, dst="33:33:00:00:00:01") / l3 / ICMPv6MLQuery2(mrd=response_ms))


def reports(scene: Scene, mark: int, of: Callable[[bytes], bool], count: int) -> list[tuple[int, bytes]]:
    """(time in ns, frame) of `count` frames of the device at the querier's port."""
    seen: list[bytes] = []

    def is_last(data: bytes) -> bool:
        if data[6:12] == scene.host_mac and of(data):
            seen.append(data)
        return len(seen) == count

    scene.bench.capture.wait_for(scene.next_hop_port, is_last, WAIT_S, after=mark, what=f"report {count}")
    frames = scene.bench.capture.frames(scene.next_hop_port, after=mark)
    return [(frame.t_ns, frame.data) for frame in frames if frame.data in seen]


def is_igmp(frame: bytes) -> bool:
    return frame[12:14] == b"\x08\x00" and frame[23] == 2


def is_mld_report(frame: bytes) -> bool:
    return frame[12:14] == b"\x86\xdd" and frame[62] == 143


def group_of(frame: bytes) -> str:
    """The group that a report is about: IGMPv2, or MLDv2 with one record."""
    from ipaddress import ip_address

    header = 14 + (frame[14] & 15) * 4
    return str(ip_address(frame[header + 4 : header + 8] if is_igmp(frame) else frame[74:90]))
