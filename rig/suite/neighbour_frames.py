"""What neighbours ask a host that sleeps: ARP and neighbour solicitations; a test says only what is special about its frame."""

from __future__ import annotations

import socket
from typing import Any

from rig.suite.peer_frames import HOST_IP, HOST_IP6, HOST_MAC, PEER_IP, PEER_IP6, PEER_MAC, ether

ALL_NODES = "ff02::1"
BROADCAST = b"\xff" * 6
ND_HOPS = 255
"""The hop limit of neighbour discovery: nobody else's router has passed it on."""


def arp(
    op: int = 1, spa: str = PEER_IP, tpa: str = HOST_IP, sha: bytes = PEER_MAC, dst: bytes = BROADCAST, **fields: Any
) -> bytes:
    """A request of the peer for the host's address, or with `op` 2 a reply; `fields`: of scapy's ARP."""
    from scapy.layers.l2 import ARP

    return bytes(ether(dst, sha) / ARP(op=op, psrc=spa, pdst=tpa, hwsrc=sha.hex(":"), **fields))


def solicited_node(address: str) -> str:
    """The group that a station with this address listens to (RFC 4291 2.7.1)."""
    tail = socket.inet_pton(socket.AF_INET6, address)[13:]
    return socket.inet_ntop(socket.AF_INET6, socket.inet_pton(socket.AF_INET6, "ff02::1:ff00:0")[:13] + tail)


def group_mac(group: str) -> bytes:
    """RFC 2464 7."""
    return b"\x33\x33" + socket.inet_pton(socket.AF_INET6, group)[12:]


def nonce(**fields: Any) -> Any:
    """The option that Linux puts into its probes (RFC 7527); `len` in units of 8 bytes."""
    from scapy.layers.inet6 import ICMPv6ND_NS, ICMPv6NDOptUnknown  # noqa: F401  (the first makes the second known)

    return ICMPv6NDOptUnknown(**{"type": 14, "len": 1, "data": b"nonce!", **fields})


def ns(
    target: str = HOST_IP6, src: str = PEER_IP6, dst: str | None = None, lladdr: bytes | None = PEER_MAC, **more: Any
) -> bytes:
    """A solicitation. `dst` None: the target's group; `options` go behind the link-layer address; `code`, `hlim`, `eth_dst`."""
    from scapy.layers.inet6 import ICMPv6ND_NS, ICMPv6NDOptSrcLLAddr, IPv6

    dst = solicited_node(target) if dst is None else dst
    eth_dst = more.pop("eth_dst", None) or (group_mac(dst) if dst.startswith("ff") else HOST_MAC)
    packet = ether(eth_dst, more.pop("eth_src", PEER_MAC)) / IPv6(src=src, dst=dst, hlim=more.pop("hlim", ND_HOPS))
    options = more.pop("options", [])
    packet /= ICMPv6ND_NS(tgt=target, **more)
    if lladdr is not None:
        packet /= ICMPv6NDOptSrcLLAddr(lladdr=lladdr.hex(":"))
    for option in options:
        packet /= option
    return bytes(packet)


def probe(target: str = HOST_IP6, **more: Any) -> bytes:
    """Somebody else's duplicate address detection, as Linux sends it: from nobody, with a nonce."""
    return ns(target, src="::", lladdr=more.pop("lladdr", None), options=more.pop("options", [nonce()]), **more)


def as_if_meant(frame: bytes) -> bytes:
    """An ICMPv6 frame that was cut or grown behind scapy's back, with the length and the checksum that it would have."""
    from scapy.layers.inet6 import IPv6, in6_chksum

    header, body = IPv6(frame[14:54]), frame[54:]
    header.plen = len(body)
    if header.nh == socket.IPPROTO_ICMPV6:
        body = body[:2] + bytes(2) + body[4:]
        checksum: int = in6_chksum(socket.IPPROTO_ICMPV6, header, body)  # type: ignore[no-untyped-call]
        body = body[:2] + checksum.to_bytes(2, "big") + body[4:]
    return frame[:14] + bytes(header) + body


def na(target: str = HOST_IP6, src: str = PEER_IP6, dst: str = ALL_NODES, lladdr: bytes | None = PEER_MAC, **more: Any) -> bytes:
    """An advertisement of the peer, without S and with O: of a new address. `flags` (R, S, O), `options`, `code`, `hlim`."""
    from scapy.layers.inet6 import ICMPv6ND_NA, ICMPv6NDOptDstLLAddr, IPv6

    router, solicited, override = more.pop("flags", (0, 0, 1))
    eth_dst = group_mac(dst) if dst.startswith("ff") else HOST_MAC
    packet = ether(eth_dst, more.pop("eth_src", PEER_MAC)) / IPv6(src=src, dst=dst, hlim=more.pop("hlim", ND_HOPS))
    options = more.pop("options", [])
    packet /= ICMPv6ND_NA(tgt=target, R=router, S=solicited, O=override, **more)
    if lladdr is not None:
        packet /= ICMPv6NDOptDstLLAddr(lladdr=lladdr.hex(":"))
    for option in options:
        packet /= option
    return bytes(packet)


def assert_advertises(frame: bytes, *, to_mac: bytes = PEER_MAC, dst: str = PEER_IP6, solicited: bool = True) -> None:
    """The host's answer to a solicitation for HOST_IP6 (RFC 4861 7.2.4, RFC 4862 5.4.3), field by field."""
    from scapy.layers.inet6 import ICMPv6ND_NA, ICMPv6NDOptDstLLAddr, IPv6
    from scapy.layers.l2 import Ether

    sent = Ether(frame)
    assert ICMPv6ND_NA in sent, f"no neighbour advertisement: {sent.summary()}"
    advert = sent[ICMPv6ND_NA]
    lladdr = advert[ICMPv6NDOptDstLLAddr].lladdr if ICMPv6NDOptDstLLAddr in advert else "none"
    pairs = {
        "Ethernet destination": (sent.dst, to_mac.hex(":")), "Ethernet source": (sent.src, HOST_MAC.hex(":")),
        "IPv6 source": (sent[IPv6].src, HOST_IP6), "IPv6 destination": (sent[IPv6].dst, dst),
        "hop limit": (sent[IPv6].hlim, ND_HOPS), "target": (advert.tgt, HOST_IP6), "R": (advert.R, 0),
        "S": (advert.S, int(solicited)), "O": (advert.O, 1),
        "target link-layer address": (lladdr, HOST_MAC.hex(":")), "bytes": (len(frame), 86),
        "checksum": (frame[56:58].hex(), as_if_meant(frame)[56:58].hex()),
    }  # fmt: skip
    wrong = "; ".join(f"{name} is {have}, expected {wanted}" for name, (have, wanted) in pairs.items() if have != wanted)
    assert not wrong, f"advertisement: {wrong}"
