"""What a cable does to frames, in both directions alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from rig.errors import UsageError

TO_MACHINE, FROM_MACHINE = "to_machine", "from_machine"
"""The two directions of a machine's cable."""
MOST_DELAY_MS = 10_000
MOST_RATE_KBIT = 10_000_000
FRAME_BYTES = 1514
"""The longest, as the kernel counts them: without preamble and checksum."""
UNLIMITED_FRAMES = 20_000
"""That wait in a cable without a rate: delay times what two processors can send."""
QUEUE_MS = 200
"""Worth of frames wait before one that carries only so much, beside those that are delayed; the next are lost. As in a modem."""
LEAST_FRAMES = 16


@dataclass(frozen=True)
class Shape:
    """The defaults change nothing. Raises UsageError RIG-C20 for what cannot be."""

    loss_percent: float = 0.0
    """Of frames, each by its own chance."""
    delay_ms: float = 0.0
    """One way."""
    jitter_ms: float = 0.0
    """Each frame's delay is as much shorter or longer, at most; their order stays."""
    rate_kbit: int = 0
    """A second, each way; 0: as fast as it goes."""

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if expected := expectation(name, value, asdict(self)):
                raise UsageError("RIG-C20", f"a cable cannot have {name} = {value!r}: expected {expected}", "rig help levers")

    @property
    def plain(self) -> bool:
        return self == PLAIN

    @property
    def limit_frames(self) -> int:
        """That may wait in it, each way."""
        if not self.rate_kbit:
            return UNLIMITED_FRAMES
        waiting_ms = self.delay_ms + self.jitter_ms + QUEUE_MS
        return LEAST_FRAMES + round(self.rate_kbit * waiting_ms / 8 / FRAME_BYTES)


KEYS = tuple(field.name for field in fields(Shape))


def expectation(name: str, value: object, values: Mapping[str, Any]) -> str:
    """What is expected instead of this value of `values`; "" when it can be."""
    kinds = (int,) if name == "rate_kbit" else (int, float)
    longest = values.get("delay_ms", 0) if name == "jitter_ms" else 0
    most = {"loss_percent": 100, "delay_ms": MOST_DELAY_MS, "jitter_ms": longest, "rate_kbit": MOST_RATE_KBIT}[name]
    if isinstance(value, kinds) and not isinstance(value, bool) and 0 <= value <= most:
        return ""
    kind = "a whole number" if name == "rate_kbit" else "a number"
    return f"{kind} from 0 to {most}" + (", its delay_ms" if name == "jitter_ms" else "")


@dataclass(frozen=True)
class Passed:
    """Of one direction, since the cable was shaped first: what came out of it, and what did not."""

    frames: int = 0
    bytes: int = 0
    lost: int = 0
    """By chance, or as too many waited before it; the kernel's own queueing tells them together."""


PLAIN = Shape()
