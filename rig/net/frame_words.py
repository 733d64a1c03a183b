"""A frame in a few words, for pictures and errors."""

from __future__ import annotations

import socket
from collections.abc import Iterable

TCP_FLAGS = "FSRPAUEC"


def describe(frame: bytes) -> str:
    """Protocol, TCP flags and payload length, e.g. "TCP 5000>40112 PA 9"; a VLAN's number in front."""
    kind = frame[12:14]
    if kind == b"\x81\x00":
        return f"VLAN {int.from_bytes(frame[14:16], 'big') & 0xFFF} {describe(frame[:12] + frame[16:])}"
    if kind == b"\x08\x06":
        return "ARP " + {b"\0\1": "request", b"\0\2": "reply"}.get(frame[20:22], "?")
    if kind == b"\x08\x00" and len(frame) >= 34:
        header = 4 * (frame[14] & 15)
        return _transport(frame[23], frame[14 + header : 14 + int.from_bytes(frame[16:18], "big")])
    if kind == b"\x86\xdd" and len(frame) >= 54:
        return _transport(frame[20], frame[54 : 54 + int.from_bytes(frame[18:20], "big")])
    return f"type {kind.hex()}"


def _transport(protocol: int, data: bytes) -> str:
    if protocol == socket.IPPROTO_TCP and len(data) >= 20:
        flags = "".join(letter for bit, letter in enumerate(TCP_FLAGS) if data[13] >> bit & 1)
        return f"TCP {_ports(data)} {flags} {len(data) - 4 * (data[12] >> 4)}"
    if protocol == socket.IPPROTO_UDP and len(data) >= 8:
        return f"UDP {_ports(data)} {len(data) - 8}"
    names: Iterable[tuple[int, str]] = ((1, "ICMP"), (2, "IGMP"), (58, "ICMPv6"))
    return dict(names).get(protocol, f"IP protocol {protocol}")


def _ports(data: bytes) -> str:
    return f"{int.from_bytes(data[:2], 'big')}>{int.from_bytes(data[2:4], 'big')}"
