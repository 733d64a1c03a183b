"""What the system knows of the driver of the offload device: it registers what may sleep, says when, and hears what came of it.

The driver knows no app and no channel: a connection has a key, which the system chooses and never gives to another one, and
names, which the driver writes into the timeline and does not look at. The way of a wake to SIGCONT is the driver's alone: it
writes NIC_WAKE, SLEEP_EXIT and, for the processes that it continues, APP_RESUME before it says `Woke`. It writes SLEEP_ENTER,
GATE_CLOSED, HANDOFF and all else between them, too.

Every method may take as long as the device does. Whoever calls need not know what the driver is at: while the device still
settles after a wake, `reserve`, `give_back`, `enter` and `request` wait for that by themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

from rig.device.offload_types import SlotRef
from rig.device.payload import PayloadKeepAlive, PayloadState


@dataclass(frozen=True, kw_only=True)
class OffloadedConnection:
    """A TCP connection that the device is to keep while the host sleeps. `fd` stays its owner's; the driver keeps a duplicate."""

    key: str
    fd: int
    names: Mapping[str, str]
    """What the timeline calls its owner: {"app": ..., "channel": ...}."""
    network_minutes: int
    payload: PayloadKeepAlive | None = None
    """What the device sends in place of probes."""
    resume: tuple[int, ...] = ()
    """Processes that get SIGCONT when it wakes the host."""


@dataclass(frozen=True)
class Entered:
    """The host sleeps. It may wake before anybody reads this: `Woke` says so, in whatever order the two are read."""


@dataclass(frozen=True)
class NotIdle:
    """Entry would have torn something: all is as before. `key`: the connection that is not idle, None when it is none."""

    key: str | None
    reason: str


@dataclass(frozen=True)
class Held:
    """What the driver holds, for a system that has been started anew."""

    asleep: bool
    slots: Mapping[str, SlotRef] = field(default_factory=dict)


@dataclass(frozen=True)
class Woke:
    """Once for each sleep that began, whatever ended it. `reason`: a WakeReason's name, or the cause given to `wake`."""

    reason: str
    key: str | None = None
    resumed: tuple[int, ...] = ()
    """Processes that the driver has continued already."""


@dataclass(frozen=True)
class Settled:
    """After a wake: the device is released and takes slots again."""


@dataclass(frozen=True)
class Lost:
    """Nobody knows what the device sent on it last: it cannot be used any more. Its slot is still to be given back."""

    key: str


@dataclass(frozen=True)
class NoMoreTokens:
    """The connection's payload keep-alive is used up; until there is a new one the device sends probes. Follows a `Woke`."""

    key: str


@dataclass(frozen=True)
class DeviceRestarted:
    """The device lost all that it held, and is attached anew. A host that slept is awake: `Woke` came before."""

    boot_id: int


@dataclass(frozen=True)
class LeaseExpired:
    """The device took the host for dead and freed everything; as `DeviceRestarted` otherwise."""


DriverNotice: TypeAlias = Woke | Settled | Lost | NoMoreTokens | DeviceRestarted | LeaseExpired


class Driver(Protocol):
    """Raises what the device or the way to it raises: DeviceError, BenchError; OSError for a connection that is gone."""

    def subscribe(self, hear: Callable[[DriverNotice], None]) -> None:
        """Hand every notice to `hear`, on the loop, in the order in which things happened; those of before have waited."""

    async def reserve(self, connection: OffloadedConnection) -> SlotRef:
        """Put it into the device's table; its state follows at entry. One key twice: the newer replaces the older."""

    async def give_back(self, key: str) -> None:
        """Free its slot and forget it. A key that is not held is given back already."""

    async def update(self, key: str, *, network_minutes: int, payload: PayloadKeepAlive | None, resume: tuple[int, ...]) -> None:
        """From the next entry on. The same payload again goes on where it was; another one begins anew."""

    async def payload_state(self, key: str) -> PayloadState | None:
        """How far its payload keep-alive is; None when it has none or the key is not held."""

    async def enter(self, keys: list[str], wake_timer_ms: int) -> Entered | NotIdle:
        """One attempt to fall asleep with these connections; the device wakes the host after `wake_timer_ms` of its own time
        at the latest. After any failure all is as before."""

    async def wake(self, cause: str) -> None:
        """End the sleep; returns when the host is awake. Nothing happens to a host that is."""

    async def held(self) -> Held: ...

    async def request(
        self, op: int, group: int, command: int, body: Mapping[str, Any], *, timeout_s: float, retries: int
    ) -> dict[str, Any]:
        """A request of the bench's own to the device."""

    async def link_stats(self) -> dict[str, int]:
        """Counters of the control channel."""
