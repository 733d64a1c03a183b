"""Wake patterns: what a sleeping device wakes its host for, and how the device lists them (firmware/proto/offload.cddl)."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from rig.device.bpf import compile_filter
from rig.device.numbers import PatternFlag, PatternType
from rig.device.packed_address import given
from rig.device.tcp_slot import SlotRef


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
    data: bytes | None = field(default=None, repr=False)
    """Bitmap and payload: bytes compared; magic: password (0, 4 or 6 bytes), so never shown."""
    mask: bytes | None = None
    """Bitmap and payload: see lsb_first_mask."""
    offset: int | None = None
    """Where `data` begins. Bitmap: byte of the Ethernet frame; payload: byte of the segment's news."""
    ip: str | None = None
    """SYN and UDP kinds: destination, None is any."""
    src: str | None = None
    port: int | None = None
    sport: int | None = None
    slot: SlotRef | None = None
    """Payload: the connection it is for; the pattern goes when the slot is freed."""
    prog: bytes | None = field(default=None, repr=False)
    """Program: see rig.device.bpf."""
    flags: int | None = None
    priority: int | None = None
    """Of several patterns that match, the one with the highest is reported; of equal ones, the lowest id."""

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
    def syn(
        cls,
        pattern_id: int,
        *,
        ip: str | None = None,
        port: int | None = None,
        src: str | None = None,
        sport: int | None = None,
        version: int | None = None,
    ) -> Pattern:
        """A connection attempt over IPv4 or IPv6 (`version` 4 or 6; by the addresses when it is None, 4 without any)."""
        named = ip or src
        version = version or (ipaddress.ip_address(named).version if named else 4)
        kind = PatternType.IPV6_SYN if version == 6 else PatternType.IPV4_SYN
        return cls(id=pattern_id, type=kind, ip=ip, port=port, src=src, sport=sport)

    @classmethod
    def udp(cls, pattern_id: int, port: int | None = None, *, ip: str | None = None) -> Pattern:
        """A datagram to that port and address, None is any."""
        return cls(id=pattern_id, type=PatternType.UDP_PORT, port=port, ip=ip)

    @classmethod
    def eapol(cls, pattern_id: int) -> Pattern:
        """An 802.1X start, or an EAP request for the identity."""
        return cls(id=pattern_id, type=PatternType.EAPOL)

    @classmethod
    def link(cls, pattern_id: int, *, up: bool) -> Pattern:
        """The link came (or went). UNSUPPORTED where the board cannot tell."""
        return cls(id=pattern_id, type=PatternType.LINK_UP if up else PatternType.LINK_DOWN)

    @classmethod
    def payload(
        cls,
        pattern_id: int,
        slot: SlotRef,
        data: bytes,
        must_match: Sequence[bool] | None = None,
        offset: int = 0,
        *,
        wake_unmatched: bool = False,
    ) -> Pattern:
        """New data on a slot, each segment by itself. A slot that has such patterns wakes for data that one of them matches;
        for other data at once only with `wake_unmatched`, else with its third repetition, before the peer gives up."""
        mask = lsb_first_mask(must_match if must_match is not None else [True] * len(data))
        flags = int(PatternFlag.WAKE_UNMATCHED) if wake_unmatched else None
        return cls(
            id=pattern_id, type=PatternType.TCP_PAYLOAD, slot=slot, data=data, mask=mask, offset=offset or None, flags=flags
        )

    @classmethod
    def filter(cls, pattern_id: int, expression: str) -> Pattern:
        """Frames that a pcap-filter(7) expression is true of, "udp port 5000". Raises UsageError for one that is wrong."""
        return cls(id=pattern_id, type=PatternType.PROGRAM, prog=compile_filter(expression))

    def wire(self) -> dict[str, Any]:
        row = {f.name: getattr(self, f.name) for f in fields(self)}
        row["type"] = int(self.type)
        if self.slot is not None:
            row |= self.slot.wire()
        return given(row, "ip", "src")


@dataclass(frozen=True)
class PatternInfo:
    """A pattern in the device's list."""

    id: int
    type: PatternType
    hits: int
    offset: int = 0
    port: int = 0
    """0: any, as for `sport`."""
    sport: int = 0
    dst: str = ""
    """Empty: any, as for `src`."""
    src: str = ""
    data_bytes: int = 0
    """How long the pattern is; `data` and `mask` have its first 32 bytes. None of a magic packet's password."""
    data: bytes = b""
    mask: bytes = b""

    @classmethod
    def of(cls, row: Sequence[Any]) -> PatternInfo:
        """Firmware that only counts has three fields."""
        if len(row) < 11:
            return cls(row[0], PatternType(row[1]), row[2])
        dst, src = (str(ipaddress.ip_address(packed)) if packed else "" for packed in row[6:8])
        values = [row[0], PatternType(row[1]), *row[2:6], dst, src, *row[8:11]]
        return cls(*values)
