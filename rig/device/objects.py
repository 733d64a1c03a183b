"""What a host gives the device to hold: TCP slots, wake patterns, protocol offloads, and how they come back.

One frozen class for each map of firmware/proto/offload.cddl. Field names are the wire's; `wire()` gives the map to send,
`of(...)` reads a reply. Sequence numbers and windows of TCP are u32 as on the wire; addresses are strings, MACs bytes.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from rig.device.bpf import compile_filter
from rig.device.numbers import OffloadType, PatternFlag, PatternType, SlotFlag, SlotState, WakeReason
from rig.device.payload import PayloadKeepAlive
from rig.host_port import host_and_port


def packed_ip(address: str) -> bytes:
    """4 bytes of an IPv4, 16 of an IPv6 address."""
    return ipaddress.ip_address(address).packed


def _end(packed: bytes, port: int) -> str:
    return host_and_port(str(ipaddress.ip_address(packed)), port)


NO_PAYLOAD_MS = 0xFFFFFFFF
"""Age of the last payload of a slot that has sent none."""

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
    payload: PayloadKeepAlive | None = None
    """Bytes sent every ka_idle_ms in place of probes, ka_intvl_ms being the time before they are first repeated."""
    next_hop_ip: str | None = None
    """For LEARN_NEXT_HOP: the address whose announcements are taken."""
    vlan_tci: int | None = None
    """Priority, DEI and VID of an IEEE 802.1Q tag. The slot takes frames with that VID and no others; what it sends has the tag.
    None: frames without a tag, or with VID 0. A VID of 0 or 4095 is refused, BAD_ARG."""
    flow_label: int | None = None
    """IPv6: 20 bits that every packet of the flow carries (RFC 6437); None is 0."""
    flags: SlotFlag = ALL_SLOT_FLAGS
    """VLAN and FLOW_LABEL are added by `wire()` where they are needed."""
    owner: int = 0
    mss: int = 1460
    ttl: int = 64
    tos: int = 0
    df: bool = True
    ip_id: int = 0

    def wire(self) -> dict[str, Any]:
        row = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "payload"}
        row |= self.payload.wire() if self.payload is not None else {}
        row |= {"local": packed_ip(self.local), "remote": packed_ip(self.remote), "flags": int(self._all_flags())}
        row["next_hop_ip"] = packed_ip(self.next_hop_ip) if self.next_hop_ip is not None else None
        return {name: value for name, value in row.items() if value is not None}

    def _all_flags(self) -> SlotFlag:
        vlan = SlotFlag.VLAN if self.vlan_tci is not None else SlotFlag(0)
        return self.flags | vlan | (SlotFlag.FLOW_LABEL if self.flow_label is not None else SlotFlag(0))


@dataclass(frozen=True)
class SlotRef:
    """A slot by number and generation: a late command to a slot that was used again fails with STALE_HANDLE."""

    slot: int
    gen: int

    @classmethod
    def of(cls, reply: Mapping[str, Any]) -> SlotRef:
        return cls(int(reply["slot"]), int(reply["gen"]))

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
    payloads_sent: int = 0
    """Different ones: repetitions count in ka_sent alone."""
    payloads_answered: int = 0
    payload_counter: int = 0
    """What the next payload's counter would be."""
    tokens_used: int = 0
    payload_age_ms: int = NO_PAYLOAD_MS
    """Real milliseconds since the last one was first sent."""
    owner: int = 0
    next_hop_moves: int = 0
    """How often the next hop's MAC was learnt anew since the slot was added."""
    next_hop_mac: bytes = b""
    """The newest; empty from firmware that does not tell."""
    vlan_tci: int = 0
    """0: in no VLAN."""
    local: str = ""
    """The host's address and port, "192.0.2.10:49152" or "[2001:db8::10]:49152"; told by the list of slots alone."""
    remote: str = ""

    @classmethod
    def of(cls, row: Sequence[Any], ends: Sequence[Any] = ()) -> SlotInfo:
        """`ends`: its row of the list's other half, `slot_ends`."""
        known = cls(row[0], row[1], SlotState(row[2]), WakeReason(row[3]), *row[4:28])
        return replace(known, local=_end(*ends[:2]), remote=_end(*ends[2:4])) if ends else known

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
        for name in ("ip", "src"):
            row[name] = packed_ip(row[name]) if row[name] is not None else None
        if self.slot is not None:
            row |= self.slot.wire()
        return {name: value for name, value in row.items() if value is not None}


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


