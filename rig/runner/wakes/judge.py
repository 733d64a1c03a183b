"""One verdict a wake: explained and in time, or the first thing that speaks against it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rig.device.numbers import WakeReason
from rig.net.capture import CapturedFrame
from rig.runner.wakes.armed import Wake
from rig.runner.wakes.due import against_time
from rig.runner.wakes.limits import allowed_ms, allowed_words
from rig.runner.wakes.rules import against
from rig.runner.wakes.wire import find
from rig.starved import OWN_PROCESSOR, Starved

BY_TIME = (WakeReason.ROUTER_CHANGED,)
"""Wakes that may name a frame of long before: an advertisement that the host must hear again before it is too old."""


@dataclass
class Judged:
    wake: Wake
    late_ms: float | None
    """From the frame's last bit to the device's decision, by its own clock; None without a frame, or a clock."""
    heard_ms: float | None
    """From the frame's last bit until the host had the event."""
    fault: str = ""
    """Empty: something that was armed explains it."""
    planned: str = ""
    """How the test planned it; empty: it did not."""


def judged(
    wakes: Iterable[Wake], frames: Sequence[CapturedFrame], *, whole: bool = True, starved: Starved = OWN_PROCESSOR
) -> list[Judged]:
    """In the order of the wakes. `frames` and `whole` as `find`; `starved`: the device, in this test; it is late by that."""
    rows: list[Judged] = []
    first: dict[tuple[int, int], Wake] = {}
    for wake in wakes:
        found = find(wake, frames, whole=whole)
        row = Judged(wake, _late_ms(wake, found.last_ns), _heard_ms(wake, found.last_ns))
        sleeps_first = first.setdefault((wake.boot, wake.event.epoch), wake)
        row.fault = (
            _of_sleep(wake, sleeps_first)
            or found.fault
            or against(wake)
            or wake.misdelivered
            or _lateness(row, starved)
            or against_time(wake, frames, whole=whole, starved=starved)
        )
        rows.append(row)
    return rows


def _of_sleep(wake: Wake, first: Wake) -> str:
    """`first`: that of its sleep."""
    sleep, event = wake.armed.sleep, wake.event
    if sleep is None and not wake.armed.whole:
        return ""
    if sleep is None:
        return "the host was never asleep: nothing was prepared since the device started"
    if first is not wake:
        return f"it is the second of one sleep, after {first.reason}: one event a sleep (contract section 3)"
    epochs = {sleep.epoch, sleep.committed_epoch}
    if sleep.committed_epoch >= 0 and event.epoch not in epochs:
        return f"its epoch is {event.epoch}, that of this sleep {sleep.committed_epoch}: an event of another sleep"
    return ""


def _from_ns(wake: Wake, last_ns: int) -> int:
    """When it could have woken: what is captured before commit is judged by commit."""
    sleep = wake.armed.sleep
    return max(last_ns, sleep.committed_ns if sleep is not None else 0)


def _late_ms(wake: Wake, last_ns: int) -> float | None:
    if not last_ns or wake.decided_ns is None:
        return None
    return (wake.decided_ns - _from_ns(wake, last_ns)) / 1e6


def _heard_ms(wake: Wake, last_ns: int) -> float | None:
    return (wake.heard_ns - _from_ns(wake, last_ns)) / 1e6 if last_ns else None


def _lateness(row: Judged, starved: Starved) -> str:
    if row.late_ms is None or row.late_ms <= allowed_ms(starved) or row.wake.event.reason in BY_TIME:
        return ""
    bound = f"contract section 7: 5 ms; {allowed_words(starved)}"
    return f"late: the device decided {row.late_ms:.0f} ms after the frame's last bit ({bound})"
