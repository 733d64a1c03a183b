"""What wakes beside connections: bytes at an offset, and the magic packet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rig.device.contract import MINIMUM_PATTERNS
from rig.device.numbers import OffloadRc, PatternType
from rig.device.reference.numbers import MAX_OFFSET, PATTERN_BYTES, PATTERNS

NO_PATTERN = 0xFFFFFFFF
ETHERNET_BYTES = 14


class Pattern:
    """`cfg`: an add_pattern_req that was checked."""

    def __init__(self, cfg: Mapping[str, Any]) -> None:
        self.id: int = cfg["id"]
        self.type = PatternType(cfg["type"])
        self.data: bytes = cfg.get("data", b"")
        self.mask: bytes = cfg.get("mask", b"")
        self.offset: int = cfg.get("offset", 0)
        self.priority: int = cfg.get("priority", 0)
        self.hits = 0

    def matches(self, frame: bytes, mac: bytes) -> bool:
        if self.type is PatternType.MAGIC:
            return b"\xff" * 6 + mac * 16 + self.data in frame[ETHERNET_BYTES:]
        part = frame[self.offset : self.offset + len(self.data)]
        return len(part) == len(self.data) and all(
            part[i] == self.data[i] for i in range(len(part)) if self.mask[i // 8] >> i % 8 & 1
        )

    def row(self) -> list[Any]:
        """A pattern_row of offload.cddl: no password."""
        shown = b"" if self.type is PatternType.MAGIC else self.data[:32]
        mask = self.mask[: (len(shown) + 7) // 8]
        length = 0 if self.type is PatternType.MAGIC else len(self.data)
        return [self.id, int(self.type), self.hits, self.offset, 0, 0, b"", b"", length, shown, mask]


def refusal(cfg: Mapping[str, Any], patterns: Mapping[int, Pattern]) -> OffloadRc:
    """OK: it may be added."""
    if cfg["id"] == NO_PATTERN:
        return OffloadRc.BAD_ARG
    if cfg["type"] not in MINIMUM_PATTERNS or cfg.get("flags", 0):
        return OffloadRc.UNSUPPORTED
    magic = cfg["type"] == PatternType.MAGIC
    if (wrong := _magic(cfg) if magic else _bitmap(cfg)) is not OffloadRc.OK:
        return wrong
    if cfg["id"] in patterns:
        return OffloadRc.DUP_ID
    alike = sum((pattern.type is PatternType.MAGIC) == magic for pattern in patterns.values())
    return OffloadRc.OK if alike < (1 if magic else PATTERNS) else OffloadRc.LIST_FULL


def _magic(cfg: Mapping[str, Any]) -> OffloadRc:
    return OffloadRc.OK if len(cfg.get("data", b"")) in (0, 4, 6) else OffloadRc.BAD_LEN


def _bitmap(cfg: Mapping[str, Any]) -> OffloadRc:
    data, mask = cfg.get("data", b""), cfg.get("mask", b"")
    if not 0 < len(data) <= PATTERN_BYTES or len(mask) != (len(data) + 7) // 8 or cfg.get("offset", 0) > MAX_OFFSET:
        return OffloadRc.BAD_LEN
    compared = any(mask[i // 8] >> i % 8 & 1 for i in range(len(data)))
    return OffloadRc.OK if compared else OffloadRc.BAD_ARG
