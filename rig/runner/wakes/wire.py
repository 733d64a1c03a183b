"""The waking frame on the cable: that it was there in this sleep, and when it was there last."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rig.net.capture import CapturedFrame
from rig.runner.wakes.armed import Wake

SLACK_NS = 5_000_000
"""Of the kernel's stamp of a frame against the process's of a message: two clocks, compared once in a while."""
SHORTEST_BYTES = 60
"""Of a frame without its FCS (IEEE 802.3 3.2.8)."""
MOST_DIFFERENT = 8
"""More bytes than that make another frame of it."""


@dataclass(frozen=True)
class Found:
    """`last_ns`: 0 where the frame was not on the cable in this sleep; `fault` says then what was."""

    last_ns: int
    fault: str = ""


def find(wake: Wake, frames: Sequence[CapturedFrame], *, whole: bool) -> Found:
    """`frames`: of the device's port, in order; `whole`: none of them was forgotten or lost."""
    sleep, saved = wake.armed.sleep, wake.saved
    if not saved or sleep is None:
        return Found(0)
    since_ns, until_ns = sleep.asked_ns - SLACK_NS, wake.heard_ns + SLACK_NS
    first, behind = (bisect_left(frames, t_ns, key=lambda frame: frame.t_ns) for t_ns in (since_ns, until_ns + 1))
    if last := _last_like(wake, frames, first, behind):
        wake.on_wire = last.data
        return Found(last.t_ns)
    if not whole:
        return Found(0)
    if before := _last_like(wake, frames, 0, first):
        ms = (sleep.asked_ns - before.t_ns) / 1e6
        return Found(0, f"the frame was not on the wire in this sleep: last {ms:.1f} ms before prepare, and the host has had it")
    return Found(0, _never_there(saved, (frames[at].data for at in range(first, behind))))


def _last_like(wake: Wake, frames: Sequence[CapturedFrame], first: int, behind: int) -> CapturedFrame | None:
    """The newest of these places that has the frame which the event tells of."""
    for at in range(behind - 1, first - 1, -1):
        data = as_it_came(wake, frames[at].data)
        if data.startswith(wake.saved) and same_length(wake, data):
            return frames[at]
    return None


def as_it_came(wake: Wake, data: bytes) -> bytes:
    """A frame of a cable that does not fill up: what brings it to the device, such as QEMU, does, with zeros to 60 bytes."""
    return data.ljust(min(SHORTEST_BYTES, wake.event.original_bytes), b"\0")


def same_length(wake: Wake, data: bytes) -> bool:
    """But for the padding that a cable adds to 60 bytes, which a device need not hand over."""
    return len(data) == wake.event.original_bytes or wake.event.original_bytes < len(data) <= SHORTEST_BYTES


def _never_there(saved: bytes, there: Iterable[bytes]) -> str:
    nearest = min(there, key=lambda data: _differences(saved, data), default=b"")
    count = _differences(saved, nearest)
    if not nearest or count > MOST_DIFFERENT:
        return "no such frame was on the wire in this sleep"
    at = next((i for i, (a, b) in enumerate(zip(saved, nearest, strict=False)) if a != b), min(len(saved), len(nearest)))
    if at == min(len(saved), len(nearest)):
        return f"the device hands over {len(saved)} bytes of a frame that had {len(nearest)} on the wire"
    return (
        f"the device hands over a frame that was another on the wire: byte {at} is 0x{saved[at]:02x}, was 0x{nearest[at]:02x}"
        f" ({count} bytes differ)"
    )


def _differences(a: bytes, b: bytes) -> int:
    return abs(len(a) - len(b)) + sum(x != y for x, y in zip(a, b, strict=False))