@dataclass(frozen=True, kw_only=True)
class ProtocolOffload:
    """What the device answers or sends in the host's name. Use the makers below; `wire` leaves out what is not set."""

    id: int
    ip: str
    """The host's address."""
    mac: bytes
    """The host's MAC address: the one put into replies, 6 bytes."""
    type: OffloadType = OffloadType.ARP
    remote: str | None = None
    """ARP: answer this asker only, None is any. The group, or the other end, of the types that have one."""
    flags: int | None = None
    ip2: str | None = None
    """NS: a second address."""
    data: bytes | None = None
    """UDP: the payload; DHCP: the client id; mDNS: the record's data."""
    name: bytes | None = None
    """mDNS: the record's name in wire form, not compressed, up to 64 bytes."""
    rrtype: int | None = None
    """mDNS: the record's type."""
    ttl_s: int | None = None
    """mDNS: real seconds; None is 120."""
    xid: int | None = None
    """DHCP: the first renewal's; each further one counts up."""
    lease_s: int | None = None
    options: bytes | None = None
    """DHCP: mask, routers, name servers and routes that the host has, as they stood in the ACK (RFC 2132), up to 64 bytes: an
    ACK with others wakes. None: what the first ACK says."""
    t1_s: int | None = None
    """DHCP: renewal begins so many specification seconds after the lease did; None is half of it."""
    next_hop_mac: bytes | None = None
    next_hop_ip: str | None = None
    """NAT-T, UDP, DHCP: the address whose announcements of another MAC are taken; None is nobody's."""
    vlan_tci: int | None = None
    """As that of a TcpSlot: the offload hears this VLAN alone, and answers in it."""
    local_port: int | None = None
    remote_port: int | None = None
    interval_ms: int | None = None
    """Specification milliseconds."""
    elapsed_ms: int | None = None
    """Specification milliseconds that passed since the host last sent (or got) it."""

    @classmethod
    def group(cls, offload_id: int, *, ip: str, mac: bytes, group: str) -> ProtocolOffload:
        """Reports for one IGMP or MLD group; `ip` is the host's IPv4, or its link-local IPv6 address."""
        return cls(id=offload_id, type=OffloadType.GROUP, ip=ip, mac=mac, remote=group)

    @classmethod
    def natt(cls, offload_id: int, *, ip: str, mac: bytes, remote: str, next_hop_mac: bytes, interval_ms: int) -> ProtocolOffload:
        """One byte 0xFF between ports 4500 at an interval."""
        return cls(
            id=offload_id,
            type=OffloadType.NATT,
            ip=ip,
            mac=mac,
            remote=remote,
            next_hop_mac=next_hop_mac,
            interval_ms=interval_ms,
        )

    def wire(self) -> dict[str, Any]:
        row = {field.name: getattr(self, field.name) for field in fields(self)}
        row["type"] = int(self.type)
        for name in ("ip", "ip2", "remote", "next_hop_ip"):
            row[name] = packed_ip(row[name]) if row[name] is not None else None
        return {name: value for name, value in row.items() if value is not None}


@dataclass(frozen=True)
class OffloadInfo:
    """A protocol offload in the device's list."""

    id: int
    type: OffloadType
    answered: int
    lease_s: int = 0
    """Specification seconds that a DHCP lease has left; 0 when it has ended, and for the other types."""

    @classmethod
    def of(cls, row: Sequence[int]) -> OffloadInfo:
        return cls(row[0], OffloadType(row[1]), *row[2:4])
