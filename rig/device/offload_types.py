"""What the offload commands carry: one frozen class for each map of firmware/proto/offload.cddl.

Field names are the wire's in PEP 8 spelling; `of(...)` reads a reply. What a host adds (tcp_slot.py, pattern.py,
protocol_offload.py) can be imported from here too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from typing import Any

from rig.device.brief import brief
from rig.device.numbers import (
    NO_PATTERN,
    NO_SLOT,
    EventFlag,
    EventKind,
    FrameFlag,
    NsFlag,
    OffloadType,
    Owner,
    PatternType,
    Power,
    ResetCause,
    SlotFlag,
    WakeReason,
)
from rig.device.packed_address import packed_ip
from rig.device.pattern import Pattern, PatternInfo, lsb_first_mask
from rig.device.payload import PayloadKeepAlive, PayloadState
from rig.device.protocol_offload import OffloadInfo, ProtocolOffload
from rig.device.tcp_slot import SlotInfo, SlotRef, TcpSlot
from rig.errors import BenchError

__all__ = [
    "Attached", "BufferedFrame", "Capabilities", "DeviceLog", "Drain", "Event", "Hello", "OffloadInfo", "Pattern", "PatternInfo",
    "PayloadKeepAlive", "PayloadState", "PowerReply", "ProtocolOffload", "Release", "SlotInfo", "SlotRef", "Status", "TcpSlot",
    "TimeSync",
    "lsb_first_mask", "packed_ip",
]  # fmt: skip


BOOT_ID_UNKEPT = 1 << 31
"""firmware/port/handoff.h."""


@dataclass(frozen=True)
class Hello:
    """Who answers."""

    abi: int
    """Version of the contract (offload.cddl) the firmware was built with."""
    epoch: int
    """Bumped at every change of the owner of the host's identity."""
    board: str
    digest: bytes
    """image_digest of the running image, 32 bytes; zeros when it was not booted from a slot."""
    now_us: int
    """Device clock, free running since boot."""
    boot_id: int
    """Changes at every boot. From BOOT_ID_UNKEPT on it is a number of chance."""
    version: str
    test_build: bool
    """Whether fault_inject and set_clock_scale are there."""
    reset_cause: ResetCause

    @classmethod
    def of(cls, reply: Mapping[str, Any]) -> Hello:
        return cls(**{**known(cls, reply), "reset_cause": ResetCause(reply["reset_cause"])})

    @property
    def boot_record_kept(self) -> bool:
        """False: the device's flash cannot be written any more, so no image gets a trial and an update cannot be confirmed."""
        return self.boot_id < BOOT_ID_UNKEPT


@dataclass(frozen=True)
class Attached:
    """A fresh start of the device for a new owner."""

    epoch: int
    boot_id: int
    freed_slots: int
    """How many slots a host before us left behind."""

    @classmethod
    def of(cls, reply: Mapping[str, Any]) -> Attached:
        return cls(**known(cls, reply))


