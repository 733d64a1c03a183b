"""What the system knows of the driver of the offload device: it registers what may sleep, says when, and hears what came of it.

The driver knows no app and no channel: a connection or pattern has a key, which the system chooses and never gives to another
one, and names, which the driver writes into the timeline and does not look at. The way of a wake to SIGCONT is the driver's
alone: it writes NIC_WAKE, SLEEP_EXIT and, for the processes that it continues, APP_RESUME before it says `Woke`. It writes
SLEEP_ENTER, GATE_CLOSED, HANDOFF and all else between them, too, and NIC_PATTERN_ADD, NIC_PATTERN_DEL and NIC_REFUSED. Why the
host does not sleep is the system's to write: SLEEP_REFUSED, which names who is not idle, and SLEEP_FAILED. When the device has
lost what it held, the driver gives it everything again by itself, and says `Lost` of what it would not have.

Every method may take as long as the device does. Whoever calls need not know what the driver is at: while the device still
settles after a wake, `reserve`, `give_back`, `add_pattern`, `remove_pattern`, `enter` and `request` wait for that by themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from rig.device.pattern import Pattern
from rig.device.payload import PayloadKeepAlive, PayloadState
from rig.device.tcp_slot import SlotRef
from rig.standby.wire.nic import DeviceRestarted, Entered, Held, LeaseExpired, Lost, NoMoreTokens, NotIdle, Settled, Woke


@dataclass(frozen=True, kw_only=True)
class ConnectionToOffload:
    """A TCP connection that the device is to keep while the host sleeps. `fd` stays its owner's; the driver keeps a duplicate."""

    key: str
    fd: int
    names: Mapping[str, Any]
    """What the timeline calls its owner."""
    network_minutes: int
    payload: PayloadKeepAlive | None = None
    """What the device sends in place of probes."""
    resume: tuple[int, ...] = ()
    """Processes that get SIGCONT when it wakes the host."""


@dataclass(frozen=True, kw_only=True)
class PatternToOffload:
    """A frame that wakes the host from any sleep."""

    key: str
    names: Mapping[str, Any]
    """What the timeline calls its owner."""
    pattern: Pattern
    """Its number is the driver's to choose, whatever it says."""
    resume: tuple[int, ...] = ()
    """Processes that get SIGCONT when it wakes the host."""


DriverNotice: TypeAlias = Woke | Settled | Lost | NoMoreTokens | DeviceRestarted | LeaseExpired


class Driver(Protocol):
    """Raises what the device or the way to it raises: DeviceError, BenchError (RIG-N23: the connection is over).

    Calls are done one after another, in the order in which they are made.
    """

    def subscribe(self, hear: Callable[[DriverNotice], None]) -> None:
        """Hand every notice to `hear`, on the loop, in the order in which things happened; those of before have waited."""

    async def reserve(self, connection: ConnectionToOffload) -> SlotRef:
        """Put it into the device's table; its state follows at entry. One key twice: the newer replaces the older."""

    async def give_back(self, key: str) -> None:
        """Free its slot and forget it. A key that is not held is given back already."""

    async def update(self, key: str, *, network_minutes: int, payload: PayloadKeepAlive | None, resume: tuple[int, ...]) -> None:
        """From the next entry on. The same payload again goes on where it was; another one begins anew."""

    async def payload_state(self, key: str) -> PayloadState | None:
        """How far its payload keep-alive is; None when it has none or the key is not held."""

    async def stop_payload(self, key: str) -> PayloadState | None:
        """The device sends none of its payload keep-alive from now on; how far it came, the same again when asked again. None:
        nobody knows. Raises HostError INVALID_STATE while the host sleeps, or is about to wake."""

    async def add_pattern(self, pattern: PatternToOffload) -> None:
        """Put it into the device; it stays there until it is removed. A key that is held gets this one in place of the old; the
        same pattern again only changes whom it continues, and does not ask the device."""

    async def remove_pattern(self, key: str) -> None:
        """A key that is not held is removed already."""

    async def enter(self, keys: list[str], wake_timer_ms: int) -> Entered | NotIdle:
        """One attempt to fall asleep with these connections; the device wakes the host after `wake_timer_ms` of its own time
        at the latest. `Woke` may be read before the answer is. After any failure the host is awake. BenchError RIG-R26: the
        driver ended on the way, or the host was woken after this was asked, and `Woke` tells."""

    async def wake(self, cause: str) -> None:
        """End the sleep; returns when the host is awake. Nothing happens to a host that is."""

    async def held(self) -> Held:
        """Asked once, before anything else: see `GetHeld`."""

    def adopt(self, key: str, fd: int) -> None:
        """Its descriptor, of a connection that the driver holds since the system before this one: one of the two may be started
        anew, and the other gives it again."""

    async def request(
        self, op: int, group: int, command: int, body: Mapping[str, Any], *, timeout_s: float, retries: int
    ) -> dict[str, Any]:
        """A request of the bench's own to the device."""

    async def link_stats(self) -> dict[str, int]:
        """Counters of the control channel."""
