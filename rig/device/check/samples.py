"""One object of each kind that a device may claim: as the contract has it, so that a device refuses it for its kind alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from rig.device.contract import MINIMUM_FLAGS
from rig.device.numbers import OffloadType, PatternType, SlotFlag
from rig.device.pattern import Pattern
from rig.device.payload import PayloadKeepAlive, Span
from rig.device.protocol_offload import ProtocolOffload
from rig.device.tcp_slot import SlotRef, TcpSlot

HOST, PEER, HOST6, PEER6 = "192.0.2.1", "192.0.2.9", "2001:db8::1", "2001:db8::9"
MAC, PEER_MAC = bytes.fromhex("020000000001"), bytes.fromhex("020000000002")
FIRST_PORT = 40_000
GROUP, NAME = "239.1.2.3", b"\x04host\x05local\x00"
LOAD, RETURN = bytes.fromhex("2800000000000000"), bytes.fromhex("06000000ffff0000")
"""Instructions of classic BPF: ldh [0], ret #65535."""


def plain_flags(capabilities: Mapping[str, Any]) -> SlotFlag:
    """Of those that go together on any connection, the ones that it claims; all but KEEP where it does not say."""
    claimed = capabilities.get("slot_flags")
    return MINIMUM_FLAGS & ~SlotFlag.KEEP if claimed is None else MINIMUM_FLAGS & SlotFlag(claimed)


def slot(number: int, flags: SlotFlag) -> TcpSlot:
    """Of a connection that nobody has, another for each number, with what its flags need."""
    plain = TcpSlot(
        local=HOST, remote=PEER, local_port=FIRST_PORT + number, remote_port=443, local_mac=MAC, next_hop_mac=PEER_MAC,
        snd_una=1000, snd_nxt=1000, snd_wl1=5000, snd_wnd=65535, max_snd_wnd=65535, rcv_nxt=5000, rcv_wnd=8192, rcv_wup=5000,
        next_hop_ip=PEER if flags & SlotFlag.LEARN_NEXT_HOP else None, vlan_tci=5 if flags & SlotFlag.VLAN else None, flags=flags,
    )  # fmt: skip
    return replace(plain, local=HOST6, remote=PEER6, flow_label=7) if flags & SlotFlag.FLOW_LABEL else plain


def tokens(plain: TcpSlot, number: int) -> dict[str, Any]:
    """As it goes on the line, with a payload keep-alive that has so many tokens of a byte."""
    return {**replace(plain, payload=PayloadKeepAlive(data=b"x", token=Span(0, 1))).wire(), "ka_tokens": bytes(number)}


def program(pattern_id: int, ops: int) -> Pattern:
    """Of so many instructions."""
    return Pattern(id=pattern_id, type=PatternType.PROGRAM, prog=LOAD * (ops - 1) + RETURN)


def patterns(pattern_id: int, on: SlotRef) -> dict[int, Pattern]:
    """By type."""
    return {
        PatternType.BITMAP: Pattern.bitmap(pattern_id, b"abc"),
        PatternType.MAGIC: Pattern.magic(pattern_id),
        PatternType.IPV4_SYN: Pattern.syn(pattern_id, port=22),
        PatternType.IPV6_SYN: Pattern.syn(pattern_id, port=22, version=6),
        PatternType.EAPOL: Pattern.eapol(pattern_id),
        PatternType.TCP_PAYLOAD: Pattern.payload(pattern_id, on, b"GO"),
        PatternType.UDP_PORT: Pattern.udp(pattern_id, 5000),
        PatternType.LINK_UP: Pattern.link(pattern_id, up=True),
        PatternType.LINK_DOWN: Pattern.link(pattern_id, up=False),
        PatternType.PROGRAM: program(pattern_id, 2),
    }


def offloads(offload_id: int, mac: bytes, hop: bytes) -> dict[int, ProtocolOffload]:
    """By type, in the order in which a host that finds little room gives them."""
    plain = ProtocolOffload(id=offload_id, ip=HOST, mac=mac)
    flow = {"remote": PEER, "next_hop_mac": hop, "interval_ms": 20_000}
    rows: dict[int, dict[str, Any]] = {
        OffloadType.ARP: {},
        OffloadType.NS: {"ip": HOST6, "flags": 0},
        OffloadType.ECHO: {},
        OffloadType.GROUP: {"remote": GROUP},
        OffloadType.NATT: flow,
        OffloadType.MDNS: {"name": NAME, "rrtype": 1, "data": b"\xc0\0\2\1"},
        OffloadType.UDP: {**flow, "local_port": 5000, "remote_port": 6000, "data": b"ping"},
        OffloadType.DHCP: {"remote": PEER, "next_hop_mac": hop, "xid": 7, "lease_s": 86_400},
    }
    return {number: replace(plain, type=OffloadType(number), **fields) for number, fields in rows.items()}
