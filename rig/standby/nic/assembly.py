"""The driver made of its parts, in the host's namespace."""

from __future__ import annotations

import socket
from collections.abc import Callable

from rig.clock import Clock
from rig.device.link import Link
from rig.errors import RigError
from rig.net.gate import Gate
from rig.standby.nic.driver import NicDriver
from rig.standby.nic.journal import Journal
from rig.standby.nic.label_watch import LabelWatch
from rig.standby.nic.loop import Loop
from rig.standby.nic.next_hop import NextHops
from rig.standby.nic.place import Place
from rig.standby.nic.settings import DriverSettings
from rig.standby.nic.steps import Inject, no_fault
from rig.standby.nic.tcp_slots import KeepAlive, TcpSlots
from rig.standby.nic.ts_watch import TsWatch
from rig.standby.wire.message import Notice
from rig.timeline import TimelineWriter


def make_driver(
    settings: DriverSettings,
    link: Link,
    loop: Loop,
    timeline: TimelineWriter,
    tell: Callable[[Notice], None],
    journal: Journal | None = None,
    inject: Inject = no_fault,
    place: Place | None = None,
) -> NicDriver:
    """The calling thread is in the host's namespace, and `link` is pumped by it."""
    ts_watch, label_watch = TsWatch(settings.interface), LabelWatch(settings.interface)
    slots = TcpSlots(
        clock=Clock(settings.minute_us),
        local_mac=settings.local_mac,
        keep_alive=KeepAlive(settings.probe_retry_min, settings.probes),
        learn_next_hop=settings.learn_next_hop,
        ts_recent_of=ts_watch.ts_recent,
    )
    return NicDriver(
        settings,
        link=link,
        gate=Gate(settings.wire_ns_fd, settings.mac, device_port=settings.device_port, bridge=settings.bridge),
        loop=loop,
        timeline=timeline,
        slots=slots,
        next_hops=NextHops(socket.if_nametoindex(settings.interface)),
        watches=(ts_watch, label_watch),
        tell=tell,
        journal=journal,
        inject=inject,
        place=place or Place(),
    )


def hear_line(link: Link, loop: Loop) -> None:
    """The serial line is readable. What it says is answered before anything else is looked at."""
    try:
        link.hear()
    except RigError:  # the port is gone: every request says so
        loop.unwatch(link.fileno())


def read_line(link: Link, loop: Loop) -> float | None:
    """Take what has come over the serial line; returns the seconds after which to do it again at the latest."""
    try:
        return link.pump()
    except RigError:  # the port is gone: every request says so
        loop.unwatch(link.fileno())
        return None
