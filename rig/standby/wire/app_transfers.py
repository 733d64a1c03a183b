"""What an app says of background transfers."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from rig.standby.wire.message import Call, Watch
from rig.standby.wire.transfer_enums import BackgroundTransferCostPolicy, BackgroundTransferPriority
from rig.standby.wire.transfer_types import Count, GroupId, TransferId, TransferSpec, TransferState, Uri

WATCH_S = 10.0
"""Real seconds that a `WatchTransfers` waits at most."""


class CreateTransfer(Call[None], frozen=True):
    """Refused: INVALID_ARG for a spec that cannot be, OUT_OF_MEMORY for the 201st of an app (BTR-004) and the 51st group
    (BTR-023), ILLEGAL_METHOD_CALL for a completion group that is enabled (BTR-024)."""

    spec: TransferSpec


class StartTransfer(Call[None], frozen=True):
    id: TransferId


class AttachTransfers(Call[None], frozen=True):
    """This process has them now: those that were paused because the process before had ended go on (BTR-002, 003)."""

    ids: Annotated[tuple[TransferId, ...], Meta(max_length=200)]


class PauseTransfer(Call[None], frozen=True):
    """Refused: ILLEGAL_METHOD_CALL (BTR-018)."""

    id: TransferId


class ResumeTransfer(Call[None], frozen=True):
    id: TransferId


class CancelTransfer(Call[None], frozen=True):
    id: TransferId


class SetTransferPriority(Call[None], frozen=True):
    id: TransferId
    priority: BackgroundTransferPriority


class SetTransferCostPolicy(Call[None], frozen=True):
    id: TransferId
    cost_policy: BackgroundTransferCostPolicy


class SetTransferUri(Call[None], frozen=True):
    """While it is paused by the app."""

    id: TransferId
    uri: Uri


class ListTransfers(Call[list[TransferState]], frozen=True):
    """Of the package, by id: those behind that id, as many as an answer can hold; [] when there are no more."""

    behind: str = ""


class TransfersChanged(msgspec.Struct, frozen=True):
    """`epoch` and `number`: what to ask with next."""

    epoch: int
    number: int
    states: list[TransferState]


class WatchTransfers(Watch[TransfersChanged], frozen=True):
    """Answered as soon as one of these operations has changed since that number, with all that have; at once for an epoch that is
    not the system's own, as it is a new one, or the app has no number yet: with all of them. One call of a process at a time
    waits, so an app that is stopped or slow is told what is, not all that was: a later one (for other operations) ends the one
    before with no states, and so does WATCH_S without any change, as nothing behind a call that waits is acknowledged. Those
    that are listed no more are told of, too, to their completion group's task. Refused: ELEMENT_NOT_FOUND: none is there."""

    ids: Annotated[tuple[TransferId, ...], Meta(max_length=200)]
    epoch: Count = 0
    number: Count = 0


class ForgetTransfers(Call[None], frozen=True):
    """The app has heard how they ended: they are listed no more (BTR-003, 021)."""

    ids: Annotated[tuple[TransferId, ...], Meta(max_length=200)]


class EnableCompletionGroup(Call[None], frozen=True):
    """Refused: ILLEGAL_METHOD_CALL the second time (BTR-024)."""

    group: GroupId
