"""Addresses as the device's messages have them."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

from rig.host_port import host_and_port


def packed_ip(address: str) -> bytes:
    """4 bytes of an IPv4, 16 of an IPv6 address."""
    return ipaddress.ip_address(address).packed


def given(row: Mapping[str, Any], *addresses: str) -> dict[str, Any]:
    """What is given of a request's map: without None, its addresses of these names packed."""
    found = {name: value for name, value in row.items() if value is not None}
    return {name: packed_ip(value) if name in addresses else value for name, value in found.items()}


def end_of(packed: bytes, port: int) -> str:
    """One end of a connection, "192.0.2.10:49152" or "[2001:db8::10]:49152"."""
    return host_and_port(str(ipaddress.ip_address(packed)), port)
