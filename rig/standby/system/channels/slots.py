"""Slot policy: which package may have a hardware or a software slot (CCT-018 to CCT-025)."""

from __future__ import annotations

from collections import Counter
from enum import Enum

from rig.config import SlotLimits

NONE_FREE, APP_LIMIT = "none free", "app limit"
"""Why a slot is refused."""


class SlotKind(Enum):
    HARDWARE = "hardware"
    SOFTWARE = "software"


class SlotPolicy:
    """Counts the slots in use, of control channels alone: `hw_slots_total` is the host's policy for them, and no measure of what
    the device has room for (core.py, `places`). A slot once granted stays until freed: nothing evicts it (CCT-041)."""

    def __init__(self, limits: SlotLimits) -> None:
        self.limits = limits
        self._in_use: Counter[tuple[SlotKind, str]] = Counter()

    def kind_for(self, wants_hardware: bool) -> SlotKind:
        """A platform without connected standby silently gives software slots (CCT-018)."""
        return SlotKind.HARDWARE if wants_hardware and self.limits.aoac else SlotKind.SOFTWARE

    def free(self, kind: SlotKind) -> int | None:
        """Free slots of the whole host; None: no limit."""
        if kind is SlotKind.SOFTWARE:
            return None
        return self.limits.hw_slots_total - self.in_use(kind)

    def in_use(self, kind: SlotKind, package: str | None = None) -> int:
        return sum(n for (k, p), n in self._in_use.items() if k is kind and package in (None, p))

    def take(self, kind: SlotKind, package: str, held: int = 0) -> str | None:
        """Take a slot; on refusal the reason: NONE_FREE or APP_LIMIT (CCT-020, CCT-022). `held`: places that the app keeps beside
        its slots (CXR-003)."""
        if self.in_use(kind, package) + held >= self._per_package(kind):
            return APP_LIMIT
        if self.free(kind) == 0:
            return NONE_FREE
        self._in_use[kind, package] += 1
        return None

    def restore(self, kind: SlotKind, package: str) -> None:
        """One that was taken before the system was started anew."""
        self._in_use[kind, package] += 1

    def give_back(self, kind: SlotKind, package: str) -> None:
        self._in_use[kind, package] -= 1

    def _per_package(self, kind: SlotKind) -> int:
        return self.limits.hw_slots_per_app if kind is SlotKind.HARDWARE else self.limits.sw_slots_per_app
