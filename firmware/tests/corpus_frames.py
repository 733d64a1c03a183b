"""Frames for the seeds of the fuzzers: one for each rule that a received frame is judged by."""

from __future__ import annotations

import struct
from typing import Any

from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import (
    ICMPv6EchoRequest,
    ICMPv6MLQuery,
    ICMPv6MLQuery2,
    ICMPv6MLReport,
    ICMPv6ND_NA,
    ICMPv6ND_NS,
    ICMPv6ND_RA,
    ICMPv6NDOptDstLLAddr,
    ICMPv6NDOptPrefixInfo,
    ICMPv6NDOptSrcLLAddr,
    IPv6,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
    PadN,
    RouterAlert,
)
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Packet, Raw

HOST, PEER = bytes.fromhex("020000000001"), bytes.fromhex("020000000002")
HOST_IP, PEER_IP, HOST_IP6, PEER_IP6 = "192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2"
NAME, POINTED = b"\x03rig\x05local\0", b"\x04_rig\x04_tcp\x05local\0"


def ether(**fields: Any) -> Packet:
    return Ether(dst=HOST.hex(":"), src=PEER.hex(":"), **fields)


def tcp(flags: str, seq: int = 5000, payload: bytes = b"", **rest: Any) -> Packet:
    return TCP(sport=443, dport=40000, flags=flags, seq=seq, ack=1000, window=1000, **rest) / Raw(payload)


def frames() -> dict[str, bytes]:
    v4, v6 = ether() / IP(src=PEER_IP, dst=HOST_IP), ether() / IPv6(src=PEER_IP6, dst=HOST_IP6)
    built: dict[str, Packet] = {
        "push": v4 / tcp("PA", payload=b"news"), "probe": v4 / tcp("A", seq=4999), "fin": v4 / tcp("FA"), "rst": v4 / tcp("R"),
        "rst-in-window": v4 / tcp("R", seq=5100), "syn": v4 / tcp("S"), "old": v4 / tcp("PA", seq=4990, payload=b"x" * 10),
        "timestamps": v4 / tcp("PA", payload=b"a", options=[("NOP", None), ("NOP", None), ("Timestamp", (5, 6))]),
        "options": ether() / IP(src=PEER_IP, dst=HOST_IP, options=[b"\x94\x04\x00\x00"]) / tcp("PA", payload=b"b"),
        "fragment": ether() / IP(src=PEER_IP, dst=HOST_IP, flags="MF", proto=6) / Raw(b"x" * 32),
        "tagged": ether() / Dot1Q(vlan=0) / IP(src=PEER_IP, dst=HOST_IP) / tcp("PA", payload=b"c"),
        "push6": v6 / tcp("PA", payload=b"news"), "hop6": v6 / IPv6ExtHdrHopByHop() / tcp("PA", payload=b"d"),
        "fragment6": v6 / IPv6ExtHdrFragment(m=1, nh=6) / Raw(b"y" * 32),
        "arp": Ether(dst="ff:ff:ff:ff:ff:ff", src=PEER.hex(":")) / ARP(psrc=PEER_IP, pdst=HOST_IP, hwsrc=PEER.hex(":")),
        "conflict": Ether(dst="ff:ff:ff:ff:ff:ff", src=PEER.hex(":")) / ARP(psrc=HOST_IP, pdst=HOST_IP, hwsrc=PEER.hex(":")),
        "moved": Ether(dst="ff:ff:ff:ff:ff:ff", src="02:00:00:00:00:aa")
        / ARP(op=2, psrc=PEER_IP, pdst=PEER_IP, hwsrc="02:00:00:00:00:aa"),
        "moved6": Ether(dst="33:33:00:00:00:01", src="02:00:00:00:00:aa") / IPv6(src=PEER_IP6, dst="ff02::1", hlim=255)
        / ICMPv6ND_NA(tgt=PEER_IP6, R=0) / ICMPv6NDOptDstLLAddr(lladdr="02:00:00:00:00:aa"),
        "ns": Ether(dst="33:33:ff:00:00:01", src=PEER.hex(":")) / IPv6(src=PEER_IP6, dst="ff02::1:ff00:1", hlim=255)
        / ICMPv6ND_NS(tgt=HOST_IP6),
        "ping": v4 / ICMP() / Raw(b"ping"), "udp": v4 / UDP(sport=1, dport=9) / Raw(b"\xff" * 6 + HOST * 16 + b"secret"),
        "ping6": v6 / ICMPv6EchoRequest(data=b"ping"), "ike": v4 / UDP(sport=4500, dport=4500) / Raw(bytes(4) + b"ike"),
        "igmp": Ether(dst="01:00:5e:00:00:01", src=PEER.hex(":"))
        / IP(src=PEER_IP, dst="224.0.0.1", ttl=1, proto=2, options=[b"\x94\x04\x00\x00"])
        / Raw(bytes.fromhex("1164ee9b00000000")),
        "mld": Ether(dst="33:33:00:00:00:01", src=PEER.hex(":")) / IPv6(src="fe80::9", dst="ff02::1", hlim=1)
        / IPv6ExtHdrHopByHop(options=[RouterAlert()]) / ICMPv6MLQuery(),
        "ra": Ether(dst="33:33:00:00:00:01", src=PEER.hex(":")) / IPv6(src="fe80::9", dst="ff02::1", hlim=255)
        / ICMPv6ND_RA(routerlifetime=1800) / ICMPv6NDOptPrefixInfo(prefix="2001:db8::", prefixlen=64),
        "eapol": ether(type=0x888E) / Raw(bytes.fromhex("0101000000") + bytes(41)),
        "magic": ether(type=0x0842) / Raw(b"\xff" * 6 + HOST * 16),
    }  # fmt: skip
    return {name: bytes(packet) for name, packet in (built | link_local()).items()}


