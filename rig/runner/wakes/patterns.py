"""Whether a frame matches a pattern as it was added, and if not, at which byte it does not (contract section 4, step 5)."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

from rig.device.numbers import Arm, PatternType
from rig.device.reference.segment import ACK, FIN, PROTO_UDP, RST, SYN, Frame, Kind
from rig.runner.wakes.bpf import passes

ETHERNET_BYTES = 14
EAPOL = 0x888E
LINK = {PatternType.LINK_UP: "MEDIA_CONNECT", PatternType.LINK_DOWN: "MEDIA_DISCONNECT"}


def armed_by(pattern: Mapping[str, Any]) -> Arm:
    """The bit of prepare's `arm` without which it does not wake."""
    return Arm.MAGIC if pattern["type"] == PatternType.MAGIC else Arm.PATTERNS


def miss(pattern: Mapping[str, Any], frame: Frame, mac: bytes) -> str:
    """Why it does not match; empty: it does."""
    match pattern["type"]:
        case PatternType.BITMAP:
            return miss_of_bytes(pattern, frame.unpadded)
        case PatternType.MAGIC:
            body = b"\xff" * 6 + mac * 16 + pattern.get("data", b"")
            there = body in frame.unpadded[ETHERNET_BYTES:]
            return "" if there else f"no magic packet for {mac.hex(':')} with its password is in it"
        case PatternType.IPV4_SYN | PatternType.IPV6_SYN:
            return _miss_of_syn(pattern, frame)
        case PatternType.UDP_PORT:
            if frame.proto != PROTO_UDP:
                return f"it is no UDP (IP protocol {frame.proto})"
            ports = _udp_ports(frame)
            return _miss_of_ends(pattern, frame, *ports) if ports else ""
        case PatternType.EAPOL:
            return "" if int.from_bytes(frame.data[12:14], "big") == EAPOL else "its EtherType is not 0x888e (EAPOL)"
        case PatternType.PROGRAM:
            return "" if passes(pattern["prog"], frame.data) else "its program returns 0 for the frame"
        case kind:
            return f"patterns of type {_name(kind)} match no frame"


def miss_of_bytes(pattern: Mapping[str, Any], data: bytes, start: int = 0) -> str:
    """Of a bitmap; mask bits are LSB first."""
    wanted, mask, offset = pattern["data"], pattern["mask"], start + pattern.get("offset", 0)
    if offset + len(wanted) > len(data):
        return f"the packet ends at byte {len(data)}, the pattern at {offset + len(wanted)}"
    wrong = [i for i in range(len(wanted)) if mask[i // 8] >> i % 8 & 1 and data[offset + i] != wanted[i]]
    if not wrong:
        return ""
    more = f", and {len(wrong) - 1} more differ" if len(wrong) > 1 else ""
    i = wrong[0]
    bit = f"mask bit {i % 8} (LSB first) of mask byte {i // 8}"
    return f"byte {offset + i} of the frame is 0x{data[offset + i]:02x}, byte {i} of the pattern 0x{wanted[i]:02x} ({bit}){more}"


def said(pattern: Mapping[str, Any]) -> str:
    """What it is, in a few words."""
    named = {key: pattern[key] for key in ("offset", "data", "mask", "ip", "src", "port", "sport", "priority") if key in pattern}
    if pattern["type"] == PatternType.MAGIC:
        named.pop("data", None)
    words = [f"{key} {value.hex() if isinstance(value, bytes) else value}" for key, value in named.items()]
    return f"pattern {pattern['id']} ({_name(pattern['type'])}{': ' if words else ''}{', '.join(words)})"


def _name(kind: int) -> str:
    try:
        return PatternType(kind).name
    except ValueError:
        return str(kind)


def _miss_of_syn(pattern: Mapping[str, Any], frame: Frame) -> str:
    if frame.kind is Kind.HIDDEN and not frame.fragment:
        return ""  # behind more headers than are walked here
    size = 4 if pattern["type"] == PatternType.IPV4_SYN else 16
    if frame.kind is not Kind.TCP or len(frame.dst) != size:
        return f"it is no TCP segment over IPv{4 if size == 4 else 6}"
    if frame.flags & (SYN | ACK | RST | FIN) != SYN:
        return f"its TCP flags are 0x{frame.flags:02x}: SYN alone is a connection attempt"
    return _miss_of_ends(pattern, frame, frame.sport, frame.dport)


def _miss_of_ends(pattern: Mapping[str, Any], frame: Frame, sport: int, dport: int) -> str:
    for what, have in (("ip", frame.dst), ("src", frame.src), ("port", dport), ("sport", sport)):
        wanted = pattern.get(what)
        if wanted is not None and wanted != have:
            return f"its {what} is {_end(have)}, the pattern's {_end(wanted)}"
    return ""


def _end(value: bytes | int) -> str:
    import ipaddress

    return str(ipaddress.ip_address(value)) if isinstance(value, bytes) else str(value)


def _udp_ports(frame: Frame) -> tuple[int, int] | None:
    """None of a fragment that does not begin the datagram, or whose place is not told."""
    if frame.kind is Kind.HIDDEN:
        return None
    at = frame.data.find(frame.src + frame.dst) + len(frame.src + frame.dst)
    if len(frame.src) == 4:
        at = ETHERNET_BYTES + (4 if frame.vlan else 0)
        at += (frame.data[at] & 15) * 4
    ports: tuple[int, int] = struct.unpack_from(">HH", frame.data, at)
    return ports
