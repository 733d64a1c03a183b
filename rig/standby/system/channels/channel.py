"""One control channel, and the transport that is bound to it."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass, field

import msgspec

from rig.device.payload import PayloadKeepAlive
from rig.standby.system.app_process import AppProcess
from rig.standby.system.channels.slots import SlotKind
from rig.standby.system.channels.standing_numbers import NO_NUMBERS, StandingNumbers
from rig.standby.system.reservation import Reservation
from rig.standby.system.rows import SavedObject, SavedPart
from rig.standby.system.store import Name
from rig.standby.wire.statuses import ControlChannelTriggerStatus as Status

CHANNELS = "channel"
"""Kind of what is saved of them."""


class SavedTransport(msgspec.Struct, frozen=True):
    socket_id: int
    connected: bool
    over: bool
    held: int = 0


class SavedChannel(msgspec.Struct, frozen=True):
    """What outlives the system's process; the descriptor is in the supervisor's store."""

    instance: int
    channel_id: str
    minutes: int
    wants_hardware: bool
    network_minutes: int
    transport: SavedTransport | None
    kind: SlotKind | None
    key: str | None
    status: Status | None
    no_slot: str | None
    reset: bool
    held_pushes: int
    payload: PayloadKeepAlive | None
    due_s: float | None
    """When its keep-alive interval ends, of a clock that goes on (CLOCK_MONOTONIC)."""
    kept_alive_by_device: bool = False
    standing: StandingNumbers = NO_NUMBERS


@dataclass(eq=False)
class Transport(SavedPart):
    """`socket_id` is the app's number for it; `sock` the system's own descriptor, once it is connected."""

    socket_id: int
    sock: socket.socket | None = None
    over: bool = False
    """Nothing can come on it any more: it can neither wake nor hold the host awake."""
    held: int = 0
    """Transports of one use that the channel had before and the app still has: each takes the place of a slot (CXR-003)."""


@dataclass(eq=False)
class Channel(SavedObject):
    """One of an app's; its transport may be bound anew many times."""

    app: AppProcess
    channel_id: str
    minutes: int
    wants_hardware: bool
    network_minutes: int
    """The interval of the keep-alives below the app."""
    transport: Transport | None = None
    kind: SlotKind | None = None
    """Of the slot that it holds."""
    reservation: Reservation = field(default_factory=Reservation)
    """Of its transport, in the driver."""
    status: Status | None = None
    """What its set-up ended with; None: it has not."""
    no_slot: str | None = None
    """Why its transport got no slot when it was about to connect."""
    reset: bool = False
    """The system has taken its slot: nothing comes of it any more until another transport is bound (CCT-046)."""
    held_pushes: int = 0
    """Push tasks that wait for the user to be back."""
    payload: PayloadKeepAlive | None = None
    """What the device sends in place of probes on this transport; None: probes."""
    kept_alive_by_device: bool = False
    """In connected standby the payload is all: no keep-alive task runs."""
    standing: StandingNumbers = NO_NUMBERS
    """Of push tasks that the app begins without being told each time."""
    due_s: float | None = None
    """When its keep-alive interval under way ends, of the loop's time; None: none is."""
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Changes of one channel come one after another, though each may wait for the device."""

    @property
    def row_name(self) -> Name:
        return CHANNELS, f"{self.app.instance} {self.channel_id}"

    @property
    def label(self) -> str:
        """What a hold calls it."""
        return f"{self.app.label}, channel {self.channel_id}"

    @property
    def key(self) -> str | None:
        """What the driver knows its transport by."""
        return self.reservation.key

    @property
    def stored_as(self) -> str:
        """The name of its transport's descriptor in the supervisor's store."""
        return stored_name(self.app.instance, self.channel_id)

    @property
    def sock(self) -> socket.socket | None:
        """The connected transport's."""
        return self.transport.sock if self.transport is not None else None

    @property
    def over(self) -> bool:
        return self.transport is not None and self.transport.over

    @property
    def push_enabled(self) -> bool:
        return self.status is not None and self.status.allocated

    @property
    def refused(self) -> Status | None:
        """What a set-up that failed ended with; None: it has not failed."""
        return self.status if self.status is not None and not self.status.allocated else None

    @property
    def hardware(self) -> bool:
        return self.kind is SlotKind.HARDWARE

    @property
    def offloaded(self) -> bool:
        """Whether the device is to keep its connection while the host sleeps."""
        return self.transport is not None and not self.over and self.hardware and self.push_enabled and self.key is not None

    def save(self) -> SavedChannel:
        transport = self.transport
        saved = _saved(transport) if transport is not None else None
        return SavedChannel(
            instance=self.app.instance,
            channel_id=self.channel_id,
            minutes=self.minutes,
            wants_hardware=self.wants_hardware,
            network_minutes=self.network_minutes,
            transport=saved,
            kind=self.kind,
            key=self.key,
            status=self.status,
            no_slot=self.no_slot,
            reset=self.reset,
            held_pushes=self.held_pushes,
            payload=self.payload,
            due_s=self.due_s,
            kept_alive_by_device=self.kept_alive_by_device,
            standing=self.standing,
        )


def _saved(transport: Transport) -> SavedTransport:
    return SavedTransport(transport.socket_id, transport.sock is not None, transport.over, transport.held)


def stored_name(instance: int, channel_id: str) -> str:
    return f"transport {instance} {channel_id}"


def restored(saved: SavedChannel, app: AppProcess, sock: socket.socket | None) -> Channel:
    """`sock`: what the store had for it; a transport that was connected and is not there is over."""
    transport = None
    if saved.transport is not None:
        gone = saved.transport.connected and sock is None
        transport = Transport(saved.transport.socket_id, sock, saved.transport.over or gone, saved.transport.held)
    return Channel(
        app=app,
        channel_id=saved.channel_id,
        minutes=saved.minutes,
        wants_hardware=saved.wants_hardware,
        network_minutes=saved.network_minutes,
        transport=transport,
        kind=saved.kind,
        reservation=Reservation(saved.key),
        status=saved.status,
        no_slot=saved.no_slot,
        reset=saved.reset,
        held_pushes=saved.held_pushes,
        payload=saved.payload,
        kept_alive_by_device=saved.kept_alive_by_device,
        standing=saved.standing,
    )
