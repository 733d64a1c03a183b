"""One socket that an app has given to the broker. It belongs to the app's package, and outlives the process that gave it."""

from __future__ import annotations

import contextlib
import socket
from enum import Enum
from typing import Any

import msgspec

from rig.standby.system.package import AppPackage
from rig.standby.system.reservation import Reservation
from rig.standby.system.rows import SavedObject
from rig.standby.system.sockets.wake_pattern import WakePattern
from rig.standby.system.store import Name
from rig.standby.wire.socket_enums import SocketActivityConnectedStandbyAction, SocketActivityKind

SOCKETS = "socket"
"""Kind of what is saved of them."""


class State(Enum):
    HELD = "held"
    """It is watched: what comes fires its task."""
    FIRED = "fired"
    """Its task has been fired, and the run is not over."""
    SILENT = "silent"
    """The run is over, and the app has not taken it: nothing fires until it is taken and given again (SAT-018)."""


class SavedSocket(msgspec.Struct, frozen=True):
    """What outlives the system's process; the descriptor is in the supervisor's store."""

    package: str
    id: str
    kind: SocketActivityKind
    task_id: str
    action: SocketActivityConnectedStandbyAction
    context: bytes | None
    keep_alive_ms: int
    """Specification milliseconds; 0: no timer."""
    transfer: int
    """Counts those of the whole host."""
    state: State = State.HELD
    run: int | None = None
    """Of its task, while it is FIRED."""
    taker: int | None = None
    """The instance of a process that has asked for it, and has not said yet that it is there."""
    due_s: float | None = None
    """When its timer ends, of a clock that goes on (CLOCK_MONOTONIC)."""
    key: str | None = None
    """What the driver knows its connection by."""
    keep_alive: bool = False
    """The app wants TCP keep-alives of the kernel, which has none while the device keeps the connection."""


class BrokeredSocket(SavedObject):
    """`saved` is all of it that lasts: whatever changes it replaces that as a whole. `sock` is the broker's own descriptor."""

    def __init__(self, saved: SavedSocket, sock: socket.socket, package: AppPackage, reservation: Reservation) -> None:
        self.saved = saved
        self.sock = sock
        self.package = package
        self.reservation = reservation
        """In the driver, of a connection that the device keeps."""

    @property
    def row_name(self) -> Name:
        return SOCKETS, str(self.saved.transfer)

    def save(self) -> SavedSocket:
        return self.saved

    def change(self, **fields: Any) -> None:
        self.saved = msgspec.structs.replace(self.saved, **fields)

    @property
    def id(self) -> str:
        return self.saved.id

    @property
    def kind(self) -> SocketActivityKind:
        return self.saved.kind

    @property
    def wakes(self) -> bool:
        """What comes on it is to run its task in connected standby too."""
        return self.saved.action is SocketActivityConnectedStandbyAction.WAKE

    def turn_keep_alive(self, *, on: bool) -> None:
        """For the app, and not for the device, which sends its own: the kernel's would count unanswered ones in a sleep."""
        if self.saved.keep_alive:
            with contextlib.suppress(OSError):
                self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, on)

    @property
    def watched(self) -> bool:
        """Whether what comes on it fires its task."""
        return self.saved.state is State.HELD and self.saved.taker is None

    @property
    def offloaded(self) -> bool:
        """Whether the device is to keep its connection while the host sleeps."""
        return self.watched and self.reservation.key is not None and not self.has_pattern

    @property
    def has_pattern(self) -> bool:
        """It has no connection that the device could keep."""
        return isinstance(self.reservation, WakePattern)

    @property
    def stored_as(self) -> str:
        """The name of its descriptor in the supervisor's store."""
        return stored_name(self.saved.transfer)

    @property
    def label(self) -> str:
        """What a hold calls it."""
        return f"app {self.package.name}, socket {self.id}"

    @property
    def names(self) -> dict[str, Any]:
        """What a record of it begins with."""
        return {"app": self.package.name, "socket": self.id, "kind": self.kind.name, "task_id": self.saved.task_id}


def stored_name(transfer: int) -> str:
    return f"socket {transfer}"
