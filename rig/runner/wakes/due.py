"""Whether the time of a wake had come that no frame made, and how long ago: by what the host gave the device, and by the cable.

Nothing is said of intervals that changed while they ran. How late such a wake may be the contract does not say: the rows of its
section 7 are about frames, probes and replies. So late is what no busy machine explains (limits.py).

* KA_TIMEOUT: not before the last of its probes could be out, and not long after one was that nobody answered.
* NO_MORE_TOKENS: not before the tokens could be used up. Never late: a device may put it off while it has no link (contract
  section 4).
* DHCP_EXPIRED: at the end of the lease that the host gave it, unless a server's word about it was on the cable.
* HOST_TIMER: so long after commit.
* ROUTER_CHANGED by time has no due time here: what runs out is what advertisements have told, which the device heard on the cable
  and the host never says on the control channel; of several lifetimes the wake does not name the one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rig.clock import REAL_MINUTE_US
from rig.device.numbers import OffloadType, WakeReason
from rig.device.reference.segment import PROTO_UDP, Frame, Kind
from rig.net.capture import CapturedFrame
from rig.runner.wakes.armed import Added, Armed, Sleep, Wake
from rig.runner.wakes.limits import EARLY, allowed_ms, allowed_words
from rig.runner.wakes.rules import taken
from rig.starved import Starved

MOST_OWED_BYTES = 16384
"""Of payload keep-alives in one sleep: with more than that to take back a device may wake the host, whatever tokens are left."""
FOREVER_S = 0xFFFF_FFFF
"""A lease without an end (RFC 2132 9.2, RFC 2131 3.3)."""
DHCP_COOKIE = bytes.fromhex("63825363")
"""RFC 2131 3."""


def against_time(wake: Wake, frames: Sequence[CapturedFrame], *, whole: bool, starved: Starved) -> str:
    """What speaks against its moment; empty: nothing does. `frames`: of the device's port, in order; `whole`: all of them.
    `starved`: as `judged`."""
    sleep = wake.armed.sleep
    if sleep is None or not sleep.speaks_ns or not wake.armed.whole or wake.saved:
        return ""
    match wake.event.reason:
        case WakeReason.KA_TIMEOUT:
            return _of_keep_alive(wake, sleep, frames if whole else (), starved)
        case WakeReason.NO_MORE_TOKENS:
            return _of_tokens(wake, sleep)
        case WakeReason.DHCP_EXPIRED if whole:
            return _of_leases(wake, sleep, frames, starved)
        case WakeReason.HOST_TIMER if wake.armed.steady:
            due_ms = _real_ms(wake.armed, sleep.wake_timer_ms)
            return _late(wake, sleep.speaks_ns, due_ms, "the timer began (offload.cddl, wake_timer_ms)", starved)
    return ""


# -- slots -------------------------------------------------------------------------------------------------------------


def _of_keep_alive(wake: Wake, sleep: Sleep, frames: Sequence[CapturedFrame], starved: Starved) -> str:
    slot, since = _slot(wake)
    if slot is None or since is None or "ka_data" in slot:  # whose repetitions double
        return ""
    idle_ms, intvl_ms = _first_idle_ms(wake, slot), _real_ms(wake.armed, slot["ka_intvl_ms"])
    asked = f"{slot['ka_cnt']} probes {intvl_ms:.1f} ms apart, the first after {idle_ms:.1f} ms of silence"
    if early := _early(wake, sleep, since.asked_ns, idle_ms, slot["ka_cnt"] * intvl_ms, asked):
        return early
    probed_ns = _probed_ns(slot, (frame for frame in reversed(frames) if sleep.committed_ns < frame.t_ns <= wake.heard_ns))
    if not probed_ns:
        return ""
    return _late(wake, probed_ns, intvl_ms, "the last probe went out, unanswered (contract section 4)", starved)


def _of_tokens(wake: Wake, sleep: Sleep) -> str:
    """Each payload is sent an idle time behind the one before; the first that cannot be made wakes in its place."""
    slot, since = _slot(wake)
    if slot is None or since is None or "ka_data" not in slot:
        return ""
    payloads = MOST_OWED_BYTES // max(1, len(slot["ka_data"]))
    if token_bytes := slot.get("ka_token", (0, 0))[1]:
        payloads = min(payloads, len(slot.get("ka_tokens", b"")) // token_bytes)
    idle_ms, first_ms = _real_ms(wake.armed, slot["ka_idle_ms"]), _first_idle_ms(wake, slot)
    asked = f"tokens for {payloads} payloads {idle_ms:.1f} ms apart, the first after {first_ms:.1f} ms"
    return _early(wake, sleep, since.asked_ns, first_ms, payloads * idle_ms, asked)


def _slot(wake: Wake) -> tuple[Mapping[str, Any] | None, Added | None]:
    ref = wake.event.slot_ref
    key = (ref.slot, ref.gen) if ref is not None else (0, 0)
    return wake.armed.slots.get(key), wake.armed.since.get(key)


def _first_idle_ms(wake: Wake, slot: Mapping[str, Any]) -> float:
    """Less what of it had passed when the host gave it."""
    return _real_ms(wake.armed, max(0, slot["ka_idle_ms"] - slot["idle_elapsed_ms"]))


def _early(wake: Wake, sleep: Sleep, asked_ns: int, first_ms: float, then_ms: float, asked: str) -> str:
    """`first_ms` run since it was asked for; `then_ms` behind them, and in this sleep."""
    first_ns = max(asked_ns + first_ms * EARLY * 1e6, sleep.committed_ns)
    early_ms = (first_ns - wake.heard_ns) / 1e6 + then_ms * EARLY
    return f"too early by {early_ms:.1f} ms or more: {asked} (contract section 4)" if early_ms > 0 else ""


def _probed_ns(slot: Mapping[str, Any], newest_first: Iterable[CapturedFrame]) -> int:
    """When the slot's last segment went out; 0: none is known."""
    ends = slot["local"], slot["local_port"], slot["remote"], slot["remote_port"]
    return next((frame.t_ns for frame in newest_first if _ends(taken(frame.data)[0]) == ends), 0)


