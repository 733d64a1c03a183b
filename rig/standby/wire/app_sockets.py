"""What an app says to the system's socket broker."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import msgspec
from msgspec import Meta

from rig.standby.wire.app_types import TaskId
from rig.standby.wire.message import Call, Fetch, Notice
from rig.standby.wire.socket_enums import SocketActivityConnectedStandbyAction, SocketActivityKind

BrokeredId: TypeAlias = Annotated[str, Meta(min_length=1, max_length=256)]
"""Of a brokered socket: the app chooses it (SAT-012)."""
CONTEXT_BYTES = 16 * 1024
"""Most that an app may leave with a brokered socket: what to connect to anew and as whom, with room."""
Context: TypeAlias = Annotated[bytes, Meta(max_length=CONTEXT_BYTES)]
KeepAliveMs: TypeAlias = Annotated[int, Meta(ge=0, le=2**42)]
"""In specification milliseconds; 0: none."""


class EnableTransfer(Call[None], frozen=True):
    """A socket may be given to the broker later, for that task (SAT-002). Refused: ELEMENT_NOT_FOUND for a task that is none of
    sockets, or for Wake where there is no connected standby (SAT-004)."""

    kind: SocketActivityKind
    task_id: TaskId
    action: SocketActivityConnectedStandbyAction


class BindEnabled(Call[None], frozen=True):
    """A listener or datagram socket that is enabled is about to be bound. Refused: NOT_SUPPORTED_FOR_SOCKET (SAT-005)."""

    kind: SocketActivityKind
    action: SocketActivityConnectedStandbyAction


class TransferSocket(Call[None], frozen=True):
    """With its descriptor: from the answer on it is the broker's. Refused, it stays the app's."""

    id: BrokeredId
    kind: SocketActivityKind
    task_id: TaskId
    action: SocketActivityConnectedStandbyAction
    context: Context | None = None
    keep_alive_ms: KeepAliveMs = 0


class TakenSocket(msgspec.Struct, frozen=True):
    """What an app needs to know of a socket that it has from the broker, to give it back."""

    kind: SocketActivityKind
    task_id: str
    action: SocketActivityConnectedStandbyAction
    context: bytes | None
    keep_alive_ms: int
    transfer: int
    """Counts those of the whole host."""


class TakeSocket(Fetch[TakenSocket], frozen=True):
    """With its descriptor. The broker keeps its own until `SocketTaken`; ELEMENT_NOT_FOUND for one that it does not have."""

    id: BrokeredId


class BrokeredSocketInfo(msgspec.Struct, frozen=True):
    """SAT-021."""

    id: str
    kind: SocketActivityKind
    task_id: str
    context: bytes | None
    transfer: int


class ListSockets(Call[list[BrokeredSocketInfo]], frozen=True):
    """Of the package: those behind that transfer, in the order of their transfers, as many as an answer can hold; [] when there
    are no more."""

    behind: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 0


class SocketTaken(Notice, frozen=True):
    """The descriptor of that transfer is here: nothing of it is the broker's any more."""

    id: BrokeredId
    transfer: Annotated[int, Meta(ge=0, le=2**63 - 1)]
