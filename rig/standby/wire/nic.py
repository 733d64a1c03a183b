"""What the system asks of the driver of the offload device, and what the driver says by itself (rig/standby/system/driver.py).

Connections and patterns go by keys that the system chooses; `names` is what the timeline calls their owner.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import msgspec

from rig.device.pattern import Pattern
from rig.device.payload import PayloadKeepAlive, PayloadState
from rig.device.tcp_slot import SlotRef
from rig.standby.wire.message import Call, Notice

Names: TypeAlias = Mapping[str, str | int]


class Reserve(Call[SlotRef], frozen=True):
    """With the descriptor of an established connection. NIC_PATTERN_ADD tells that the device has a slot for it.

    Refused, NIC_REFUSED tells: DeviceError; BenchError RIG-N10 and N22 the next hop is not known, N13 signed segments, N14
    another interface's, N23 the connection is over.
    """

    key: str
    names: Names
    network_minutes: int
    """Interval of the keep-alives below the app."""
    payload: PayloadKeepAlive | None = None
    """Bytes of the app's own protocol in place of probes."""
    resume: tuple[int, ...] = ()
    """Processes that get SIGCONT when it wakes the host."""


class Adopt(Call[None], frozen=True):
    """With the descriptor of a connection that the driver had before it was started anew: it knows the rest."""

    key: str


class GiveBack(Call[None], frozen=True):
    """The connection is nobody's any more. NIC_PATTERN_DEL tells; a key that is not known is no fault."""

    key: str


class Update(Call[None], frozen=True):
    """From the next entry on. The same payload again goes on where it was; another one begins anew."""

    key: str
    network_minutes: int
    payload: PayloadKeepAlive | None
    resume: tuple[int, ...]


class GetPayloadState(Call[PayloadState | None], frozen=True):
    """None: the connection has no payload keep-alive."""

    key: str


class StopPayload(Call[PayloadState | None], frozen=True):
    """The device sends none of it from now on, in any sleep, until another one is given by `Update`. The answer is how far it
    came, for good; asked again it is the same. None: it is not known, or there is none. HostError INVALID_STATE while the device
    has the connection."""

    key: str


class AddPattern(Call[None], frozen=True):
    """A frame that wakes, from the next sleep on. NIC_PATTERN_ADD tells. A key that is held gets
    this one in place of the old; the same pattern again only changes whom it continues. Refused, NIC_REFUSED tells: DeviceError
    LIST_FULL, BAD_ARG and what else the device says, NOT_ACCEPTED while the host sleeps."""

    key: str
    names: Names
    pattern: Pattern
    """Its number is the driver's to choose, whatever it says."""
    resume: tuple[int, ...] = ()
    """Processes that get SIGCONT when it wakes the host."""


class RemovePattern(Call[None], frozen=True):
    """It is nobody's any more. NIC_PATTERN_DEL tells; a key that is not known is no fault."""

    key: str


class Entered(msgspec.Struct, frozen=True, tag=True):
    """The host sleeps, SLEEP_ENTER tells."""


class NotIdle(msgspec.Struct, frozen=True, tag=True):
    """It does not, and everything is as before. The system knows the owner, and writes SLEEP_REFUSED."""

    key: str | None
    """Of the connection that has something unread or not acknowledged, or no slot: `Lost` has told."""
    reason: str


class Enter(Call[Entered | NotIdle], frozen=True):
    """Fall asleep with those connections. BenchError: it failed, and the host is awake. RIG-R26: the driver ended on the way; or
    it has said `Woke`, which the system had not heard when it asked: what came then may keep the host awake."""

    keys: list[str]
    wake_timer_ms: int
    """Specification milliseconds after which the device wakes the host; 0: only for its lease."""
    woke_told_ns: int = 0
    """`told_ns` of the last `Woke` that the system had heard, or was told of by `Held`, when it asked."""


class Wake(Call[None], frozen=True):
    """The host is on the network when the answer comes. Nothing when it is awake. `Settled` follows."""

    cause: str


class Held(msgspec.Struct, frozen=True):
    """What the driver holds."""

    asleep: bool
    slots: dict[str, SlotRef]
    """Of its connections, by key."""
    patterns: list[str] = []
    """Keys."""
    woke_told_ns: int = 0
    """`told_ns` of the last `Woke`, 0 before the first: the system that heard it may be gone."""


class GetHeld(Call[Held], frozen=True):
    """The first call of each system. Calls that wait for descriptors then are of a system before it: they are refused, RIG-R26,
    as they would change what is held behind its back; but for a `Wake`, of which `Woke` tells."""


class PassThroughRequest(Call[dict[str, Any]], frozen=True):
    """A request of the bench to the device; the answer is the device's."""

    op: int
    group: int
    command: int
    body: dict[str, Any]
    timeout_s: float
    retries: int


class LinkStats(Call[dict[str, int]], frozen=True):
    """Counters of the control channel."""


ToDriver: TypeAlias = (
    Reserve
    | Adopt
    | GiveBack
    | Update
    | GetPayloadState
    | StopPayload
    | AddPattern
    | RemovePattern
    | Enter
    | Wake
    | GetHeld
    | PassThroughRequest
    | LinkStats
)


class Adopting(Notice, frozen=True):
    """The driver was started anew and knows these connections, but has not their descriptors: each is to be answered by an
    `Adopt`, or by a `GiveBack` of one that the system does not know. Until then it serves nothing else but `GetHeld`, after
    which it says this again: the system may be a new one, too. Other calls wait."""

    keys: list[str]


class Woke(Notice, frozen=True):
    """Once for each sleep. A driver that was started anew says it again when it cannot know whether the one before did; an
    `Enter` may be on its way then. It comes before frames are back in, and before the SIGCONT of those that it names."""

    reason: str
    """Name of a WakeReason, "0x4099" for one that this rig does not know, or the cause of `Wake`."""
    key: str | None
    """Connection or pattern."""
    resumed: tuple[int, ...]
    """Processes that get their SIGCONT; APP_RESUME is written."""
    told_ns: int
    """CLOCK_MONOTONIC when it was said: later ones are greater, of whichever driver."""


class Settled(Notice, frozen=True):
    """The device is released and takes slots again."""


class Lost(Notice, frozen=True):
    """The connection is of no more use: nobody knows any more what was sent on it last, or the device, which had forgotten it,
    would not have it again, and nobody would keep it while the host sleeps. Or a pattern that the device would not have again:
    it wakes nobody. It is held until it is given back, or removed."""

    key: str


class NoMoreTokens(Notice, frozen=True):
    """The payload keep-alive of the connection has used up what it is made of: the app has to make more."""

    key: str


class DeviceRestarted(Notice, frozen=True):
    """The device lost all that it held, and has it again."""

    boot_id: int


class LeaseExpired(Notice, frozen=True):
    """The device took the host for dead and freed everything, and has it again."""


FromDriver: TypeAlias = Adopting | Woke | Settled | Lost | NoMoreTokens | DeviceRestarted | LeaseExpired
