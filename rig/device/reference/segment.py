"""A received frame taken apart."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import Enum, auto

FIN, SYN, RST, ACK = 1, 2, 4, 16
IPV4, ARP, IPV6, VLAN, SERVICE_VLAN = 0x0800, 0x0806, 0x86DD, 0x8100, 0x88A8
PROTO_TCP, PROTO_UDP, PROTO_ICMP, PROTO_ICMPV6 = 6, 17, 1, 58
FRAGMENT_HEADER = 44
ARP_BYTES = 28
"""Over Ethernet, of IPv4 addresses (RFC 826)."""
EXTENSIONS = {0, 43, 60}
"""Hop-by-hop, routing, destination options (RFC 8200 4)."""
MOST_EXTENSIONS = 8
CHECKSUM_AT = {PROTO_TCP: 16, PROTO_UDP: 6, PROTO_ICMP: 2, PROTO_ICMPV6: 2}
TIMESTAMP = 8
"""Kind of a TCP option (RFC 7323)."""


class Kind(Enum):
    OTHER = auto()
    TCP = auto()
    HIDDEN = auto()
    """A fragment, or a chain of headers too long to walk: it may be anybody's."""


class BadFrame(Exception):
    """The counter that it ends in."""


@dataclass
class Frame:
    data: bytes
    padding: int = 0
    """Bytes behind the packet, where IP or ARP says how long that is."""
    kind: Kind = Kind.OTHER
    fragment: bool = False
    vlan: bool = False
    src: bytes = b""
    dst: bytes = b""
    proto: int = 0
    sport: int = 0
    dport: int = 0
    seq: int = 0
    ack: int = 0
    flags: int = 0
    window: int = 0
    length: int = 0
    """Bytes of data."""
    timestamp: tuple[int, int] | None = None

    @property
    def unpadded(self) -> bytes:
        """What patterns look at, but for programs: they see all of it."""
        return self.data[: len(self.data) - self.padding]

    @property
    def is_group(self) -> bool:
        return bool(self.data[0] & 1)


def checksum(data: bytes) -> int:
    """RFC 1071; over a packet with a right one it is 0."""
    words = struct.unpack(f">{len(data) // 2}H", data[: len(data) & ~1])
    total: int = sum(words) + (data[-1] << 8 if len(data) % 2 else 0)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def taken_apart(data: bytes) -> Frame:
    """Raises BadFrame."""
    if len(data) < 14:
        raise BadFrame("rx_bad_len")
    frame, at = Frame(data), 12
    kind = int.from_bytes(data[12:14], "big")
    if kind == VLAN:
        if len(data) < 18:
            raise BadFrame("rx_bad_len")
        if int.from_bytes(data[14:16], "big") & 0xFFF:
            raise BadFrame("rx_vlan_drop")
        frame.vlan, at = True, 16
        kind = int.from_bytes(data[16:18], "big")
    if kind in (VLAN, SERVICE_VLAN):
        raise BadFrame("rx_vlan_drop")
    if kind == IPV4:
        _ipv4(frame, data[at + 2 :])
    elif kind == IPV6:
        _ipv6(frame, data[at + 2 :])
    elif kind == ARP:
        frame.padding = max(0, len(data) - at - 2 - ARP_BYTES)
    return frame


def _ipv4(frame: Frame, packet: bytes) -> None:
    if len(packet) < 20 or packet[0] >> 4 != 4:
        raise BadFrame("rx_bad_len")
    head, total = (packet[0] & 15) * 4, int.from_bytes(packet[2:4], "big")
    if head < 20 or not head <= total <= len(packet):
        raise BadFrame("rx_bad_len")
    if checksum(packet[:head]):
        raise BadFrame("rx_bad_ip_csum")
    frame.padding = len(packet) - total
    frame.proto, frame.src, frame.dst = packet[9], packet[12:16], packet[16:20]
    if int.from_bytes(packet[6:8], "big") & 0x3FFF:
        frame.kind, frame.fragment = Kind.HIDDEN, True
        return
    _transport(frame, packet[head:total])


def _ipv6(frame: Frame, packet: bytes) -> None:
    if len(packet) < 40 or packet[0] >> 4 != 6:
        raise BadFrame("rx_bad_len")
    total = 40 + int.from_bytes(packet[4:6], "big")
    if total > len(packet):
        raise BadFrame("rx_bad_len")
    frame.padding = len(packet) - total
    frame.proto, frame.src, frame.dst, at = packet[6], packet[8:24], packet[24:40], 40
    for _ in range(MOST_EXTENSIONS):
        if frame.proto not in EXTENSIONS | {FRAGMENT_HEADER}:
            _transport(frame, packet[at:total])
            return
        if at + 8 > total:
            raise BadFrame("rx_bad_len")
        if frame.proto == FRAGMENT_HEADER:
            if int.from_bytes(packet[at + 2 : at + 4], "big") & 0xFFF9:
                frame.kind, frame.fragment, frame.proto = Kind.HIDDEN, True, packet[at]
                return
            frame.proto, at = packet[at], at + 8
        else:
            frame.proto, at = packet[at], at + 8 + 8 * packet[at + 1]
            if at > total:
                raise BadFrame("rx_bad_len")
    frame.kind = Kind.HIDDEN


def _transport(frame: Frame, data: bytes) -> None:
    at = CHECKSUM_AT.get(frame.proto)
    if at is None:
        return
    if len(data) < at + 2:
        raise BadFrame("rx_bad_len")
    pseudo = b""
    if frame.proto != PROTO_ICMP:
        pseudo = frame.src + frame.dst + struct.pack(">IHBB", len(data), 0, 0, frame.proto)
    no_checksum = frame.proto == PROTO_UDP and len(frame.src) == 4 and data[6:8] == b"\0\0"
    if not no_checksum and checksum(pseudo + data):
        raise BadFrame("rx_bad_l4_csum")
    if frame.proto == PROTO_TCP:
        _tcp(frame, data)


def _tcp(frame: Frame, data: bytes) -> None:
    if len(data) < 20:
        raise BadFrame("rx_bad_len")
    head = (data[12] >> 4) * 4
    if not 20 <= head <= len(data):
        raise BadFrame("rx_bad_len")
    frame.kind = Kind.TCP
    frame.sport, frame.dport, frame.seq, frame.ack = struct.unpack(">HHII", data[:12])
    frame.flags, frame.window, frame.length = data[13] & 0x3F, int.from_bytes(data[14:16], "big"), len(data) - head
    _options(frame, data[20:head])


def _options(frame: Frame, options: bytes) -> None:
    at = 0
    while at < len(options) and options[at]:
        if options[at] == 1:
            at += 1
            continue
        if at + 2 > len(options) or not 2 <= options[at + 1] <= len(options) - at:
            raise BadFrame("rx_bad_len")
        if options[at] == TIMESTAMP:
            if options[at + 1] != 10:
                raise BadFrame("rx_bad_len")
            frame.timestamp = struct.unpack(">II", options[at + 2 : at + 10])
        at += options[at + 1]
