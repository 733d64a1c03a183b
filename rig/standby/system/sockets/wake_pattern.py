"""An extension of ours (`wake_listeners_and_datagrams`): what wakes the host for a socket that has no connection.

A listener is woken for by a SYN to its port, a datagram socket by a datagram to its port. The driver puts the waking frame in at
the host's port, as any other: the host's kernel answers the SYN, and the socket has the datagram.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import Any

from rig.device.pattern import Pattern
from rig.standby.system.driver import Driver, PatternToOffload
from rig.standby.system.numbers import Numbers
from rig.standby.system.reservation import Reservation

ANY = ("0.0.0.0", "::")


class WakePattern(Reservation):
    """In the driver, by its key; as a Reservation otherwise."""

    async def add(self, driver: Driver, numbers: Numbers, names: Mapping[str, Any], pattern: Pattern) -> None:
        """Also again, for a driver that does not have it any more."""
        if self.key is None:
            self.key = numbers.next_key("pattern")
        await driver.add_pattern(PatternToOffload(key=self.key, names=names, pattern=pattern))

    async def give_back(self, driver: Driver) -> None:
        if self.key is not None:
            await driver.remove_pattern(self.key)
            self.key = None


def pattern_for(sock: socket.socket) -> Pattern:
    """Of a socket that listens, or is bound."""
    address, port = sock.getsockname()[:2]
    to = None if address in ANY else address.partition("%")[0]
    if sock.type == socket.SOCK_DGRAM:
        return Pattern.udp(0, port, ip=to)
    return Pattern.syn(0, ip=to, port=port, version=6 if sock.family == socket.AF_INET6 else 4)
