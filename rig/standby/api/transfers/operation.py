"""What a download and an upload have alike: one operation, as the app that created it or found it sees it."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from rig.standby.api import session
from rig.standby.api.transfers.feed import feed
from rig.standby.api.transfers.future import TransferFuture
from rig.standby.api.transfers.group import BackgroundTransferGroup
from rig.standby.api.transfers.uri import checked_uri
from rig.standby.wire.app_transfers import (
    AttachTransfers,
    PauseTransfer,
    ResumeTransfer,
    SetTransferCostPolicy,
    SetTransferPriority,
    SetTransferUri,
    StartTransfer,
)
from rig.standby.wire.transfer_enums import BackgroundTransferCostPolicy, BackgroundTransferPriority
from rig.standby.wire.transfer_types import ResponseInformation, TransferState

Op = TypeVar("Op", bound="TransferOperation")


class TransferOperation:
    """What it says is how it was when it was listed, and once it was started or attached to in this process, how it is now."""

    def __init__(self, state: TransferState) -> None:
        self.state = state
        """The future's to set."""

    @property
    def guid(self) -> str:
        return self.state.spec.id

    @property
    def method(self) -> str:
        raise NotImplementedError

    @property
    def transfer_group(self) -> BackgroundTransferGroup | None:
        return BackgroundTransferGroup.of(self.state.spec)

    @property
    def group(self) -> str:
        """The name of its group, "" for none."""
        return self.state.spec.group

    def get_response_information(self) -> ResponseInformation | None:
        """Of the server's last answer; None before the first, and for FTP."""
        return self.state.response

    @property
    def requested_uri(self) -> str:
        return self.state.spec.uri

    @requested_uri.setter
    def requested_uri(self, uri: str) -> None:
        """While it is paused by the app. Raises HostError INVALID_ARG, ILLEGAL_METHOD_CALL."""
        uri = checked_uri(uri, self.state.spec.direction)
        session.current().call(SetTransferUri(self.guid, uri))
        self._becomes(uri=uri)

    @property
    def priority(self) -> BackgroundTransferPriority:
        return self.state.spec.priority

    @priority.setter
    def priority(self, priority: BackgroundTransferPriority) -> None:
        """In its group, or among the app's operations in none (BTR-023)."""
        session.current().call(SetTransferPriority(self.guid, BackgroundTransferPriority(priority)))
        self._becomes(priority=priority)

    @property
    def cost_policy(self) -> BackgroundTransferCostPolicy:
        return self.state.spec.cost_policy

    @cost_policy.setter
    def cost_policy(self, cost_policy: BackgroundTransferCostPolicy) -> None:
        session.current().call(SetTransferCostPolicy(self.guid, BackgroundTransferCostPolicy(cost_policy)))
        self._becomes(cost_policy=cost_policy)

    def keep(self) -> None:
        """The future's: it has ended, and the system forgets it next."""

    def pause(self) -> None:
        """Its request is dropped, what has come stays (BTR-018). Raises HostError ILLEGAL_METHOD_CALL when it does not run, was
        paused already, or is a POST."""
        session.current().call(PauseTransfer(self.guid))

    def resume(self) -> None:
        """Raises HostError ILLEGAL_METHOD_CALL when the app has not paused it."""
        session.current().call(ResumeTransfer(self.guid))

    def _start(self: Op) -> TransferFuture[Op]:
        session.current().call(StartTransfer(self.guid))
        return self._followed()

    def _attach(self: Op) -> TransferFuture[Op]:
        session.current().call(AttachTransfers((self.guid,)))
        return self._followed()

    def _followed(self: Op) -> TransferFuture[Op]:
        future = TransferFuture(self)
        feed().follow(future)
        return future

    def _becomes(self, **changes: object) -> None:
        """What the system has agreed to."""
        self.state = msgspec.structs.replace(self.state, spec=msgspec.structs.replace(self.state.spec, **changes))
