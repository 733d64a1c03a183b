"""The hosts that a service knows, each with its mailbox, and whether it is there (RAW-012)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from rig.peers.push_service.channels import Channel
from rig.peers.push_service.clock import MINUTE_MS
from rig.peers.push_service.host_line import HostLine
from rig.peers.push_service.mailbox import BATCH_MIN, Mailbox
from rig.timeline import TimelineWriter

TEMPORARY_MIN = 5.0
"""Minutes of the bench's clock for which a host counts as away for a moment only. Nobody documents how long WNS waits."""
HOSTS = 1000
"""Most that are known at a time: no stranger fills the service with hosts."""


class Presence(StrEnum):
    """X-WNS-DeviceConnectionStatus."""

    CONNECTED = "connected"
    TEMPORARILY = "tempconnected"
    """Its line was lost not long ago, and it has not said goodbye."""
    DISCONNECTED = "disconnected"


@dataclass(eq=False)
class Host:
    """`lost_ms`: when its line was, on the service's clock; None where it has said goodbye, or was never there."""

    id: str
    mailbox: Mailbox
    line: HostLine | None = None
    lost_ms: int | None = None
    temporary_min: float = TEMPORARY_MIN

    def presence(self, now_ms: int) -> Presence:
        if self.line is not None:
            return Presence.CONNECTED
        if self.lost_ms is not None and now_ms < self.lost_ms + self.temporary_min * MINUTE_MS:
            return Presence.TEMPORARILY
        return Presence.DISCONNECTED

    def lost(self, now_ms: int | None) -> None:
        """`now_ms`: None when it went on purpose."""
        self.line = None
        self.lost_ms = now_ms
        self.mailbox.disconnect()


class Hosts:
    def __init__(self, timeline: TimelineWriter, has_channels: Callable[[str], bool]) -> None:
        self.batch_min = BATCH_MIN
        self._has_channels = has_channels
        self._timeline = timeline
        self._hosts: dict[str, Host] = {}

    def all(self) -> list[Host]:
        return list(self._hosts.values())

    def of(self, channel: Channel) -> Host:
        host = self.named(channel.host)
        assert host is not None, "a host with a channel is not forgotten"
        return host

    def get(self, name: str) -> Host | None:
        """One that is known."""
        return self._hosts.get(name)

    def named(self, name: str) -> Host | None:
        """One that is met for the first time, too. None: there are too many."""
        if name not in self._hosts and self._has_room():
            self._hosts[name] = Host(name, Mailbox(self._timeline, lambda: self.batch_min))
        return self._hosts.get(name)

    def _has_room(self) -> bool:
        """One that is gone, has no channels, and was never sent anything, is forgotten for it."""
        if len(self._hosts) >= HOSTS:
            idle = (host for host in self._hosts.values() if host.line is None and host.mailbox.is_unused)
            if (forgotten := next((host for host in idle if not self._has_channels(host.id)), None)) is not None:
                del self._hosts[forgotten.id]
        return len(self._hosts) < HOSTS
