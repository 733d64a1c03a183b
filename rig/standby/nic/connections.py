"""What sleeps: connections and patterns that the device keeps for the host, each with a key that its owner knows it by."""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rig.device.pattern import Pattern
from rig.device.tcp_slot import SlotInfo, SlotRef
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
    heard_ns: int | None = None
    """When the device heard its peer last, in sleeps that are over, monotonic: the socket knows nothing of that."""

    def was_heard(self, slot: SlotInfo) -> None:
        """What the device says at the end of a sleep. Without an answer its age is that of the hand-over, which is no news."""
        if slot.ka_acked or slot.peer_ka_answered or slot.payloads_answered:
            self.heard_ns = time.monotonic_ns() - slot.last_rx_age_ms * 1_000_000

    def idle_ms(self, socket_idle_ms: int) -> int:
        """Real milliseconds since the peer was heard last, by the host or by the device."""
        if self.heard_ns is None:
            return socket_idle_ms
        return min(socket_idle_ms, (time.monotonic_ns() - self.heard_ns) // 1_000_000)


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
