"""A TCP segment of the peer, as numbers and as a frame. Frames are packed by hand: scapy takes 300 µs for one, a trial has
a million."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address

from rig.inject.frames import Flow
from rig.mac import mac_bytes

FIN, SYN, RST, PSH, ACK, URG, ECE, CWR = (1 << bit for bit in range(8))
LETTERS = "FSRPAUEC"
HEADER_BYTES = 20
MOST_OPTION_BYTES = 40
SHORTEST_FRAME_BYTES = 60
FILLER = b"\x55"
"""Padding behind the IP packet: a device that takes it for data is told by it."""
TIMESTAMP_KIND = 8
PROTOCOL = 6


@dataclass(frozen=True)
class Segment:
    """`options`: as they stand in the header, a multiple of 4 bytes. `data_offset`: what the header says of its length in
    words of 32 bits, None for the truth."""

    seq: int
    ack: int
    flags: int
    window: int = 1000
    urgent: int = 0
    options: bytes = b""
    length: int = 0
    """Bytes of data."""
    reserved: int = 0
    """The four bits beside the data offset."""
    data_offset: int | None = None

    @property
    def letters(self) -> str:
        return "".join(letter for bit, letter in enumerate(LETTERS) if self.flags >> bit & 1) or "none"

    @property
    def space(self) -> int:
        """SEG.LEN: what it takes of the sequence space (RFC 9293 3.4), SYN and FIN each one."""
        return self.length + bool(self.flags & FIN) + bool(self.flags & SYN)

    def tcp_bytes(self) -> bytes:
        """Header, options, data; the checksum is 0."""
        words = (HEADER_BYTES + len(self.options)) // 4 if self.data_offset is None else self.data_offset
        offset = (words & 15) << 4 | self.reserved
        head = struct.pack("!IIBBHHH", self.seq, self.ack, offset, self.flags, self.window, 0, self.urgent)
        return head + self.options + b"x" * self.length


def timestamp_option(value: int, echo: int) -> bytes:
    """With the two NOPs in front that everybody sends (RFC 7323 A)."""
    return struct.pack("!BBBBII", 1, 1, TIMESTAMP_KIND, 10, value, echo)


class Framer:
    """Frames of one flow, from the peer to the host, over IPv4."""

    def __init__(self, flow: Flow) -> None:
        src, dst = IPv4Address(flow.src_ip).packed, IPv4Address(flow.dst_ip).packed
        self._ports = struct.pack("!HH", flow.src_port, flow.dst_port)
        self._ends = src + dst
        self._ether = mac_bytes(flow.dst_mac) + mac_bytes(flow.src_mac) + b"\x08\x00"
        self._pseudo = sum(struct.unpack("!4H", self._ends)) + PROTOCOL

    def frame(self, segment: Segment) -> bytes:
        tcp = bytearray(self._ports + segment.tcp_bytes())
        tcp[16:18] = (ones_complement_sum(tcp, self._pseudo + len(tcp)) ^ 0xFFFF).to_bytes(2, "big")
        return (self._ether + self._ip(len(tcp)) + tcp).ljust(SHORTEST_FRAME_BYTES, FILLER)

    @property
    def answer_head(self) -> str:
        """`answer.head_of` of what the host sends on this flow: TTL 64, TOS 0, DF."""
        ends = self._ends[4:] + self._ends[:4], self._ports[2:] + self._ports[:2]
        ether = self._ether[6:12] + self._ether[:6] + self._ether[12:]
        return " ".join(part.hex() for part in (ether, b"\x45\x00", b"\x40\x00\x40\x06", *ends))

    def _ip(self, length: int) -> bytes:
        head = bytearray(struct.pack("!BBHHHBBH", 0x45, 0, 20 + length, 1, 0x4000, 64, PROTOCOL, 0) + self._ends)
        head[10:12] = (ones_complement_sum(head, 0) ^ 0xFFFF).to_bytes(2, "big")
        return bytes(head)


def ones_complement_sum(data: bytes | bytearray, more: int) -> int:
    """RFC 1071: the sum of 16-bit words is the number modulo 2^16 - 1, 0 being written as all ones. With a right checksum
    among them it is 0xFFFF."""
    number = int.from_bytes(data, "big") << 8 * (len(data) % 2)
    return (number + more) % 0xFFFF or 0xFFFF
