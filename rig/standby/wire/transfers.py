"""Between the system and the process of background transfers.

That process knows operations, groups of them and bytes, and keeps them in a store of its own. The system knows apps, power and
what the network costs: it says of each operation whether it may run, and why not. A new system asks for all there is; a new
process is told anew what may run, and runs nothing before.
"""

from __future__ import annotations

from typing import Annotated, TypeAlias

import msgspec
from msgspec import Meta

from rig.standby.wire.message import Call, Notice
from rig.standby.wire.surroundings import PackageName
from rig.standby.wire.transfer_enums import BackgroundTransferPriority, BackgroundTransferStatus
from rig.standby.wire.transfer_types import TransferId, TransferSpec, TransferState, Uri


class Owned(msgspec.Struct, frozen=True):
    """`number`: counts changes of state of the whole process; the highest of a state that is known says what to ask for."""

    package: str
    state: TransferState
    number: int


class Create(Call[None], frozen=True):
    """IDLE from then on, and on the disk when it is answered. The same id again changes nothing. The file cannot be made or read:
    the fault says so."""

    package: PackageName
    spec: TransferSpec


class Start(Call[None], frozen=True):
    """It runs as soon as it may and its group lets it. Twice is once."""

    id: TransferId


class Pause(Call[None], frozen=True):
    """By the app: its request is dropped, what has come stays."""

    id: TransferId


class Resume(Call[None], frozen=True):
    id: TransferId


class Cancel(Call[None], frozen=True):
    """CANCELED; answered when its connection is closed and its unfinished file is gone."""

    id: TransferId


class SetPriority(Call[None], frozen=True):
    id: TransferId
    priority: BackgroundTransferPriority


class SetUri(Call[None], frozen=True):
    """While it is paused by the app."""

    id: TransferId
    uri: Uri


class Forget(Call[None], frozen=True):
    """The app has heard how it ended. One that has not ended is cancelled first."""

    id: TransferId


class Discard(Call[None], frozen=True):
    """All of a package: it is no longer there (BTR-030). Answered when no byte of them flows."""

    package: PackageName


class Permit(Call[None], frozen=True):
    """What may run: RUNNING, or the status that it is paused with. Those that are not named stay as they are; at first none may.
    Answered when what may not run has closed its connections."""

    statuses: dict[TransferId, BackgroundTransferStatus]


class ListTransfers(Call[list[Owned]], frozen=True):
    """Those with a number above, in that order, as many as an answer can hold; [] when there are no more."""

    above: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 0


class Begin(Notice, frozen=True):
    """The calls of this system that have no answer come from here on, in their order. What waits in the line before it is passed
    over by a process that is new: it comes again."""


ToTransfers: TypeAlias = (
    Create | Start | Pause | Resume | Cancel | SetPriority | SetUri | Forget | Discard | Permit | ListTransfers | Begin
)


class Changed(Notice, frozen=True):
    """Of one operation: its status at once, its bytes every now and then (at most some ten times a second each)."""

    owned: Owned


class Started(Notice, frozen=True):
    """By a process that is new: nothing runs, and it waits for `Begin` and for what may. One that
    cannot do what it is there for answers each call with the fault that stands against it."""


FromTransfers: TypeAlias = Changed | Started
