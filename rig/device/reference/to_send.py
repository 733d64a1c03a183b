"""A segment put together, with scapy. Its import takes as long as a host waits for a device: it is asked for early, and a standby
waits for it: what is to be sent in one has a time in it, and leaves then."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import cache
from types import SimpleNamespace

ETHERNET_MIN = 60


@cache
def _scapy() -> SimpleNamespace:
    from scapy.layers.inet import IP, TCP
    from scapy.layers.inet6 import IPv6
    from scapy.layers.l2 import Ether

    return SimpleNamespace(IP=IP, TCP=TCP, IPv6=IPv6, Ether=Ether)


def import_early() -> None:
    """Beside whatever else goes on."""
    threading.Thread(target=_scapy, daemon=True).start()


def be_ready() -> None:
    """The next segment takes no longer than any."""
    _scapy()


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
        scapy = _scapy()
        options = [("NOP", None), ("NOP", None), ("Timestamp", self.timestamp)] if self.timestamp else []
        segment = scapy.TCP(
            sport=self.sport, dport=self.dport, flags="A", seq=self.seq, ack=self.ack, window=self.window, options=options
        )
        if ":" in self.src:
            packet = scapy.IPv6(src=self.src, dst=self.dst, hlim=self.ttl, tc=self.tos) / segment
        else:
            flags = "DF" if self.df else 0
            packet = scapy.IP(src=self.src, dst=self.dst, ttl=self.ttl, tos=self.tos, id=self.ip_id, flags=flags) / segment
        ether = scapy.Ether(src=_colons(self.src_mac), dst=_colons(self.dst_mac)) / packet
        return bytes(ether).ljust(ETHERNET_MIN, b"\0")


def _colons(mac: bytes) -> str:
    return mac.hex(":")
