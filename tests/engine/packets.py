"""Frames from the peer to the host's slot, built by scapy; each test says only what is special about its frame."""

from __future__ import annotations

from typing import Any

from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Packet, Raw

from tests.engine.engine_lib import HOST_IP, HOST_MAC, HOST_PORT, PEER_IP, PEER_MAC, PEER_PORT


def mac(raw: bytes) -> str:
    return raw.hex(":")


def ether(dst: bytes = HOST_MAC, src: bytes = PEER_MAC, **kw: Any) -> Packet:
    return Ether(dst=mac(dst), src=mac(src), **kw)


def tcp(flags: str = "A", seq: int = 5000, ack: int = 1000, payload: bytes = b"", pad: bool = False, **kw: Any) -> bytes:
    """A segment of the peer. `ts=(tsval, tsecr)` adds the option; `pad` fills the frame to 60 bytes with 0x55."""
    options = list(kw.pop("options", []))
    if "ts" in kw:
        options += [("NOP", None), ("NOP", None), ("Timestamp", kw.pop("ts"))]
    l3 = kw.pop("l3", None) or IP(src=PEER_IP, dst=HOST_IP)
    l2 = kw.pop("l2", None) or ether()
    seg = TCP(sport=kw.pop("sport", PEER_PORT), dport=kw.pop("dport", HOST_PORT), flags=flags, seq=seq, ack=ack,
              window=kw.pop("window", 1000), options=options, **kw)  # fmt: skip
    frame = bytes(l2 / l3 / seg / Raw(payload) if payload else l2 / l3 / seg)
    return frame.ljust(60, b"\x55") if pad else frame


def udp(payload: bytes = b"x", sport: int = 1, dport: int = 9, dst: bytes = HOST_MAC, **ip_fields: Any) -> bytes:
    l3 = IP(src=ip_fields.pop("src", PEER_IP), dst=ip_fields.pop("ip_dst", HOST_IP), **ip_fields)
    return bytes(ether(dst) / l3 / UDP(sport=sport, dport=dport) / Raw(payload))


def arp(op: int = 1, spa: str = PEER_IP, tpa: str = HOST_IP, sha: bytes = PEER_MAC, dst: bytes = b"\xff" * 6, **kw: Any) -> bytes:
    return bytes(ether(dst, sha) / ARP(op=op, psrc=spa, pdst=tpa, hwsrc=mac(sha), **kw))


def magic(target: bytes = HOST_MAC, copies: int = 16, head: int = 6, before: bytes = b"", after: bytes = b"") -> bytes:
    """The payload of a magic packet, not the frame."""
    return before + b"\xff" * head + target * copies + after


def parse_tcp(frame: bytes) -> tuple[Packet, Packet]:
    """(IP layer, TCP layer) of a frame the engine sent, after checking its checksums against scapy's."""
    sent = Ether(frame)
    l3 = sent[IP] if IP in sent else sent[IPv6]
    again = l3.copy()
    again[TCP].chksum = None
    if IP in sent:
        again.chksum = None
    rebuilt = l3.__class__(bytes(again))
    assert rebuilt[TCP].chksum == l3[TCP].chksum
    if IP in sent:
        assert rebuilt.chksum == l3.chksum
    return l3, l3[TCP]
