"""Neighbour discovery frames, built by scapy; a test says only what is special about its frame."""

from __future__ import annotations

from typing import Any

from scapy.layers.inet6 import (
    ICMPv6ND_NA,
    ICMPv6ND_RA,
    ICMPv6NDOptDstLLAddr,
    ICMPv6NDOptPrefixInfo,
    ICMPv6NDOptRDNSS,
    IPv6,
)
from scapy.layers.l2 import Ether
from scapy.packet import Packet

from rig.suite.neighbour_frames import ALL_NODES, group_mac, nonce
from tests.engine.engine_lib import HOST_IP6, HOST_MAC, PEER_MAC
from tests.engine.packets import ether, mac

ROUTER_IP = "fe80::1"
NONCE = nonce()


def na(target: str = HOST_IP6, src: str = HOST_IP6, dst: str = ALL_NODES, lladdr: bytes | None = PEER_MAC, **kw: Any) -> bytes:
    eth_dst = group_mac(dst) if dst.startswith("ff") else HOST_MAC
    packet = ether(eth_dst, kw.pop("eth_src", PEER_MAC)) / IPv6(src=src, dst=dst, hlim=kw.pop("hlim", 255))
    packet /= ICMPv6ND_NA(tgt=target, R=0, S=kw.pop("S", 0), O=kw.pop("O", 1))
    return bytes(packet / ICMPv6NDOptDstLLAddr(lladdr=mac(lladdr)) if lladdr is not None else packet)


def ra(lifetime: int = 1800, prefix: str = "2001:db8::", valid: int = 86400, dns: str = "2001:db8::53", **kw: Any) -> bytes:
    """An advertisement of a router with one prefix and one name server; `src`, `hlim`, and fields of the message."""
    l3 = IPv6(src=kw.pop("src", ROUTER_IP), dst=ALL_NODES, hlim=kw.pop("hlim", 255))
    dns_life = kw.pop("dns_life", 600)
    message = ICMPv6ND_RA(routerlifetime=lifetime, **kw) / ICMPv6NDOptPrefixInfo(
        prefix=prefix, prefixlen=64, validlifetime=valid, preferredlifetime=valid
    )
    return bytes(ether(group_mac(ALL_NODES)) / l3 / message / ICMPv6NDOptRDNSS(dns=[dns], lifetime=dns_life))


def checked(frame: bytes) -> Packet:
    """A frame the engine sent, after scapy has computed its checksum again."""
    sent = Ether(frame)
    again = sent[IPv6].copy()
    again[IPv6].payload.cksum = None
    assert bytes(IPv6(bytes(again))) == bytes(sent[IPv6])
    return sent
