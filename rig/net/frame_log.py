"""Frames as timeline records: one short line a frame, for the pictures and for reading."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from rig.mac import mac_bytes
from rig.net.capture import Capture, CapturedFrame

FIRST_FRAMES, LAST_FRAMES = 250, 250
"""Of each port: how the test began, and what led to its end. A picture with more says nothing; the pcapng has them all."""
TCP_FLAGS = "FSRPAUEC"


def frame_records(capture: Capture, ports: Sequence[str], host_mac: str, device_port: str) -> Iterator[dict[str, Any]]:
    """Keyword arguments of FRAME records, in order of time: port, t_ns, len, info, as_host (sent with the host's address).

    Those of the device's port, whatever it is called, have `device`.

    The first of a port after a gap also has `left_out`: how many before it are in the pcapng alone.
    """
    mac = mac_bytes(host_mac)
    rows = [row for port in ports for row in _shown(port, capture.frames(port), capture.mark(port))]
    for port, frame, left_out in sorted(rows, key=lambda row: row[1].t_ns):
        data = frame.data
        more = {name: value for name, value in (("device", port == device_port), ("left_out", left_out)) if value}
        yield {"t_ns": frame.t_ns, "port": port, "len": len(data), "info": describe(data), "as_host": data[6:12] == mac, **more}


def _shown(port: str, kept: Sequence[CapturedFrame], count: int) -> Iterator[tuple[str, CapturedFrame, int]]:
    """(port, frame, how many before it are not shown). `kept`: the newest of `count` frames; older ones went for their memory."""
    if len(kept) <= FIRST_FRAMES + LAST_FRAMES:
        first, last = kept[:0], kept
    else:
        first, last = kept[:FIRST_FRAMES], kept[-LAST_FRAMES:]
    forgotten = count - len(kept)
    for part, before in ((first, forgotten), (last, count - len(first) - len(last) - (forgotten if first else 0))):
        for number, frame in enumerate(part):
            yield port, frame, before if number == 0 else 0


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
