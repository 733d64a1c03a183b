"""A MAC address as bytes: six octets, as IEEE 802 writes them, between colons."""

from __future__ import annotations


def mac_bytes(text: str) -> bytes:
    """Six bytes of "02:00:00:00:01:10". Raises ValueError for anything else."""
    octets = bytes.fromhex(text.replace(":", " "))
    if len(octets) != 6 or text.count(":") != 5:
        raise ValueError(f"{text!r} is no MAC address")
    return octets