@dataclass(frozen=True)
class Capabilities:
    """What the device can hold and do; NDIS names in the comments."""

    mtu: int
    timer_res_us: int
    max_tcp_slots: int
    """MaxTcpSlots"""
    ka_max_ms: int
    """Longest keep-alive interval, specification milliseconds."""
    ka_min_ms: int
    max_message: int
    """Bytes of a whole SMP message, both ways."""
    buffered_frames: int
    """Frames kept behind the waking one."""
    max_pattern_bytes: int
    """MaxWoLPatternSize"""
    min_pattern_bytes: int
    """MinWoLPatternSize"""
    max_pattern_offset: int
    """MaxWoLPatternOffset"""
    max_patterns: int
    """NumTotalWoLPatterns; magic packet not counted."""
    wake_up_events: int
    """SupportedWakeUpEvents, NDIS bits: the link came 0x1, it went 0x2. Armed as patterns."""
    saved_packet_bytes: int
    """MaxWoLPacketSaveBuffer"""
    protocol_offloads: int
    """SupportedProtocolOffloads, NDIS bits: ARP 0x1, NS 0x2."""
    packet_patterns: int
    """SupportedWoLPacketPatterns, NDIS bits: bitmap 0x1, magic 0x2, ..."""
    max_arp_addresses: int
    """NumArpOffloadIPv4Addresses"""
    pattern_types: frozenset[PatternType] | None = None
    """Adding one of another type is refused, UNSUPPORTED. This and what follows: None from firmware that does not say."""
    offload_types: frozenset[OffloadType] | None = None
    slot_flags: SlotFlag | None = None
    ns_flags: NsFlag | None = None
    """RA_WAKE: the device watches routers."""
    program_ops: int | None = None
    """Instructions of one program."""
    token_bytes: int | None = None
    """Of a payload keep-alive's tokens, for one sleep."""
    offload_count: int | None = None
    """Protocol offloads for ARP, NS, echo and groups, in any mix."""
    yield_max_ms: int = 0
    """Real time that it may be asked to yield the wire for, after a wake. 0, or not said: it cannot."""

    @classmethod
    def of(cls, reply: Mapping[str, Any]) -> Capabilities:
        names = {f.name: CAPS_WIRE_NAMES.get(f.name, f.name) for f in fields(cls)}
        said: dict[str, Any] = {name: reply[key] for name, key in names.items() if key in reply}
        for name, make in CAPS_MADE.items():
            if name in said:
                said[name] = make(said[name])
        return cls(**said)


CAPS_MADE: dict[str, Callable[[int], Any]] = {
    "pattern_types": lambda bits: frozenset(kind for kind in PatternType if bits >> kind & 1),
    "offload_types": lambda bits: frozenset(kind for kind in OffloadType if bits >> kind & 1),
    "slot_flags": SlotFlag,
    "ns_flags": NsFlag,
}
"""From a number of the wire to what the field holds. Types that this rig does not know are left out."""

CAPS_WIRE_NAMES = {
    "max_tcp_slots": "MaxTcpSlots",
    "buffered_frames": "BufferedFrames",
    "max_pattern_bytes": "MaxWoLPatternSize",
    "min_pattern_bytes": "MinWoLPatternSize",
    "max_pattern_offset": "MaxWoLPatternOffset",
    "max_patterns": "NumTotalWoLPatterns",
    "wake_up_events": "SupportedWakeUpEvents",
    "saved_packet_bytes": "MaxWoLPacketSaveBuffer",
    "protocol_offloads": "SupportedProtocolOffloads",
    "packet_patterns": "SupportedWoLPacketPatterns",
    "max_arp_addresses": "NumArpOffloadIPv4Addresses",
}


@dataclass(frozen=True)
class TimeSync:
    """Device clock against CLOCK_MONOTONIC: device_us = host_us + offset_us, wrong by at most rtt_us / 2."""

    offset_us: int
    rtt_us: int

    def host_ns(self, device_us: int) -> int:
        """The device's time as CLOCK_MONOTONIC nanoseconds, for the timeline."""
        return (device_us - self.offset_us) * 1000

    def device_us(self, host_ns: int) -> int:
        """CLOCK_MONOTONIC nanoseconds as the device's time."""
        return host_ns // 1000 + self.offset_us


@dataclass(frozen=True)
class DeviceLog:
    """What the device logged since a cursor."""

    text: str
    lost: int
    """Bytes since the cursor that are not kept any more."""
    next: int
    """The cursor to ask with next time."""

    @classmethod
    def of(cls, reply: Mapping[str, Any]) -> DeviceLog:
        text = reply["log"].decode("ascii", errors="replace").replace("\r\n", "\n")
        return cls(text, reply["lost"], reply["next"])


@dataclass(frozen=True)
class PowerReply:
    """The state after prepare, commit, abort or host_awake."""

    epoch: int
    power: Power
    captured: int
    """Frames in the buffer."""
    moved: int = 0
    """Slots whose next hop's MAC was learnt anew."""

    @classmethod
    def of(cls, reply: Mapping[str, Any]) -> PowerReply:
        return cls(int(reply["epoch"]), Power(reply["power"]), int(reply["captured"]), int(reply.get("moved", 0)))


