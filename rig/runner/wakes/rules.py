"""Whether anything that was armed explains a wake: the contract's section 4, worked out again from what the host gave the device.

Every function gives what speaks against the wake; empty: nothing does. Where the device is free, or the bench does not know
enough, nothing is said: this must never blame a right device. What a right device must do else, tests ask for.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from typing import Any

from rig.clock import REAL_MINUTE_US
from rig.device.numbers import NO_PATTERN, Arm, NsFlag, OffloadType, PatternType, SlotFlag, UdpFlag, WakeReason
from rig.device.reference.segment import FIN, PROTO_UDP, RST, BadFrame, Frame, Kind, taken_apart
from rig.runner.wakes.armed import Wake
from rig.runner.wakes.patterns import LINK, armed_by, miss, said

HALF = 1 << 31
SLOT_FLAGS = {
    WakeReason.TCP_DATA: SlotFlag.WAKE_ON_DATA,
    WakeReason.TCP_FIN: SlotFlag.WAKE_ON_FIN,
    WakeReason.TCP_RST: SlotFlag.WAKE_ON_RST,
    WakeReason.KA_TIMEOUT: SlotFlag.WAKE_ON_TIMEOUT,
}
OFFLOADS: dict[WakeReason, tuple[OffloadType, ...]] = {
    WakeReason.ADDR_CONFLICT: (OffloadType.ARP, OffloadType.NS),
    WakeReason.ROUTER_CHANGED: (OffloadType.NS,),
    WakeReason.IPSEC: (OffloadType.NATT,),
    WakeReason.UDP_DATA: (OffloadType.UDP,),
    WakeReason.DHCP_NAK: (OffloadType.DHCP,),
    WakeReason.DHCP_EXPIRED: (OffloadType.DHCP,),
    WakeReason.DHCP_CHANGED: (OffloadType.DHCP,),
}
FLAGS = {WakeReason.ROUTER_CHANGED: NsFlag.RA_WAKE, WakeReason.UDP_DATA: UdpFlag.WAKE_ON_DATA}


def against(wake: Wake) -> str:
    """What speaks against it."""
    try:
        reason = WakeReason(wake.event.reason)
    except ValueError:
        return "no reason of the contract has that number (firmware/proto, enum off_wake_reason)"
    if not wake.armed.whole:
        return ""
    sleep = wake.armed.sleep
    if wake.event.has_yielded and sleep is not None and not sleep.yield_ms:
        return "its l2_flags say YIELDED, and prepare had no yield_ms (contract section 3)"
    rule = RULES.get(reason)
    return rule(wake) if rule is not None else ""


# -- connections -------------------------------------------------------------------------------------------------------


def _slot(wake: Wake) -> Mapping[str, Any] | None:
    ref = wake.event.slot_ref
    return wake.armed.slots.get((ref.slot, ref.gen)) if ref is not None else None


def _of_slot(wake: Wake) -> str:
    event, slot = wake.event, _slot(wake)
    if event.slot_ref is None:
        return "the event names no slot (255)"
    if slot is None:
        held = ", ".join(f"{number}/{gen}" for number, gen in wake.armed.slots) or "none"
        return f"the host has given no slot {event.slot} of generation {event.gen}; those that it has: {held}"
    if wake.armed.sleep is not None and not wake.armed.sleep.arm & Arm.TCP:
        return "prepare did not arm TCP slots (bit 0)"
    flag = SLOT_FLAGS.get(WakeReason(event.reason))
    if flag is not None and not slot["flags"] & flag and not (flag is SlotFlag.WAKE_ON_DATA and _payload_patterns(wake)):
        return f"the slot has no flag {flag.name} (flags 0x{slot['flags']:x})"
    if event.reason == WakeReason.NO_MORE_TOKENS and "ka_data" not in slot:
        return "the slot has no payload keep-alive (ka_data): a probe takes no tokens"
    if not wake.frame:
        return ""
    if WakeReason(event.reason) is WakeReason.UNPARSEABLE_IN_SLOT:
        return _hidden(slot, wake.frame)
    return _segment(wake, slot)


def _payload_patterns(wake: Wake) -> bool:
    return any(
        pattern["type"] == PatternType.TCP_PAYLOAD and pattern.get("slot") == wake.event.slot
        for pattern in wake.armed.patterns.values()
    )


def _hidden(slot: Mapping[str, Any], data: bytes) -> str:
    frame, why = taken(data)
    if frame is None:
        return why
    if frame.kind is not Kind.HIDDEN:
        return "the frame is no fragment, and its headers can be walked: its ports can be seen"
    return "" if (frame.src, frame.dst) == (slot["remote"], slot["local"]) else _not_its(slot, frame)


def _segment(wake: Wake, slot: Mapping[str, Any]) -> str:
    frame, why = taken(wake.frame)
    if frame is None:
        return why
    if frame.kind is Kind.HIDDEN and not frame.fragment:
        return ""  # behind more headers than are walked here
    if frame.kind is not Kind.TCP:
        return "the frame is no TCP segment"
    ends = frame.src, frame.sport, frame.dst, frame.dport
    if ends != (slot["remote"], slot["remote_port"], slot["local"], slot["local_port"]):
        return _not_its(slot, frame)
    if wake.event.reason == WakeReason.TCP_RST:
        if not frame.flags & RST:
            return f"no RST is in it (flags 0x{frame.flags:02x})"
        answers = "ka_reply" in slot  # they move RCV.NXT
        wrong = frame.seq != slot["rcv_nxt"] and not answers
        return f"SEG.SEQ {frame.seq} is not RCV.NXT {slot['rcv_nxt']} (RFC 5961 3.2: a challenge ACK at most)" if wrong else ""
    return _news(wake, slot, frame)


def _news(wake: Wake, slot: Mapping[str, Any], frame: Frame) -> str:
    if frame.flags & RST:
        return "it is a RST (RFC 9293 3.10.7.4: looked at before data and FIN)"
    fin = bool(frame.flags & FIN)
    if wake.event.reason == WakeReason.TCP_FIN and not fin:
        return f"no FIN is in it (flags 0x{frame.flags:02x})"
    if not fin and not frame.length:
        return "it carries no data and no FIN: a pure ACK or a probe never wakes (contract section 4)"
    if slot["ts_on"] and frame.timestamp is None:
        return "it has no timestamps, the connection has (RFC 7323 3.2: dropped)"
    end, nxt = frame.seq + frame.length + fin, slot["rcv_nxt"]
    if not 0 < (end - nxt) % 2**32 < HALF:
        return f"it ends at sequence number {end % 2**32}, RCV.NXT is {nxt}: all of it was received before"
    return ""


def _not_its(slot: Mapping[str, Any], frame: Frame) -> str:
    pairs = (
        ("source address", frame.src, slot["remote"]),
        ("destination address", frame.dst, slot["local"]),
        ("source port", frame.sport, slot["remote_port"]),
        ("destination port", frame.dport, slot["local_port"]),
    )
    wrong = [f"{what} {_end(have)}, the slot's {_end(wanted)}" for what, have, wanted in pairs if have != wanted]
    return f"the frame is not of the slot's connection: {'; '.join(wrong)}"


def _end(value: bytes | int) -> str:
    return str(ipaddress.ip_address(value)) if isinstance(value, bytes) and value else str(value)


# -- patterns ----------------------------------------------------------------------------------------------------------


def _of_pattern(wake: Wake) -> str:
    event, armed = wake.event, wake.armed
    if event.pattern_id == NO_PATTERN:
        return "PACKET, and the event names no pattern"
    pattern = armed.patterns.get(event.pattern_id)
    if pattern is None:
        return f"the host has given no pattern {event.pattern_id}; those that it has: {sorted(armed.patterns) or 'none'}"
    sleep = armed.sleep
    if sleep is None or not wake.frame:
        return ""
    if not sleep.arm & armed_by(pattern):
        return f"prepare did not arm {armed_by(pattern).name} (arm 0x{sleep.arm:x})"
    frame, why = taken(wake.frame)
    if frame is None:
        return why
    missed = miss(pattern, frame, sleep.mac)
    if missed:
        return f"the frame does not match {said(pattern)}: {missed}"
    return _better(wake, pattern, frame)


def _better(wake: Wake, pattern: Mapping[str, Any], frame: Frame) -> str:
    sleep = wake.armed.sleep
    assert sleep is not None
    for other in wake.armed.patterns.values():
        ahead = _rank(other) < _rank(pattern)
        if ahead and sleep.arm & armed_by(other) and not miss(other, frame, sleep.mac):
            return f"{said(other)} matches too and comes before it: the highest priority, then the lowest id"
    return ""


def _rank(pattern: Mapping[str, Any]) -> tuple[int, int]:
    return -pattern.get("priority", 0), pattern["id"]


def _of_link(wake: Wake) -> str:
    pattern = wake.armed.patterns.get(wake.event.pattern_id)
    if pattern is not None and LINK.get(pattern["type"]) == wake.reason:
        return ""
    return f"no pattern {wake.event.pattern_id} for a change of the link is armed"


# -- protocol offloads -------------------------------------------------------------------------------------------------


def _of_offload(wake: Wake) -> str:
    reason = WakeReason(wake.event.reason)
    types, flag = OFFLOADS[reason], FLAGS.get(reason)
    held = [offload for offload in wake.armed.offloads.values() if offload["type"] in types]
    names = " or ".join(kind.name for kind in types)
    if not held:
        return f"no protocol offload {names} is given"
    if flag is not None and not any(offload.get("flags", 0) & flag for offload in held):
        return f"no protocol offload {names} has the flag {flag.name}"
    if not wake.frame:
        return ""
    return _not_named(reason, held, wake.frame)


def _not_named(reason: WakeReason, held: list[Mapping[str, Any]], data: bytes) -> str:
    if reason is WakeReason.ADDR_CONFLICT:
        own = [offload[key] for offload in held for key in ("ip", "ip2") if key in offload]
        if not any(address in data for address in own):
            return f"none of the host's addresses is in the frame: {', '.join(_end(address) for address in own)}"
        return ""
    frame, why = taken(data)
    if frame is None:
        return why
    if reason is WakeReason.ROUTER_CHANGED:
        return "" if frame.proto == 58 else "the frame is no router advertisement"
    ends = [offload.get("remote") for offload in held]
    if frame.src not in ends:
        return f"it comes from {_end(frame.src)}, the offload's other end is {', '.join(_end(end) for end in ends if end)}"
    return "" if frame.proto in (PROTO_UDP, 50) else f"it is neither UDP nor ESP (IP protocol {frame.proto})"


def _of_timer(wake: Wake) -> str:
    sleep = wake.armed.sleep
    if sleep is None:
        return ""
    if not sleep.wake_timer_ms:
        return "prepare set no wake timer (wake_timer_ms 0)"
    if not wake.armed.steady:
        return ""
    due_ms = sleep.wake_timer_ms * wake.armed.minute_us / REAL_MINUTE_US
    after_ms = (wake.heard_ns - sleep.committed_ns) / 1e6
    return f"it came {after_ms:.1f} ms after commit went out, the timer is {due_ms:.1f} ms" if after_ms < due_ms * 0.99 else ""


def taken(data: bytes) -> tuple[Frame | None, str]:
    """The frame, or why a right device drops it. A VLAN's tag is taken out: who hears it is the slot's or offload's matter."""
    if data[12:14] == b"\x81\x00":
        data = data[:12] + data[16:] if int.from_bytes(data[14:16], "big") & 0xFFF else data
    try:
        return taken_apart(data), ""
    except BadFrame as why:
        return None, f"the frame is broken, a device drops it and counts {why} (contract section 4, step 2)"


RULES: dict[WakeReason, Callable[[Wake], str]] = {
    WakeReason.PACKET: _of_pattern,
    WakeReason.MEDIA_CONNECT: _of_link,
    WakeReason.MEDIA_DISCONNECT: _of_link,
    WakeReason.TCP_DATA: _of_slot,
    WakeReason.TCP_FIN: _of_slot,
    WakeReason.TCP_RST: _of_slot,
    WakeReason.KA_TIMEOUT: _of_slot,
    WakeReason.NO_MORE_TOKENS: _of_slot,
    WakeReason.UNPARSEABLE_IN_SLOT: _of_slot,
    WakeReason.HOST_TIMER: _of_timer,
    **dict.fromkeys(OFFLOADS, _of_offload),
}
