"""Addresses as the device's messages have them."""

from __future__ import annotations

import ipaddress

from rig.host_port import host_and_port


def packed_ip(address: str) -> bytes:
    """4 bytes of an IPv4, 16 of an IPv6 address."""
    return ipaddress.ip_address(address).packed


def end_of(packed: bytes, port: int) -> str:
    """One end of a connection, "192.0.2.10:49152" or "[2001:db8::10]:49152"."""
    return host_and_port(str(ipaddress.ip_address(packed)), port)
