"""What the process of background transfers is told once, when it starts. Descriptors are inherited."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


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


def answers_of(store: Path) -> Path:
    """The folder of what servers have said to uploads."""
    return store.with_suffix(".answers")
