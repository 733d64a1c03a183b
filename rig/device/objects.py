"""What a host gives the device to hold: TCP slots, wake patterns, protocol offloads, and how they come back.

One frozen class for each map of firmware/proto/offload.cddl. Field names are the wire's; `wire()` gives the map to send,
`of(...)` reads a reply. Sequence numbers and windows of TCP are u32 as on the wire; addresses are strings, MACs bytes.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from rig.device.numbers import OffloadType, PatternType, SlotFlag, SlotState, WakeReason


def packed_ip(address: str) -> bytes:
    """4 bytes of an IPv4, 16 of an IPv6 address."""
    return ipaddress.ip_address(address).packed


ALL_SLOT_FLAGS = SlotFlag(0b11111)


@dataclass(frozen=True, kw_only=True)
class TcpSlot:
    """An established TCP connection for the device to take over. Windows are unscaled bytes."""

    local: str
    remote: str
    local_port: int
    remote_port: int
    local_mac: bytes
    next_hop_mac: bytes
    snd_una: int
    snd_nxt: int
    snd_wl1: int
    snd_wnd: int
    max_snd_wnd: int
    rcv_nxt: int
    rcv_wnd: int
    rcv_wup: int
    snd_wscale: int = 0
    rcv_wscale: int = 0
    ts_on: bool = False
    ts_hz: int = 1000
    """Ticks of the timestamp clock in a second: 1000 or 1000000."""
    tsval: int = 0
    """Our TSval at device time t0_us; the clock goes on by ts_hz, never scaled."""
    t0_us: int = 0
    ts_recent: int = 0
    ts_recent_age_ms: int = 0
    ka_idle_ms: int = 7_200_000
    """Idle time before the first probe, specification milliseconds."""
    ka_intvl_ms: int = 75_000
    """Between unanswered probes, specification milliseconds."""
    ka_cnt: int = 9
    """Unanswered probes before KA_TIMEOUT."""
    idle_elapsed_ms: int = 0
    """Idle time already spent before the handoff."""
    flags: SlotFlag = ALL_SLOT_FLAGS
    owner: int = 0
    mss: int = 1460
    ttl: int = 64
    tos: int = 0
    df: bool = True
    ip_id: int = 0

    def wire(self) -> dict[str, Any]:
        row = {field.name: getattr(self, field.name) for field in fields(self)}
        return {**row, "local": packed_ip(self.local), "remote": packed_ip(self.remote), "flags": int(self.flags)}


@dataclass(frozen=True)
class SlotRef:
    """A slot by number and generation: a late command to a slot that was used again fails with STALE_HANDLE."""

    slot: int
    gen: int

    def wire(self) -> dict[str, Any]:
        return {"gen": self.gen, "slot": self.slot}


@dataclass(frozen=True)
class SlotInfo:
    """A slot's state as it comes back. Field order is the wire's (`slot_state`, a CBOR list)."""

    slot: int
    gen: int
    state: SlotState
    close_reason: WakeReason
    """NONE while the connection is open."""
    snd_una: int
    snd_nxt: int
    rcv_nxt: int
    snd_wnd: int
    """Unscaled bytes, as the peer last advertised it."""
    tsval_last: int
    """Newest TSval the device sent: the host's clock must not be behind it."""
    ts_recent: int
    last_rx_age_ms: int
    next_ka_due_ms: int
    ka_sent: int
    ka_acked: int
    ka_lost: int
    peer_ka_answered: int
    challenge_acks: int
    dup_data: int
    paws_drops: int

    @classmethod
    def of(cls, row: Sequence[int]) -> SlotInfo:
        return cls(row[0], row[1], SlotState(row[2]), WakeReason(row[3]), *row[4:19])

    @property
    def ref(self) -> SlotRef:
        return SlotRef(self.slot, self.gen)


