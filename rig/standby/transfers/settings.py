"""What the process of background transfers is told once, when it starts. Descriptors are inherited."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class TransferSettings:
    """It crosses as a msgpack map."""

    timeline_fd: int
    store: str
    """Path of its SQLite file."""
    minute_us: int
    trusted: str
    """The file of the authorities whose certificates are trusted; none while it is not there."""
    proxy: str = ""
    """That requests of HTTP go through: "http://192.0.2.20:3128"; "" for none."""
