"""Protocol offloads: what the device answers or sends in the host's name, and how it lists them (firmware/proto/offload.cddl)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from rig.device.numbers import OffloadType
from rig.device.packed_address import given


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
        return given(row, "ip", "ip2", "remote", "next_hop_ip")


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
