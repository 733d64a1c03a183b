"""Frames between a host, which sleeps behind a device, and one peer; each test says only what is special about its frame."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

from rig.inject.frames import MIN_FRAME_BYTES, pad

HOST_MAC = bytes.fromhex("020000000001")
PEER_MAC = bytes.fromhex("020000000002")
HOST_IP, PEER_IP = "192.0.2.1", "192.0.2.2"
HOST_IP6, PEER_IP6 = "2001:db8::1:2:3", "2001:db8::9"
HOST_PORT, PEER_PORT = 40000, 443


def ether(dst: bytes = HOST_MAC, src: bytes = PEER_MAC, **fields: Any) -> Any:
    """scapy's Ethernet header, from the peer to the host."""
    from scapy.layers.l2 import Ether

    return Ether(dst=dst.hex(":"), src=src.hex(":"), **fields)


def tcp(
    flags: str = "A",
    seq: int = 5000,
    ack: int = 1000,
    payload: bytes = b"",
    *,
    ts: tuple[int, int] | None = None,
    options: tuple[tuple[str, Any], ...] = (),
    pad_to: int = 0,
    l3: Any = None,
    l2: Any = None,
    **fields: Any,
) -> bytes:
    """A segment of the peer for the host's connection. `ts`: (TSval, TSecr); `pad_to`: filled up with 0x55; `l3`, `l2`:
    scapy's headers in place of the plain ones; `fields`: of scapy's TCP."""
    from scapy.layers.inet import IP, TCP
    from scapy.packet import Raw

    if ts is not None:
        options = (*options, ("NOP", None), ("NOP", None), ("Timestamp", ts))
    header = {"sport": PEER_PORT, "dport": HOST_PORT, "window": 1000, **fields}
    l3 = IP(src=PEER_IP, dst=HOST_IP) if l3 is None else l3
    packet = (
        (ether() if l2 is None else l2) / l3 / TCP(flags=flags, seq=seq % 2**32, ack=ack % 2**32, options=list(options), **header)
    )
    return pad(bytes(packet / Raw(payload) if payload else packet), pad_to, 0x55)


def udp(payload: bytes = b"x", sport: int = 1, dport: int = 9) -> bytes:
    """A datagram of the peer, padded as a MAC pads it."""
    from scapy.layers.inet import IP, UDP
    from scapy.packet import Raw

    return on_the_wire(bytes(ether() / IP(src=PEER_IP, dst=HOST_IP) / UDP(sport=sport, dport=dport) / Raw(payload)))


def on_the_wire(frame: bytes) -> bytes:
    """As a MAC pads it."""
    return pad(frame, MIN_FRAME_BYTES)


@dataclass(frozen=True)
class Segment:
    """A segment that the device sent, field by field; its checksums hold."""

    macs: bytes
    """Destination and source."""
    src: str
    dst: str
    sport: int
    dport: int
    seq: int
    ack: int
    flags: str
    """scapy's letters."""
    window: int
    urgent: int
    payload: bytes
    options: dict[str, Any]
    """scapy's names, without padding."""
    ttl: int
    tos: int
    ip_id: int
    """0 over IPv6."""
    df: bool
    fragmented: bool


def differences(sent: Segment, expected: Segment) -> str:
    """Field by field, for people; empty: none."""
    pairs = ((field.name, getattr(sent, field.name), getattr(expected, field.name)) for field in fields(Segment))
    return "; ".join(f"{name} is {_shown(have)}, expected {_shown(wanted)}" for name, have, wanted in pairs if have != wanted)


def _shown(value: object) -> str:
    return value.hex(" ") if isinstance(value, bytes) else str(value)


def sent_segment(frame: bytes) -> Segment:
    """What stands in a frame of the device. Raises AssertionError when a checksum or length does not hold."""
    from scapy.layers.inet import IP, TCP
    from scapy.layers.inet6 import IPv6
    from scapy.layers.l2 import Ether

    sent = Ether(frame)
    assert TCP in sent, f"no TCP segment: {sent.summary()}"
    v4 = IP in sent
    start = len(frame) - len(sent[IP] if v4 else sent[IPv6])
    end = start + (sent[IP].len if v4 else 40 + sent[IPv6].plen)
    assert end <= len(frame), f"a length of {end - start} bytes in a frame of {len(frame)}"
    packet = frame[start:end]
    l3 = IP(packet) if v4 else IPv6(packet)
    _check_sums(l3)
    seg = l3[TCP]
    return Segment(
        frame[:12], l3.src, l3.dst, seg.sport, seg.dport, seg.seq, seg.ack, str(seg.flags), seg.window, seg.urgptr,
        bytes(seg.payload), {name: value for name, value in seg.options if name not in ("NOP", "EOL")},
        l3.ttl if v4 else l3.hlim, l3.tos if v4 else l3.tc, l3.id if v4 else 0, not v4 or bool(l3.flags.DF),
        v4 and bool(l3.flags.MF or l3.frag),
    )  # fmt: skip


def assert_plain_ack(
    frame: bytes, *, seq: int = 1000, ack: int = 5000, window: int = 8192, echo: int | None = None, dport: int = PEER_PORT
) -> Segment:
    """A segment of the host's connection in which nothing but its numbers is special: ACK alone, no data, DF, the connection's
    addresses and ports. `echo`: what its timestamp echoes; None: it has no option at all."""
    sent = sent_segment(frame)
    options: dict[str, Any] = {}
    if echo is not None:
        options["Timestamp"] = (sent.options.get("Timestamp", (None, None))[0], echo)
    expected = replace(
        sent, macs=PEER_MAC + HOST_MAC, src=HOST_IP, dst=PEER_IP, sport=HOST_PORT, dport=dport, seq=seq, ack=ack, flags="A",
        window=window, urgent=0, payload=b"", options=options, ttl=64, tos=0, df=True, fragmented=False,
    )  # fmt: skip
    wrong = differences(sent, expected)
    assert not wrong, f"the device's segment: {wrong}"
    return sent


def _check_sums(l3: Any) -> None:
    """Against scapy's."""
    from scapy.layers.inet import IP, TCP

    again = l3.copy()
    again[TCP].chksum = None
    if IP in l3:
        again.chksum = None
    right = l3.__class__(bytes(again))
    assert l3[TCP].chksum == right[TCP].chksum, f"TCP checksum {l3[TCP].chksum:#06x}, right is {right[TCP].chksum:#06x}"
    assert IP not in l3 or l3.chksum == right.chksum, f"IP checksum {l3.chksum:#06x}, right is {right.chksum:#06x}"
