"""The device's port of the switch, and the other end of its cable: what the device sends and receives with.

`pn` is one end of a veth whose other end `n0` a device that is a process reads and writes with AF_PACKET, or the TAP that QEMU
holds, or a NIC of this machine that a board's Ethernet is wired to.
"""

from __future__ import annotations

import fcntl
import os
import socket
import struct
from functools import partial
from pathlib import Path
from typing import Any

from rig.errors import BenchError, UsageError
from rig.net import links
from rig.net.borrowed_nic import BorrowedNic
from rig.net.changes import changes
from rig.net.namespace import Namespace

DEVICE_PORT, DEVICE_IFNAME = "pn", "n0"
PACKET_KINDS = ("native", "reference")
"""Devices that are processes with a packet socket on a cable of their own."""

DEVICE_PORT_MAC, DEVICE_MAC = "02:00:00:00:ff:fe", "02:00:00:00:ff:ff"

TUNSETIFF = 0x400454CA
IFF_TAP, IFF_NO_PI = 0x0002, 0x1000
"""if_tun.h"""

TUN = Path("/dev/net/tun")


class DevicePort:
    """`name` is the port's interface. Made by `borrow` and `lay`, and `open` once it is up; `close` gives all of it back."""

    def __init__(self, kind: str, nic: str = "", *, nic_force: bool = False) -> None:
        """`nic`: for a board, this machine's interface. `nic_force`: also one that is in use."""
        self.kind = kind
        self.name = nic or DEVICE_PORT
        self.tap_fd = -1
        self._nic_force = nic_force
        self._nic: BorrowedNic | None = None
        self._eth: socket.socket | None = None
        self._link: socket.socket | None = None

    def borrow(self, wire: Namespace) -> None:
        """A board's NIC, into the namespace. Raises what BorrowedNic does."""
        if self.kind == "board":
            self._nic = BorrowedNic(self.name, wire, force=self._nic_force)

    def lay(self, route: Any) -> None:
        """The cable, both ends up, in the calling thread's namespace. Raises BenchError RIG-N03 (no TAP)."""
        if self.kind == "qemu":
            self.tap_fd = _open_tap(DEVICE_PORT)
        elif self.kind in PACKET_KINDS:
            links.add_veth(route, DEVICE_PORT, DEVICE_PORT_MAC, DEVICE_IFNAME, DEVICE_MAC)
            links.offloads_off(DEVICE_PORT)
            links.offloads_off(DEVICE_IFNAME)
            links.set_up(DEVICE_IFNAME, arp=False)
        links.set_up(self.name)

    def open(self, wire: Namespace) -> None:
        """The sockets of a device that is a process."""
        if self.kind in PACKET_KINDS:
            self._eth = wire.packet_socket(DEVICE_IFNAME)
            self._link = wire.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
            self._link.bind((0, links.RTMGRP_LINK))

    @property
    def eth(self) -> socket.socket:
        """The native device's Ethernet: a raw socket on n0, bound. One for the port's life, owned by it."""
        if self._eth is None:
            raise UsageError("RIG-C02", f"a network for device kind {self.kind!r} has no Ethernet socket")
        return self._eth

    @property
    def link(self) -> socket.socket:
        """Where the native device hears that its link came or went. Owned by the port."""
        if self._link is None:
            raise UsageError("RIG-C02", f"a network for device kind {self.kind!r} has no link socket")
        return self._link

    def close(self) -> None:
        """A second call does nothing."""
        for sock in (self._eth, self._link):
            if sock is not None:
                sock.close()
        if self.tap_fd >= 0:
            os.close(self.tap_fd)
            self.tap_fd = -1
        nic, self._nic = self._nic, None
        if nic is not None:
            nic.give_back()


class Cable:
    """A device's port in a namespace of its own, and nobody else there: for tests that are both ends of the wire themselves."""

    def __init__(self, kind: str, nic: str = "", *, nic_force: bool = False) -> None:
        """Raises BenchError RIG-N01, N02 (no right to namespaces), N03 (no TAP), N06, and of a NIC what BorrowedNic does."""
        self.wire = Namespace("wire")
        self.port = DevicePort(kind, nic, nic_force=nic_force)
        try:
            self.port.borrow(self.wire)
            self.wire.run(partial(_lay, self.port))
            self.port.open(self.wire)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """A second call does nothing."""
        try:
            self.port.close()
        finally:
            self.wire.close()


def _lay(port: DevicePort) -> None:
    links.quiet_ipv6(enabled=False)
    with changes() as route:
        port.lay(route)
        links.wait_operational([port.name])


def _open_tap(name: str) -> int:
    """A TAP of this thread's namespace, without the packet information header. Raises BenchError RIG-N03."""
    try:
        fd = os.open(TUN, os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        raise _no_tap(error) from error
    try:
        fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI))
    except OSError as error:
        os.close(fd)
        raise _no_tap(error) from error
    return fd


def _no_tap(error: OSError) -> BenchError:
    if not TUN.exists():
        return BenchError(
            "RIG-N03", f"TAP is not available: {TUN} does not exist", "sudo modprobe tun   (or use --device native)"
        )
    mode = f"mode {TUN.stat().st_mode & 0o777:04o}, owner {TUN.stat().st_uid}"
    return BenchError(
        "RIG-N03",
        f"TAP is not available: {TUN} ({mode}): {os.strerror(error.errno or 0)}",
        "sudo rig ...   (or sudo chmod 0666 /dev/net/tun, or use --device native)",
    )
