"""What sleeps: connections and patterns that the device keeps for the host, each with a key that its owner knows it by."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rig.device.pattern import Pattern
from rig.device.tcp_slot import SlotRef
from rig.standby.nic.handoff import FrozenTcp
from rig.standby.nic.next_hop import NextHop
from rig.standby.nic.payload_keep_alive import PayloadOverSleeps


@dataclass
class OffloadedConnection:
    """An established TCP connection with a place in the device. `sock` is the driver's own descriptor of it."""

    key: str
    sock: socket.socket
    names: Mapping[str, Any]
    """What the timeline calls its owner."""
    network_minutes: int
    """Interval of the keep-alives below the app."""
    next_hop: NextHop
    slot: SlotRef | None
    """None: the device has forgotten it and would not have it again."""
    payload: PayloadOverSleeps | None = None
    """What the device sends in place of probes; None: probes."""
    resume: tuple[int, ...] = ()
    """Processes that get SIGCONT when it wakes the host."""


@dataclass
class OffloadedPattern:
    """A frame that wakes the host. `pattern` as its owner gave it, but for the number."""

    key: str
    names: Mapping[str, Any]
    pattern: Pattern
    number: int | None
    """In the device. None: the device has forgotten it and would not have it again."""
    resume: tuple[int, ...] = ()
    """Processes that get SIGCONT when it wakes the host."""


@dataclass(frozen=True)
class FrozenConnection:
    """A connection in repair, and what its socket was then."""

    connection: OffloadedConnection
    tcp: FrozenTcp
