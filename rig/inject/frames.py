"""Frames, built with scapy and returned as bytes.

Builders take a `Flow`, which says who speaks to whom; `flow.reversed` is the answer's direction. Checksums and
lengths are right unless a mutation below breaks them on purpose. Frames are built before a test needs them, as scapy takes some
hundred microseconds for one; its layers are imported at the first call (180 ms).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from ipaddress import IPv6Address, ip_address
from typing import Any

from rig.mac import mac_bytes
from rig.net.tcp_options import timestamps as timestamps_in

BROADCAST_MAC = "ff:ff:ff:ff:ff:ff"
MIN_FRAME_BYTES = 60
"""The shortest Ethernet frame without its FCS (IEEE 802.3)."""

ETHERNET_BYTES = 14
IPPROTO_TCP, IPPROTO_UDP = 6, 17
MAGIC_ETHERTYPE = 0x0842
"""Wake-on-LAN without IP."""

TcpOptions = tuple[tuple[str, Any], ...]
"""scapy's form: (("NOP", None), ("NOP", None), ("Timestamp", (value, echo)))."""


@dataclass(frozen=True)
class Flow:
    """Sender and receiver of a frame. IPv4 and IPv6 are told apart by the addresses."""

    src_mac: str
    dst_mac: str
    src_ip: str
    dst_ip: str
    src_port: int = 0
    dst_port: int = 0

    @property
    def reversed(self) -> Flow:
        """The other direction."""
        return Flow(self.dst_mac, self.src_mac, self.dst_ip, self.src_ip, self.dst_port, self.src_port)

    @property
    def is_ipv6(self) -> bool:
        return isinstance(ip_address(self.src_ip), IPv6Address)

    def with_ports(self, src_port: int | None = None, dst_port: int | None = None) -> Flow:
        """The same machines, other ports: the near miss of a pattern or a slot."""
        ports = (self.src_port if src_port is None else src_port, self.dst_port if dst_port is None else dst_port)
        return replace(self, src_port=ports[0], dst_port=ports[1])


def tcp_segment(
    flow: Flow,
    seq: int,
    ack: int,
    flags: str = "A",
    payload: bytes = b"",
    *,
    window: int = 502,
    timestamps: tuple[int, int] | None = None,
    options: TcpOptions = (),
) -> bytes:
    """A segment. `flags`: scapy's letters ("PA", "FA", "R"); `timestamps`: (value, echo), put in front of `options`."""
    from scapy.layers.inet import TCP

    if timestamps is not None:
        options = (("NOP", None), ("NOP", None), ("Timestamp", timestamps), *options)
    header = TCP(sport=flow.src_port, dport=flow.dst_port, seq=seq, ack=ack, flags=flags, window=window, options=list(options))
    return _ip_frame(flow, header, payload)


def udp_datagram(flow: Flow, payload: bytes = b"") -> bytes:
    """A datagram with checksum."""
    from scapy.layers.inet import UDP

    return _ip_frame(flow, UDP(sport=flow.src_port, dport=flow.dst_port), payload)


def icmp_echo_request(flow: Flow, identifier: int = 1, sequence: int = 1, payload: bytes = b"") -> bytes:
    """A ping (IPv4)."""
    from scapy.layers.inet import ICMP

    return _ip_frame(flow, ICMP(type=8, id=identifier, seq=sequence), payload)


def arp_request(flow: Flow, *, unicast: bool = False) -> bytes:
    """Who has flow.dst_ip? Broadcast unless `unicast`."""
    from scapy.layers.l2 import ARP, Ether

    destination = flow.dst_mac if unicast else BROADCAST_MAC
    request = ARP(op="who-has", hwsrc=flow.src_mac, psrc=flow.src_ip, hwdst="00:00:00:00:00:00", pdst=flow.dst_ip)
    return pad(bytes(Ether(src=flow.src_mac, dst=destination) / request))


def neighbour_solicitation(flow: Flow) -> bytes:
    """The same question in IPv6 (RFC 4861): to the target's solicited-node group, with our link-layer address."""
    from scapy.layers.inet6 import ICMPv6ND_NS, ICMPv6NDOptSrcLLAddr, IPv6
    from scapy.layers.l2 import Ether

    target = int(IPv6Address(flow.dst_ip)) & 0xFFFFFF
    group = str(IPv6Address(int(IPv6Address("ff02::1:ff00:0")) | target))
    group_mac = "33:33:ff:" + ":".join(f"{byte:02x}" for byte in target.to_bytes(3, "big"))
    question = ICMPv6ND_NS(tgt=flow.dst_ip) / ICMPv6NDOptSrcLLAddr(lladdr=flow.src_mac)
    return bytes(Ether(src=flow.src_mac, dst=group_mac) / IPv6(src=flow.src_ip, dst=group, hlim=255) / question)


def neighbour_advertisement(flow: Flow, *, router: bool = True) -> bytes:
    """flow.src_ip is at flow.src_mac, told to everybody unasked, over what they knew (RFC 4861 section 7.2.6)."""
    from scapy.layers.inet6 import ICMPv6ND_NA, ICMPv6NDOptDstLLAddr, IPv6
    from scapy.layers.l2 import Ether

    news = ICMPv6ND_NA(tgt=flow.src_ip, R=int(router), S=0, O=1) / ICMPv6NDOptDstLLAddr(lladdr=flow.src_mac)
    return bytes(Ether(src=flow.src_mac, dst="33:33:00:00:00:01") / IPv6(src=flow.src_ip, dst="ff02::1", hlim=255) / news)


