"""Whether the time of a wake had come that no frame made, and how long ago: by what the host gave the device, and by the cable.

Nothing is said of intervals that changed while they ran.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rig.clock import REAL_MINUTE_US
from rig.device.numbers import WakeReason
from rig.device.reference.segment import Frame, Kind
from rig.net.capture import CapturedFrame
from rig.runner.wakes.armed import Armed, Sleep, Wake
from rig.runner.wakes.limits import EARLY, LATE_MS
from rig.runner.wakes.rules import taken


def against_time(wake: Wake, frames: Sequence[CapturedFrame]) -> str:
    """What speaks against its moment; empty: nothing does. `frames`: of the device's port, in order; none where some are lost."""
    sleep = wake.armed.sleep
    if sleep is None or not sleep.speaks_ns or not wake.armed.whole or wake.saved:
        return ""
    match wake.event.reason:
        case WakeReason.KA_TIMEOUT:
            return _of_keep_alive(wake, sleep, frames)
        case WakeReason.HOST_TIMER if wake.armed.steady:
            due_ms = _real_ms(wake.armed, sleep.wake_timer_ms)
            return _late(wake, sleep.speaks_ns, due_ms, "the timer ran out")
    return ""


def _of_keep_alive(wake: Wake, sleep: Sleep, frames: Sequence[CapturedFrame]) -> str:
    ref = wake.event.slot_ref
    key = (ref.slot, ref.gen) if ref is not None else (0, 0)
    slot, since = wake.armed.slots.get(key), wake.armed.since.get(key)
    if slot is None or since is None or "ka_data" in slot:  # whose repetitions double
        return ""
    idle_ms, intvl_ms = (_real_ms(wake.armed, slot[name]) for name in ("ka_idle_ms", "ka_intvl_ms"))
    idle_ms = max(0.0, idle_ms - _real_ms(wake.armed, slot["idle_elapsed_ms"]))
    probes_ms = slot["ka_cnt"] * intvl_ms
    first_ns = max(since.asked_ns + idle_ms * EARLY * 1e6, sleep.committed_ns)
    early_ms = (first_ns - wake.heard_ns) / 1e6 + probes_ms * EARLY
    if early_ms > 0:
        asked = f"{slot['ka_cnt']} probes {intvl_ms:.1f} ms apart, the first after {idle_ms:.1f} ms of silence"
        return f"too early by {early_ms:.1f} ms or more: {asked} (contract section 4)"
    probed_ns = _probed_ns(slot, (frame for frame in reversed(frames) if sleep.committed_ns < frame.t_ns <= wake.heard_ns))
    return _late(wake, probed_ns, intvl_ms, "the last probe was unanswered") if probed_ns else ""


def _probed_ns(slot: Mapping[str, Any], newest_first: Iterable[CapturedFrame]) -> int:
    """When the slot's last segment went out; 0: none is known."""
    ends = slot["local"], slot["local_port"], slot["remote"], slot["remote_port"]
    return next((frame.t_ns for frame in newest_first if _ends(taken(frame.data)[0]) == ends), 0)


def _ends(frame: Frame | None) -> tuple[bytes, int, bytes, int] | None:
    if frame is None or frame.kind is not Kind.TCP:
        return None
    return frame.src, frame.sport, frame.dst, frame.dport


def _late(wake: Wake, from_ns: int, interval_ms: float, what: str) -> str:
    if wake.decided_ns is None:
        return ""
    late_ms = (wake.decided_ns - from_ns) / 1e6 - interval_ms / EARLY
    bound = f"contract section 7: 10 ms; here {LATE_MS:.0f}"
    return f"late: the device decided {late_ms:.0f} ms after {what} ({bound})" if late_ms > LATE_MS else ""


def _real_ms(armed: Armed, ms: float) -> float:
    return ms * armed.minute_us / REAL_MINUTE_US
