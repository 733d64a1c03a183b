"""What a channel's set-up ends with: an ordered table, the first row that fits decides.

The order matters. A broker that is not ready can tell nothing else; a transport that is over needs no slot; a software slot while
the system enters standby is not to be had whether one is free or not. The device is asked last, and only when all else is well:
until then the answer is HARDWARE_SLOT_REQUESTED, which no app gets to see (CCT-026).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from rig.standby.system.channels.slots import SlotKind
from rig.standby.wire.statuses import ControlChannelTriggerStatus as Status


class Nic(Enum):
    """What the device says to the connection."""

    NOT_ASKED = "not asked"
    HOLDS_IT = "holds it"
    REFUSES = "refuses"


@dataclass(frozen=True)
class AtSetUp:
    """What a status depends on when a channel is waited for. `kind` is what the platform makes of the app's wish: a hardware
    request is a software one where there is no connected standby (CCT-018)."""

    kind: SlotKind
    available: bool = True
    reset: bool = False
    """The channel was reset since its transport was bound."""
    established: bool = True
    """The transport's connection is open both ways."""
    in_standby: bool = False
    no_slot: str | None = None
    """Why the policy gave none; None: it has one."""
    nic: Nic = Nic.NOT_ASKED


@dataclass(frozen=True)
class Row:
    why: str
    """The words of SLOT_DENY."""
    fits: Callable[[AtSetUp], bool]
    status: Status


ROWS = (
    Row("the broker is not ready", lambda now: not now.available, Status.SERVICE_UNAVAILABLE),
    Row("the channel was reset", lambda now: now.reset, Status.SERVICE_UNAVAILABLE),
    Row("the transport is over", lambda now: not now.established, Status.TRANSPORT_DISCONNECTED),
    Row("no software slots in standby", lambda now: _software(now) and now.in_standby, Status.SERVICE_UNAVAILABLE),
    Row("no slot", lambda now: now.no_slot is not None, Status.POLICY_ERROR),
    Row("software", lambda now: _software(now), Status.SOFTWARE_SLOT_ALLOCATED),
    Row("the device is to be asked", lambda now: now.nic is Nic.NOT_ASKED, Status.HARDWARE_SLOT_REQUESTED),
    Row("the device refuses", lambda now: now.nic is Nic.REFUSES, Status.SYSTEM_ERROR),
    Row("hardware", lambda now: True, Status.HARDWARE_SLOT_ALLOCATED),
)


def decide(now: AtSetUp) -> Row:
    """The row that fits."""
    return next(row for row in ROWS if row.fits(now))


def _software(now: AtSetUp) -> bool:
    return now.kind is SlotKind.SOFTWARE
