"""What the device answers in the sleeping host's name: address resolution and ping, for each address that the host has, and
membership reports for each multicast group.

Addresses and groups are read from the kernel before every sleep, as they come and go by themselves. An address that is not
(yet) the host's is left out: tentative ones, whose duplicate address detection the host goes on with when it is awake,
and failed ones, which are somebody else's.

The device's table may be small, or it may have one for each type. What fits is given, in this order: resolution of every address
(ARP, then NS), without which nobody finds the host; echo; groups; of one type, who was there first. What finds no room is written
down (OFFLOAD_REFUSED, GROUP_REFUSED), and nobody answers that for the sleeping host. What was given gives way when one that comes
before it needs the room.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv6Address
from pathlib import Path

from rig.device.codes import NO_SUCH_COMMAND, says
from rig.device.numbers import NsFlag, OffloadRc, OffloadType
from rig.device.offload import OffloadClient
from rig.device.offload_types import ProtocolOffload
from rig.errors import DeviceError
from rig.standby.nic.memberships import ipv4_groups, ipv6_groups
from rig.timeline import TimelineWriter

FIRST_ID = 0x5200_0000
"""Far from the small numbers that tests and people choose."""
NO_ID = 0
"""Of an offload that is wanted and not given yet."""

LESSER: dict[OffloadType, tuple[OffloadType, ...]] = {
    OffloadType.ARP: (OffloadType.ECHO, OffloadType.GROUP),
    OffloadType.NS: (OffloadType.ECHO, OffloadType.GROUP),
    OffloadType.ECHO: (OffloadType.GROUP,),
}
"""Those that give way to one of this type."""

ACCEPT_RA_ALWAYS = 2

IFA_F_DADFAILED, IFA_F_TENTATIVE = 0x08, 0x40
"""if_addr.h"""


class ProtocolOffloads:
    """Keeps the device's protocol offloads equal to what the host is. Lives in the host's namespace."""

    def __init__(self, client: OffloadClient, interface: str, mac: bytes, ipv4: str, timeline: TimelineWriter) -> None:
        self._client = client
        self._interface = interface
        self._mac = mac
        self._ipv4 = ipv4
        self._timeline = timeline
        self._wanted: list[ProtocolOffload] = []
        self._given: dict[int, ProtocolOffload] = {}
        self._full: set[OffloadType] = set()
        """Types of which the device takes no more, as it said in this refresh."""
        self._unknown: set[OffloadType] = set()
        """Types that the device does not know: nobody answers for the sleeping host then."""

    def refresh(self) -> None:
        """Bring the device up to date: one exchange for each change, none without. Raises DeviceError."""
        wanted = [offload for offload in (*self._of_addresses(), *self._of_groups()) if offload.type not in self._unknown]
        if wanted == self._wanted:
            return
        self._wanted, self._full = [], set()
        for number in [number for number, offload in self._given.items() if offload not in wanted]:
            self._remove(number)
        for offload in wanted:
            if offload not in self._given.values():
                self._add(offload)
        self._wanted = [offload for offload in wanted if offload.type not in self._unknown]

    def forget(self) -> None:
        """The device starts afresh and has none of them."""
        self._wanted = []
        self._given.clear()
        self._unknown.clear()

    def adopt(self) -> None:
        """What the device has of a driver before this one, nobody knows what it is of: it gives way at the next refresh."""
        unknown = ProtocolOffload(id=NO_ID, ip="0.0.0.0", mac=bytes(6), type=OffloadType.ARP)
        self._wanted = []
        self._given = {offload.id: unknown for offload in self._client.offloads() if offload.id >= FIRST_ID}

    def _add(self, offload: ProtocolOffload) -> None:
        if offload.type in self._unknown:
            return
        if offload.type in self._full:
            self._refused(offload, OffloadRc.LIST_FULL.name)
            return
        number = next(n for n in range(FIRST_ID, FIRST_ID + len(self._given) + 1) if n not in self._given)
        try:
            self._add_as(number, offload)
        except DeviceError as error:
            if says(error, OffloadRc.UNSUPPORTED) or error.name == NO_SUCH_COMMAND:
                self._unknown.add(offload.type)
                self._timeline.add("OFFLOAD_UNKNOWN", type=offload.type.name)
            elif says(error, OffloadRc.LIST_FULL):
                self._no_room(offload)
            elif offload.type is OffloadType.GROUP:
                self._refused(offload, error.name)
            else:
                raise
        else:
            self._given[number] = offload

    def _no_room(self, offload: ProtocolOffload) -> None:
        """All that come behind it in the order give way: their own turn comes, and those that fit are given anew."""
        lesser = [number for number, given in self._given.items() if given.type in LESSER.get(offload.type, ())]
        if lesser:
            for number in lesser:
                self._remove(number)
            self._add(offload)
            return
        self._full.add(offload.type)
        self._refused(offload, OffloadRc.LIST_FULL.name)

    def _add_as(self, number: int, offload: ProtocolOffload) -> None:
        """A number that the device has and we do not is of an offload whose reply was lost: it gives way."""
        try:
            self._client.add_offload(replace(offload, id=number))
        except DeviceError as error:
            if not says(error, OffloadRc.DUP_ID):
                raise
            self._client.remove_offload(number)
            self._client.add_offload(replace(offload, id=number))

    def _refused(self, offload: ProtocolOffload, error: str) -> None:
        if offload.type is OffloadType.GROUP:
            self._timeline.add("GROUP_REFUSED", group=offload.remote, error=error)
        else:
            self._timeline.add("OFFLOAD_REFUSED", type=offload.type.name, address=offload.ip, error=error)

    def _remove(self, number: int) -> None:
        """It may be gone already, when the reply to an earlier try was lost."""
        try:
            self._client.remove_offload(number)
        except DeviceError as error:
            if not says(error, OffloadRc.NOT_FOUND):
                raise
        del self._given[number]

    def _of_addresses(self) -> Iterator[ProtocolOffload]:
        flags = int(self._flags())
        ipv6 = ipv6_addresses(self._interface)
        if self._ipv4:
            yield ProtocolOffload(id=NO_ID, ip=self._ipv4, mac=self._mac, type=OffloadType.ARP)
        for ip in ipv6:
            yield ProtocolOffload(id=NO_ID, ip=ip, mac=self._mac, type=OffloadType.NS, flags=flags)
        for ip in [self._ipv4, *ipv6] if self._ipv4 else ipv6:
            yield ProtocolOffload(id=NO_ID, ip=ip, mac=self._mac, type=OffloadType.ECHO)

    def _of_groups(self) -> Iterator[ProtocolOffload]:
        """MLD reports come from a link-local address (RFC 3810 section 5.2.13): without one there are none."""
        link_local = next((ip for ip in ipv6_addresses(self._interface) if IPv6Address(ip).is_link_local), "")
        for ip, groups in ((self._ipv4, ipv4_groups(self._interface)), (link_local, ipv6_groups(self._interface))):
            for group in groups if ip else []:
                yield ProtocolOffload.group(NO_ID, ip=ip, mac=self._mac, group=group)

    def _flags(self) -> NsFlag:
        """A host that forwards says so in advertisements; one that listens to routers gets their news, and hears what they
        repeat before it is too old. accept_ra 1 is "unless forwarding" (ip-sysctl.rst): such a host listens to none.
        """
        flags = NsFlag(0)
        forwarding, accept_ra = self._setting("forwarding"), self._setting("accept_ra")
        if forwarding:
            flags |= NsFlag.ROUTER
        if accept_ra == ACCEPT_RA_ALWAYS or (accept_ra and not forwarding):
            flags |= NsFlag.RA_WAKE
        return flags

    def _setting(self, name: str) -> int:
        """Of the interface; 0 where the host has no IPv6."""
        try:
            return int(Path(f"/proc/sys/net/ipv6/conf/{self._interface}/{name}").read_text())
        except FileNotFoundError:
            return 0


def ipv6_addresses(interface: str) -> list[str]:
    """Addresses of the interface that are the host's own, as the kernel lists them."""
    try:
        rows = [line.split() for line in Path("/proc/thread-self/net/if_inet6").read_text().splitlines()]
    except FileNotFoundError:
        return []
    mine = [row for row in rows if row[5] == interface and not int(row[4], 16) & (IFA_F_TENTATIVE | IFA_F_DADFAILED)]
    return sorted(str(IPv6Address(bytes.fromhex(row[0]))) for row in mine)
