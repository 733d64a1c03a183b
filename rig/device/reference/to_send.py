"""A segment put together. By hand: a library of frames takes as long to import as a host waits for an answer, and longer on a
machine that is busy; a standby begins with what is to be sent in it."""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass

from rig.device.reference.segment import ACK, IPV4, IPV6, PROTO_TCP, TIMESTAMP, checksum

ETHERNET_MIN = 60
DF = 0x4000
TCP_HEAD_BYTES, NOP = 20, 1


@dataclass(frozen=True)
class ToSend:
    """A segment without data."""

    src_mac: bytes
    dst_mac: bytes
    src: str
    dst: str
    ttl: int
    tos: int
    df: bool
    ip_id: int
    sport: int
    dport: int
    seq: int
    ack: int
    window: int
    timestamp: tuple[int, int] | None

    def frame(self) -> bytes:
        source, target = _packed(self.src), _packed(self.dst)
        segment = self._segment(source + target)
        v6 = len(source) == 16
        packet = self._ipv6(source, target, segment) if v6 else self._ipv4(source, target, segment)
        ether = self.dst_mac + self.src_mac + struct.pack(">H", IPV6 if v6 else IPV4) + packet
        return ether.ljust(ETHERNET_MIN, b"\0")

    def _segment(self, addresses: bytes) -> bytes:
        """RFC 9293 3.1; its timestamp where RFC 7323 A has it: behind two NOPs."""
        options = b"" if self.timestamp is None else struct.pack(">BBBBII", NOP, NOP, TIMESTAMP, 10, *self.timestamp)
        size_bytes = TCP_HEAD_BYTES + len(options)
        head = struct.pack(">HHIIBBH", self.sport, self.dport, self.seq, self.ack, size_bytes // 4 << 4, ACK, self.window)
        pseudo = addresses + struct.pack(">IHBB", size_bytes, 0, 0, PROTO_TCP)
        return head + struct.pack(">HH", checksum(pseudo + head + bytes(4) + options), 0) + options

    def _ipv4(self, source: bytes, target: bytes, segment: bytes) -> bytes:
        """RFC 791 3.1."""
        total_bytes, flags = 20 + len(segment), DF if self.df else 0
        head = struct.pack(">BBHHHBB", 0x45, self.tos, total_bytes, self.ip_id, flags, self.ttl, PROTO_TCP)
        return head + struct.pack(">H", checksum(head + bytes(2) + source + target)) + source + target + segment

    def _ipv6(self, source: bytes, target: bytes, segment: bytes) -> bytes:
        """RFC 8200 3."""
        head = struct.pack(">IHBB", 6 << 28 | self.tos << 20, len(segment), PROTO_TCP, self.ttl)
        return head + source + target + segment


def _packed(address: str) -> bytes:
    return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)