def _ends(frame: Frame | None) -> tuple[bytes, int, bytes, int] | None:
    if frame is None or frame.kind is not Kind.TCP:
        return None
    return frame.src, frame.sport, frame.dst, frame.dport


# -- leases ------------------------------------------------------------------------------------------------------------


def _of_leases(wake: Wake, sleep: Sleep, frames: Sequence[CapturedFrame], starved: Starved) -> str:
    """The event does not name one of several: then it may be the first that ends."""
    armed = wake.armed
    held = [(offload, armed.since.get(key)) for key, offload in armed.offloads.items() if offload["type"] == OffloadType.DHCP]
    leases = [(offload, since) for offload, since in held if since is not None and "lease_s" in offload]
    if len(leases) < len(held) or any(_is_told_of(offload, since, frames) for offload, since in leases):
        return ""
    ending = [(since, _left_ms(armed, offload)) for offload, since in leases if offload["lease_s"] != FOREVER_S]
    if not ending:
        return "the lease has no end (RFC 2131 3.3)"
    early_ms = (min(since.asked_ns + ms * EARLY * 1e6 for since, ms in ending) - wake.heard_ns) / 1e6
    if early_ms > 0:
        return f"too early by {early_ms:.1f} ms or more: a lease with {min(ms for _, ms in ending):.1f} ms left was given"
    last_ns = max(max(since.answered_ns + ms / EARLY * 1e6, sleep.speaks_ns) for since, ms in ending)
    return _late(wake, round(last_ns), 0, "the lease was over (RFC 2131 4.4.5)", starved)


def _left_ms(armed: Armed, offload: Mapping[str, Any]) -> float:
    return _real_ms(armed, max(0, offload["lease_s"] * 1000 - offload.get("elapsed_ms", 0)))


def _is_told_of(offload: Mapping[str, Any], since: Added, frames: Sequence[CapturedFrame]) -> bool:
    """A server has answered, perhaps with another lease."""
    for captured in frames:
        if captured.t_ns < since.asked_ns or DHCP_COOKIE not in captured.data:
            continue
        frame = taken(captured.data)[0]
        if frame is not None and frame.proto == PROTO_UDP and frame.src != offload["ip"]:
            return True
    return False


# -- both --------------------------------------------------------------------------------------------------------------


def _late(wake: Wake, from_ns: int, interval_ms: float, what: str, starved: Starved) -> str:
    if wake.decided_ns is None:
        return ""
    late_ms = (wake.decided_ns - from_ns) / 1e6 - interval_ms / EARLY
    after = f"{interval_ms:.1f} ms after {what}, by {late_ms / interval_ms:.1%} of that" if interval_ms else f"after {what}"
    if late_ms <= allowed_ms(starved):
        return ""
    bound = f"the contract has no bound for that, {allowed_words(starved)}"
    return f"late: the device decided {late_ms:.0f} ms later than {after}: {bound}"


def _real_ms(armed: Armed, ms: float) -> float:
    return ms * armed.minute_us / REAL_MINUTE_US