def dns(*, flags: int = 0, questions: bytes = b"", answers: bytes = b"") -> bytes:
    return struct.pack(">HHHHHH", 0, flags, bool(questions), bool(answers), 0, 0) + questions + answers


def question(name: bytes, rrtype: int, rrclass: int = 1) -> bytes:
    return name + struct.pack(">HH", rrtype, rrclass)


def dhcp(kind: int, xid: int = 7) -> Packet:
    """A server's answer to the first renewal."""
    fixed = struct.pack(">BBBBIHH", 2, 1, 6, 0, xid, 0, 0) + bytes(4) + bytes([192, 0, 2, 1]) + bytes(8) + HOST + bytes(10 + 192)
    options = bytes([53, 1, kind, 54, 4, 192, 0, 2, 2, 51, 4, 0, 0, 0, 90, 58, 4, 0, 0, 0, 40, 59, 4, 0, 0, 0, 80, 255])
    return ether() / IP(src=PEER_IP, dst=HOST_IP) / UDP(sport=67, dport=68) / Raw(fixed + bytes.fromhex("63825363") + options)


def link_local() -> dict[str, Packet]:
    """What is asked of everybody on the link, and what the offloads that speak are answered."""
    multicast = Ether(dst="33:33:00:00:00:01", src=PEER.hex(":"))
    router_alert = IPv6ExtHdrHopByHop(options=[RouterAlert(), PadN()])
    v4, v6 = ether() / IP(src=PEER_IP, dst=HOST_IP), ether() / IPv6(src=PEER_IP6, dst=HOST_IP6)
    igmp4 = Ether(dst="01:00:5e:00:00:fb", src=PEER.hex(":")) / IP(src=PEER_IP, dst="224.0.0.251", ttl=1, proto=2)
    mdns4 = Ether(dst="01:00:5e:00:00:fb", src=PEER.hex(":")) / IP(src=PEER_IP, dst="224.0.0.251", ttl=255)
    mdns6 = Ether(dst="33:33:00:00:00:fb", src=PEER.hex(":")) / IPv6(src="fe80::2", dst="ff02::fb", hlim=255)
    port = UDP(sport=5353, dport=5353)
    a_known = NAME + struct.pack(">HHIH", 1, 1, 120, 4) + b"\xc0\0\2\1"
    ptr_known = b"\xc0\x0c" + struct.pack(">HHIH", 12, 1, 4500, len(NAME)) + NAME
    ask_a, ask_ptr = question(NAME, 1), question(POINTED, 12)
    probe = IPv6(src="::", dst="ff02::1:ff00:1", hlim=255) / ICMPv6ND_NS(tgt=HOST_IP6)
    ra = IPv6(src="fe80::9", dst="ff02::1", hlim=255) / ICMPv6ND_RA(routerlifetime=0)
    return {
        "mdns": mdns4 / port / Raw(dns(questions=ask_a)),
        "mdns-unicast": mdns4 / port / Raw(dns(questions=question(NAME, 255, 0x8001))),
        "mdns-legacy": mdns4 / UDP(sport=1234, dport=5353) / Raw(dns(questions=question(POINTED, 33))),
        "mdns-known": mdns4 / port / Raw(dns(questions=ask_a, answers=a_known)),
        "mdns6": mdns6 / port / Raw(dns(questions=ask_ptr)),
        "mdns6-known": mdns6 / port / Raw(dns(questions=ask_ptr, answers=ptr_known)),
        "mdns-pointer": mdns6 / port / Raw(dns(questions=b"\x04_rig\x04_tcp\xc0\x0c" + question(b"", 12))),
        "dhcp-ack": dhcp(5), "dhcp-nak": dhcp(6), "dhcp-other": dhcp(5, xid=9),
        "udp-reply": v4 / UDP(sport=5001, dport=5000) / Raw(b"ok"),
        "udp6-reply": v6 / UDP(sport=5001, dport=5000) / Raw(b"ok"),
        "esp": v4 / UDP(sport=4500, dport=4500) / Raw(bytes(range(1, 40))),
        "natt": v4 / UDP(sport=4500, dport=4500) / Raw(b"\xff"),
        "igmp3": igmp4 / Raw(bytes.fromhex("118e0000e00000fb02140002c0000201c0000202")),
        "igmp1": igmp4 / Raw(bytes.fromhex("1100000000000000")), "igmp-report": igmp4 / Raw(bytes.fromhex("16000000e00000fb")),
        "mld2": multicast / IPv6(src="fe80::9", dst="ff02::1", hlim=1) / router_alert
        / ICMPv6MLQuery2(mrd=0x9000, sources=[PEER_IP6]),
        "mld-report": multicast / IPv6(src="fe80::9", dst="ff02::fb", hlim=1) / router_alert / ICMPv6MLReport(mladdr="ff02::fb"),
        "dad": Ether(dst="33:33:ff:00:00:01", src=PEER.hex(":")) / probe,
        "ra-changed": multicast / ra / ICMPv6NDOptSrcLLAddr(lladdr="02:00:00:00:00:09"),
        "claim6": multicast / IPv6(src=HOST_IP6, dst="ff02::1", hlim=255) / ICMPv6ND_NA(tgt=HOST_IP6, R=0, S=0)
        / ICMPv6NDOptDstLLAddr(lladdr="02:00:00:00:00:aa"),
        "ns-link-layer": ether() / IPv6(src=PEER_IP6, dst=HOST_IP6, hlim=255) / ICMPv6ND_NS(tgt=HOST_IP6)
        / ICMPv6NDOptSrcLLAddr(lladdr=PEER.hex(":")),
        "ping-group": Ether(dst="01:00:5e:00:00:01", src=PEER.hex(":")) / IP(src=PEER_IP, dst="224.0.0.1") / ICMP() / Raw(b"all"),
        "routing6": v6 / IPv6ExtHdrRouting(addresses=[PEER_IP6]) / UDP(sport=1, dport=9) / Raw(b"e"),
        "tagged6": ether() / Dot1Q(vlan=0, prio=5) / IPv6(src=PEER_IP6, dst=HOST_IP6) / ICMPv6EchoRequest(data=b"tag"),
        "tagged-other": ether() / Dot1Q(vlan=7) / IP(src=PEER_IP, dst=HOST_IP) / tcp("PA", payload=b"c"),
        "syn6": v6 / TCP(sport=9, dport=22, flags="S"), "news": v4 / tcp("PA", payload=b"?nxw"),
    }  # fmt: skip
