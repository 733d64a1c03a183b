"""One operation as it is now: what is written down of it, and what is of this process alone."""

from __future__ import annotations

import asyncio
import os
from functools import cached_property
from pathlib import Path

from rig.standby.transfers.store import SavedOperation
from rig.standby.wire.transfer_enums import BackgroundTransferStatus
from rig.standby.wire.transfer_types import PART_SUFFIX, TransferState
from rig.standby.wire.transfers import Owned

Status = BackgroundTransferStatus

REPEATABLE = frozenset({"GET", "HEAD", "PUT"})
"""Methods of requests that may be cut off and begun again (BTR-018, BTR-020)."""


class Operation:
    def __init__(self, saved: SavedOperation) -> None:
        self.saved = saved
        self.permit = Status.PAUSED_SYSTEM_POLICY
        """RUNNING: it may; else what it is paused with. What a process before was told is not so any more."""
        self.work: asyncio.Task[None] | None = None
        """Its request, from the connection to the file's name."""
        self.is_unwanted = False
        """It is about to be cancelled."""
        self.finishing = False
        """The request is over, and went well."""
        self.began_s = 0.0
        """When its request did."""
        self.began_bytes = 0
        """Of a download: how many were there then."""
        self.passed_over = 0
        """By how many of a higher priority, while it waited."""
        self.answer: Path | None = None
        """Of an upload: where the server's answer goes."""
        self.marked = saved.status
        """What the timeline has of it."""
        self.marked_s = 0.0
        """When its bytes were last in the timeline."""

    @property
    def id(self) -> str:
        return self.saved.spec.id

    @property
    def is_download(self) -> bool:
        return self.saved.spec.direction == "download"

    @property
    def method(self) -> str:
        return self.saved.spec.method.upper() or ("GET" if self.is_download else "POST")

    @property
    def is_repeatable(self) -> bool:
        return self.method in REPEATABLE

    @property
    def may_begin_again(self) -> bool:
        """The server has nothing of it that would be done twice."""
        progress = self.saved.progress
        return self.is_repeatable or (progress.total_bytes_to_send > 0 and progress.bytes_sent == 0)

    @property
    def target(self) -> Path:
        """Of a download."""
        assert self.saved.spec.path is not None
        return Path(self.saved.spec.path)

    @property
    def part(self) -> Path | None:
        """Where the bytes of a download are until it is whole."""
        return self.target.with_name(self.target.name + PART_SUFFIX) if self.is_download else None

    @cached_property
    def files(self) -> frozenset[str]:
        """Of a download: what it becomes, and what its bytes are in until then, whatever they are called; of an upload none."""
        if self.part is None:
            return frozenset()
        folder = os.path.realpath(self.target.parent)
        return frozenset(os.path.join(folder, path.name) for path in (self.target, self.part))  # noqa: PTH118

    @property
    def can_go_on_later(self) -> bool:
        """Where it is now: none of its bytes are sent twice."""
        response = self.saved.response
        return self.is_download and bool(self.saved.validator) and response is not None and response.is_resumable

    @property
    def has_come_further(self) -> bool:
        """More of it is there than before its request, and stays: a line that stands still now and then brings it, too."""
        return self.is_download and bool(self.saved.validator) and self.saved.progress.bytes_received > self.began_bytes

    @property
    def waits(self) -> bool:
        """For its turn."""
        saved = self.saved
        if not saved.started or saved.paused or saved.status.ended or self.is_unwanted:
            return False
        return self.permit is Status.RUNNING and self.work is None

    @property
    def shown(self) -> BackgroundTransferStatus:
        saved = self.saved
        if saved.status.ended or not saved.started:
            return saved.status
        if saved.paused:
            return Status.PAUSED_BY_APPLICATION
        if self.permit is not Status.RUNNING:
            return self.permit
        return Status.RUNNING if self.work is not None else Status.IDLE

    @property
    def owned(self) -> Owned:
        saved = self.saved
        answer = str(self.answer) if self.answer is not None else None
        how = saved.progress, saved.response, saved.fault, saved.attempts
        state = TransferState(saved.spec, saved.status, *how, answer)
        return Owned(saved.package, state, saved.number)
