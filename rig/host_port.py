"""An address and a port as one text (RFC 3986, section 3.2)."""

from __future__ import annotations


def bracketed(host: str) -> str:
    """A name or an address as it stands in a URL: an IPv6 address in brackets."""
    return f"[{host}]" if ":" in host else host


def host_and_port(host: str, port: int) -> str:
    """192.0.2.20:80, [2001:db8::1]:80, server.example:80."""
    return f"{bracketed(host)}:{port}"
