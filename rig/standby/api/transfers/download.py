"""A download: from a server into a file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from rig.standby.api.transfers.future import TransferFuture
from rig.standby.api.transfers.operation import TransferOperation
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.transfer_enums import BackgroundTransferStatus
from rig.standby.wire.transfer_types import PART_SUFFIX


@dataclass(frozen=True)
class BackgroundDownloadProgress:
    """Bytes; a total of 0 is unknown."""

    bytes_received: int
    total_bytes_to_receive: int
    status: BackgroundTransferStatus
    has_restarted: bool
    """It began anew at byte 0, as the server knows no ranges or has another file now (BTR-019)."""
    has_response_changed: bool
    """There is another ResponseInformation than before."""


class DownloadOperation(TransferOperation):
    """`BackgroundDownloader.create_download` makes it."""

    @property
    def method(self) -> str:
        return self.state.spec.method or "GET"

    @property
    def result_file(self) -> Path:
        """There once it is whole."""
        assert self.state.spec.path is not None, "a download has a file"
        return Path(self.state.spec.path)

    @property
    def progress(self) -> BackgroundDownloadProgress:
        how = self.state.progress
        return BackgroundDownloadProgress(
            how.bytes_received,
            how.total_bytes_to_receive,
            self.state.status,
            how.has_restarted,
            how.has_response_changed,
        )

    def get_result_stream_at(self, position: int) -> BinaryIO:
        """What has come so far, from there on; close it (BTR-001). Raises HostError INVALID_ARG for a negative position,
        ELEMENT_NOT_FOUND when nothing has come, or it was cancelled."""
        if position < 0:
            raise HostError(HResult.INVALID_ARG, f"position {position}: 0 or more is wanted")
        stream = self._opened()
        stream.seek(position)
        return stream

    def start_async(self) -> TransferFuture[DownloadOperation]:
        """Raises HostError ILLEGAL_METHOD_CALL when it was started before."""
        return self._start()

    def attach_async(self) -> TransferFuture[DownloadOperation]:
        """It is this process' now: what was paused because the one before had ended goes on (BTR-002, BTR-003)."""
        return self._attach()

    def _opened(self) -> BinaryIO:
        """It may become whole between the two looks, and has the other name then."""
        for path in (self.result_file.with_name(self.result_file.name + PART_SUFFIX), self.result_file):
            try:
                return path.open("rb")
            except FileNotFoundError:
                continue
        raise HostError(HResult.ELEMENT_NOT_FOUND, f"nothing has come of {self.result_file.name}")
