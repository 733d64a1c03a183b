"""Neighbour discovery frames, built by scapy; a test says only what is special about its frame."""

from __future__ import annotations

import socket
from typing import Any

from scapy.layers.inet6 import (
    ICMPv6ND_NA,
    ICMPv6ND_NS,
    ICMPv6ND_RA,
    ICMPv6NDOptDstLLAddr,
    ICMPv6NDOptPrefixInfo,
    ICMPv6NDOptRDNSS,
    ICMPv6NDOptSrcLLAddr,
    ICMPv6NDOptUnknown,
    IPv6,
)
from scapy.layers.l2 import Ether
from scapy.packet import Packet

from tests.engine.engine_lib import HOST_IP6, HOST_MAC, PEER_IP6, PEER_MAC
from tests.engine.packets import ether, mac

ALL_NODES = "ff02::1"
ROUTER_IP = "fe80::1"
NONCE = ICMPv6NDOptUnknown(type=14, len=1, data=b"nonce!")


def solicited_node(address: str) -> str:
    """The group that a station with this address listens to (RFC 4291 2.7.1)."""
    tail = socket.inet_pton(socket.AF_INET6, address)[13:]
    return socket.inet_ntop(socket.AF_INET6, socket.inet_pton(socket.AF_INET6, "ff02::1:ff00:0")[:13] + tail)


def group_mac(group: str) -> bytes:
    return b"\x33\x33" + socket.inet_pton(socket.AF_INET6, group)[12:]


def ns(target: str = HOST_IP6, src: str = PEER_IP6, dst: str | None = None, lladdr: bytes | None = PEER_MAC, **kw: Any) -> bytes:
    """A solicitation. `dst` None: the target's group; `options` go behind the link-layer address; `code`, `hlim`, `eth_dst`."""
    dst = solicited_node(target) if dst is None else dst
    eth_dst = kw.pop("eth_dst", None) or (group_mac(dst) if dst.startswith("ff") else HOST_MAC)
    packet = ether(eth_dst, kw.pop("eth_src", PEER_MAC)) / IPv6(src=src, dst=dst, hlim=kw.pop("hlim", 255))
    options = kw.pop("options", [])
    packet /= ICMPv6ND_NS(tgt=target, **kw)
    if lladdr is not None:
        packet /= ICMPv6NDOptSrcLLAddr(lladdr=mac(lladdr))
    for option in options:
        packet /= option
    return bytes(packet)


def probe(target: str = HOST_IP6, **kw: Any) -> bytes:
    """Somebody else's duplicate address detection, as Linux sends it: from nobody, with a nonce."""
    return ns(target, src="::", lladdr=kw.pop("lladdr", None), options=kw.pop("options", [NONCE]), **kw)


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