@dataclass(frozen=True)
class BufferedFrame:
    """A frame the device kept for the host."""

    index: int
    """Counts from 1 since prepare; the `ack` of a drain."""
    t_rx_us: int
    """Device clock."""
    orig_len: int
    """Bytes on the wire, without FCS."""
    flags: FrameFlag
    pattern_id: int
    """NO_PATTERN when none matched."""
    data: bytes

    @classmethod
    def of(cls, row: Sequence[Any]) -> BufferedFrame:
        return cls(int(row[0]), row[1], row[2], FrameFlag(row[3]), row[4], bytes(memoryview(row[5])))


@dataclass(frozen=True)
class Drain:
    """Some buffered frames, in arrival order."""

    lost: int
    """Frames that found the buffer full, since prepare."""
    more: bool
    """Whether frames are left that did not fit."""
    frames: tuple[BufferedFrame, ...]

    @classmethod
    def of(cls, reply: Mapping[str, Any]) -> Drain:
        return cls(reply["lost"], reply["more"], tuple(BufferedFrame.of(row) for row in reply["frames"]))


@dataclass(frozen=True)
class Release:
    """The end of a standby: final states of all slots, which are free now."""

    epoch: int
    slots: tuple[SlotInfo, ...]

    @classmethod
    def of(cls, reply: Mapping[str, Any]) -> Release:
        return cls(reply["epoch"], tuple(SlotInfo.of(row) for row in reply["slots"]))


@dataclass(frozen=True)
class Status:
    """What the device is doing."""

    arm: int
    lost: int
    epoch: int
    owner: Owner
    power: Power
    wakes: int
    """Since boot."""
    buffered: int
    events_pending: int
    last_wake_reason: WakeReason
    owner_id: int = 0
    """As given at attach."""
    lease_left_ms: int = 0
    """Specification milliseconds; 0: over, or no lease before the first attach."""

    @classmethod
    def of(cls, reply: Mapping[str, Any]) -> Status:
        row = known(cls, reply)
        row |= {"owner": Owner(row["owner"]), "power": Power(row["power"])}
        return cls(**{**row, "last_wake_reason": WakeReason(row["last_wake_reason"])})


@dataclass(frozen=True)
class Event:
    """A wake or a fault. Made of what Link.start_events hands out; field order is the wire's."""

    n: int
    kind: EventKind
    slot: int
    gen: int
    epoch: int
    reason: int
    """WakeReason; for a fault StateMachine."""
    subreason: int
    l2_flags: int
    """Bits of EventFlag."""
    wake_seq: int
    pattern_id: int
    t_rx_us: int
    """When the waking frame came, device clock."""
    t_wake_us: int
    """When the device decided, device clock."""
    saved_bytes: int
    original_bytes: int
    frame: bytes
    """The waking frame when it is short and the first in the buffer (index 1); else empty: drain."""

    @classmethod
    def of(cls, row: Sequence[Any]) -> Event:
        """Raises BenchError RIG-B11 for what is no event: the device's own make decides what it sends."""
        try:
            number, kind, *numbers = map(int, row[:14])
            return cls(number, EventKind(kind), *numbers, bytes(memoryview(row[14])))  # type: ignore[call-arg, arg-type]
        except (TypeError, ValueError, IndexError, OverflowError) as error:  # an infinite float is a number too
            cause = f"an event violates offload.cddl ({type(error).__name__}: {error}): {brief(row, 400)}"
            raise violation(cause) from error

    @property
    def has_yielded(self) -> bool:
        """The device has fallen silent with it."""
        return bool(self.l2_flags & EventFlag.YIELDED)

    @property
    def slot_ref(self) -> SlotRef | None:
        """The slot that woke, None for a pattern, magic packet or timer."""
        return None if self.slot == NO_SLOT else SlotRef(self.slot, self.gen)

    @property
    def matched_pattern(self) -> int | None:
        return None if self.pattern_id == NO_PATTERN else self.pattern_id


def violation(cause: str) -> BenchError:
    """For a message of the device that is not as the contract has it."""
    return BenchError("RIG-B11", cause, "firmware/proto/offload.cddl says what a message holds")


def known(cls: type, reply: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of `cls` out of a reply; newer firmware may send more. Raises KeyError when one without a default lacks."""
    return {f.name: reply[f.name] for f in fields(cls) if f.name in reply or f.default is MISSING}