def lsb_first_mask(must_match: Sequence[bool]) -> bytes:
    """One bit for each byte of a pattern, lowest bit first: True is compared, False is ignored."""
    mask = bytearray((len(must_match) + 7) // 8)
    for index, wanted in enumerate(must_match):
        mask[index // 8] |= bool(wanted) << index % 8
    return bytes(mask)


@dataclass(frozen=True, kw_only=True)
class Pattern:
    """A wake pattern. Use the makers below; `wire` leaves out what is not set."""

    id: int
    """Chosen by the host, unique."""
    type: PatternType
    data: bytes | None = None
    """Bitmap: bytes compared; magic: password (0, 4 or 6 bytes)."""
    mask: bytes | None = None
    """Bitmap: see lsb_first_mask."""
    offset: int | None = None
    """Bitmap: byte of the Ethernet frame where `data` begins."""
    ip: str | None = None
    """SYN and UDP kinds: destination, None is any."""
    src: str | None = None
    port: int | None = None
    sport: int | None = None
    flags: int | None = None
    priority: int | None = None

    @classmethod
    def bitmap(cls, pattern_id: int, data: bytes, must_match: Sequence[bool] | None = None, offset: int = 0) -> Pattern:
        """Bytes at `offset` of the frame; `must_match` says for each byte whether it counts (default: all do)."""
        mask = lsb_first_mask(must_match if must_match is not None else [True] * len(data))
        return cls(id=pattern_id, type=PatternType.BITMAP, data=data, mask=mask, offset=offset)

    @classmethod
    def magic(cls, pattern_id: int, password: bytes = b"") -> Pattern:
        """A magic packet for the host's MAC (given at prepare)."""
        return cls(id=pattern_id, type=PatternType.MAGIC, data=password)

    @classmethod
    def syn(cls, pattern_id: int, *, ip: str | None = None, port: int | None = None, src: str | None = None) -> Pattern:
        """A connection attempt over IPv4 or IPv6 (by the address; IPv4 when there is none)."""
        version6 = ip is not None and len(packed_ip(ip)) == 16
        kind = PatternType.IPV6_SYN if version6 else PatternType.IPV4_SYN
        return cls(id=pattern_id, type=kind, ip=ip, port=port, src=src)

    def wire(self) -> dict[str, Any]:
        row = {field.name: getattr(self, field.name) for field in fields(self)}
        row["type"] = int(self.type)
        for name in ("ip", "src"):
            row[name] = packed_ip(row[name]) if row[name] is not None else None
        return {name: value for name, value in row.items() if value is not None}


@dataclass(frozen=True)
class PatternInfo:
    """A pattern in the device's list."""

    id: int
    type: PatternType
    hits: int

    @classmethod
    def of(cls, row: Sequence[int]) -> PatternInfo:
        return cls(row[0], PatternType(row[1]), row[2])


@dataclass(frozen=True, kw_only=True)
class ProtocolOffload:
    """What the device answers in the host's name."""

    id: int
    ip: str
    """The host's address that is asked for."""
    mac: bytes
    """The address put into replies, 6 bytes."""
    type: OffloadType = OffloadType.ARP
    remote: str | None = None
    """Answer this asker only; None is any."""
    flags: int | None = None
    ip2: str | None = None
    """NS: a second address."""

    def wire(self) -> dict[str, Any]:
        row: dict[str, Any] = {"id": self.id, "ip": packed_ip(self.ip), "mac": self.mac, "type": int(self.type)}
        if self.ip2 is not None:
            row["ip2"] = packed_ip(self.ip2)
        if self.remote is not None:
            row["remote"] = packed_ip(self.remote)
        if self.flags is not None:
            row["flags"] = self.flags
        return row


@dataclass(frozen=True)
class OffloadInfo:
    """A protocol offload in the device's list."""

    id: int
    type: OffloadType
    answered: int

    @classmethod
    def of(cls, row: Sequence[int]) -> OffloadInfo:
        return cls(row[0], OffloadType(row[1]), row[2])