def magic_packet(src_mac: str, target_mac: str, *, password: bytes = b"", dst_mac: str = BROADCAST_MAC) -> bytes:
    """Wake-on-LAN: six times ff, then the target's address 16 times, then a password of 0, 4 or 6 bytes."""
    from scapy.layers.l2 import Ether

    return pad(bytes(Ether(src=src_mac, dst=dst_mac, type=MAGIC_ETHERTYPE) / magic_body(target_mac, password)))


def magic_body(target_mac: str, password: bytes = b"") -> bytes:
    """The sequence itself, which may stand anywhere in a frame: put it into `udp_datagram`."""
    return b"\xff" * 6 + mac_bytes(target_mac) * 16 + password


def tagged(frame: bytes, vid: int, *, priority: int = 0, kind: int = 0x8100) -> bytes:
    """The frame in a VLAN (IEEE 802.1Q; `kind` 0x88A8: 802.1ad). VID 0 only carries the priority."""
    return frame[:12] + struct.pack("!HH", kind, priority << 13 | vid) + frame[12:]


def untagged(frame: bytes) -> tuple[int | None, bytes]:
    """(TCI, the frame without its outer tag); None and the frame itself when it has no 802.1Q tag."""
    if frame[12:14] != b"\x81\x00":
        return None, frame
    return int.from_bytes(frame[14:16], "big"), frame[:12] + frame[16:]


def pad(frame: bytes, length: int = MIN_FRAME_BYTES, filler: int = 0) -> bytes:
    """Padding behind what the IP length covers, as a real NIC adds to short frames; receivers must not take it for data."""
    return frame.ljust(length, bytes([filler]))


def truncate(frame: bytes, length: int) -> bytes:
    """The first `length` bytes."""
    return frame[:length]


def flip_bits(frame: bytes, offset: int, mask: int = 0x01) -> bytes:
    """Change bits of one byte; checksums are left as they are, and so become wrong."""
    return frame[:offset] + bytes([frame[offset] ^ mask]) + frame[offset + 1 :]


def corrupt_ip_checksum(frame: bytes) -> bytes:
    """An IPv4 header whose checksum does not hold."""
    return flip_bits(frame, ETHERNET_BYTES + 10)


def corrupt_checksum(frame: bytes) -> bytes:
    """A TCP or UDP checksum that does not hold (IPv4 or IPv6 without extension headers)."""
    protocol, start = transport(frame)
    return flip_bits(frame, start + (16 if protocol == IPPROTO_TCP else 6))


def tcp_fields(frame: bytes) -> tuple[int, int, str, bytes]:
    """(seq, ack, flag letters, payload) of a TCP frame: cheap, for predicates on captures."""
    protocol, start = transport(frame)
    if protocol != IPPROTO_TCP:
        raise ValueError(f"no TCP frame: IP protocol {protocol}")
    seq, ack, offset, bits = struct.unpack_from("!IIBB", frame, start + 4)
    letters = "".join(letter for index, letter in enumerate("FSRPAUEC") if bits >> index & 1)
    return seq, ack, letters, frame[start + (offset >> 4) * 4 : _ip_end(frame)]


def tcp_timestamps(frame: bytes) -> tuple[int, int] | None:
    """(TSval, TSecr) of a TCP frame, None when it carries none or is no TCP."""
    try:
        protocol, start = transport(frame)
    except ValueError:
        return None
    if protocol != IPPROTO_TCP:
        return None
    return timestamps_in(frame[start + 20 : start + (frame[start + 12] >> 4) * 4])


def transport(frame: bytes) -> tuple[int, int]:
    """(IP protocol, offset of the transport header); raises ValueError when the frame is no IP."""
    version = frame[ETHERNET_BYTES] >> 4 if len(frame) > ETHERNET_BYTES else 0
    ether_type = frame[12:14]
    if ether_type == b"\x08\x00" and version == 4:
        return frame[ETHERNET_BYTES + 9], ETHERNET_BYTES + (frame[ETHERNET_BYTES] & 15) * 4
    if ether_type == b"\x86\xdd" and version == 6:
        return frame[ETHERNET_BYTES + 6], ETHERNET_BYTES + 40
    raise ValueError(f"no IP frame: type {ether_type.hex()}")


def _ip_end(frame: bytes) -> int:
    """Where the IP packet ends and padding begins."""
    if frame[12:14] == b"\x08\x00":
        return ETHERNET_BYTES + int.from_bytes(frame[ETHERNET_BYTES + 2 : ETHERNET_BYTES + 4], "big")
    return ETHERNET_BYTES + 40 + int.from_bytes(frame[ETHERNET_BYTES + 4 : ETHERNET_BYTES + 6], "big")


def _ip_frame(flow: Flow, transport_layer: Any, payload: bytes) -> bytes:
    """Ethernet and IP around a transport layer, short frames padded."""
    from scapy.layers.l2 import Ether
    from scapy.packet import Raw

    if flow.is_ipv6:
        from scapy.layers.inet6 import IPv6

        header: Any = IPv6(src=flow.src_ip, dst=flow.dst_ip)
    else:
        from scapy.layers.inet import IP

        header = IP(src=flow.src_ip, dst=flow.dst_ip)
    packet = Ether(src=flow.src_mac, dst=flow.dst_mac) / header / transport_layer
    return pad(bytes(packet / Raw(payload) if payload else packet))
