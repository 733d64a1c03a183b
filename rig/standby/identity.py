"""What the device answers in the sleeping host's name: address resolution and ping, for each address that the host has.

IPv6 addresses are read from the kernel before every sleep, as they come and go by themselves. An address that is not
(yet) the host's is left out: tentative ones, whose duplicate address detection the host goes on with when it is awake,
and failed ones, which are somebody else's.
"""

from __future__ import annotations

from ipaddress import IPv6Address
from pathlib import Path

from rig.device.numbers import NsFlag, OffloadType
from rig.device.offload import OffloadClient
from rig.device.offload_types import ProtocolOffload

FIRST_ID = 0x5200_0000
"""Far from the small numbers that tests and people choose."""

IFA_F_DADFAILED, IFA_F_TENTATIVE = 0x08, 0x40
"""if_addr.h"""


class Identity:
    """Keeps the device's protocol offloads equal to what the host is. Lives in the host's namespace."""

    def __init__(self, client: OffloadClient, interface: str, mac: bytes, ipv4: str) -> None:
        self._client = client
        self._interface = interface
        self._mac = mac
        self._ipv4 = ipv4
        self._given: list[ProtocolOffload] = []

    def refresh(self) -> None:
        """Bring the device up to date; no exchange when nothing has changed. Raises DeviceError."""
        wanted = self._offloads()
        if wanted == self._given:
            return
        while self._given:
            self._client.remove_offload(self._given.pop().id)
        for offload in wanted:
            self._client.add_offload(offload)
            self._given.append(offload)

    def forget(self) -> None:
        """The device starts afresh and has none of them."""
        self._given.clear()

    def _offloads(self) -> list[ProtocolOffload]:
        flags = int(self._flags())
        addresses = [(self._ipv4, OffloadType.ARP, None)] if self._ipv4 else []
        found = [(ip, OffloadType.NS, flags) for ip in ipv6_addresses(self._interface)]
        offloads: list[ProtocolOffload] = []
        for ip, resolution, resolution_flags in [*addresses, *found]:
            for kind, kind_flags in ((resolution, resolution_flags), (OffloadType.ECHO, None)):
                number = FIRST_ID + len(offloads)
                offloads.append(ProtocolOffload(id=number, ip=ip, mac=self._mac, type=kind, flags=kind_flags))
        return offloads

    def _flags(self) -> NsFlag:
        """A host that forwards says so in advertisements; one that listens to routers is woken when they change."""
        flags = NsFlag(0)
        if self._setting("forwarding"):
            flags |= NsFlag.ROUTER
        if self._setting("accept_ra"):
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
