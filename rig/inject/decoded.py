"""A frame for people: one line, the fields that decide, and its bytes. scapy is imported at the first call (180 ms)."""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import Any

from rig.device.reference.segment import BadFrame, taken_apart
from rig.net.frame_words import describe

FIELDS: dict[str, tuple[str, ...]] = {
    "Ether": ("src", "dst", "type"),
    "Dot1Q": ("vlan", "prio", "id"),
    "ARP": ("op", "hwsrc", "psrc", "hwdst", "pdst"),
    "IP": ("src", "dst", "tos", "len", "id", "flags", "frag", "ttl", "proto", "chksum"),
    "IPv6": ("src", "dst", "tc", "fl", "plen", "nh", "hlim"),
    "TCP": ("sport", "dport", "seq", "ack", "dataofs", "flags", "window", "chksum", "options"),
    "UDP": ("sport", "dport", "len", "chksum"),
}
"""Of a layer that is not named here, all."""

BROKEN = {
    "rx_bad_len": "a length does not hold",
    "rx_bad_ip_csum": "the IP checksum is wrong",
    "rx_bad_l4_csum": "the checksum of TCP, UDP or ICMP is wrong",
}

HEX_BYTES = 32
"""Of one line of bytes."""


def one_line(data: bytes) -> str:
    """Short, without scapy: protocol, ports, flags, bytes."""
    return f"{describe(data)} ({len(data)} bytes)"


def summary(data: bytes) -> str:
    """One line of scapy's, with what tells TCP segments and ARP answers apart."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _summary(_packet(data))
    except Exception:  # as in `decoded`
        return one_line(data)


def decoded(label: str, data: bytes) -> list[str]:
    """Lines: scapy's summary, each layer's fields, every byte with its number."""
    lines = [f"{label}: {len(data)} bytes, {describe(data)}"]
    try:
        lines += _layers(data)
    except Exception as error:  # a broken frame, or one that scapy has a bug with: the bytes say it all
        lines.append(f"  scapy cannot take it apart: {type(error).__name__}: {error}")
    return [*lines, *(f"  {at:4d}  {data[at : at + HEX_BYTES].hex(' ', 4)}" for at in range(0, len(data), HEX_BYTES))]


def _packet(data: bytes) -> Any:
    for layers in ("inet", "inet6"):
        import_module(f"scapy.layers.{layers}")  # what IP carries
    from scapy.layers.l2 import Ether

    return Ether(data)


def _summary(packet: Any) -> str:
    line = str(packet.summary())
    if packet.haslayer("TCP"):
        tcp = packet["TCP"]
        data_bytes = len(tcp.payload) - (len(packet["Padding"]) if packet.haslayer("Padding") else 0)
        line += f" seq={tcp.seq} ack={tcp.ack} win={tcp.window} len={data_bytes}"
        line += "".join(f" ts={value[0]},{value[1]}" for name, value in tcp.options if name == "Timestamp")
    return line + _neighbour(packet) + _broken(bytes(packet))


def _neighbour(packet: Any) -> str:
    """Who speaks of whom in neighbour discovery, and with which flags: scapy's line leaves it out."""
    for name, flags in (("ICMPv6ND_NS", ""), ("ICMPv6ND_NA", "RSO")):
        if packet.haslayer(name):
            told, ip = packet[name], packet["IPv6"]
            to = f" {ip.src} > {ip.dst} at {packet.dst} hlim={ip.hlim} target={told.tgt}"
            return to + "".join(f" {flag}={getattr(told, flag)}" for flag in flags)
    return ""


def _broken(data: bytes) -> str:
    """A wrong checksum or length is seen in no field."""
    try:
        taken_apart(data)
    except BadFrame as why:
        return "" if str(why) == "rx_vlan_drop" else f"  BROKEN: {BROKEN.get(str(why), str(why))}"
    return ""


def _layers(data: bytes) -> list[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        layer = _packet(data)
        lines = [f"  {_summary(layer)}"]
        while layer:
            name = type(layer).__name__
            if name not in ("Raw", "Padding", "NoPayload"):
                names = FIELDS.get(name) or tuple(field.name for field in layer.fields_desc)
                lines.append(f"    {name:8} " + " ".join(f"{field}={_shown(layer, field)}" for field in names))
            layer = layer.payload
        return lines


def _shown(layer: Any, field: str) -> str:
    """Numbers as texts name them: flags by letters, checksums in hexadecimal."""
    value = getattr(layer, field)
    if field in ("chksum", "cksum", "type") and isinstance(value, int):
        return f"0x{value:04x}"
    return str(value)
