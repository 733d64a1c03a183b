"""An upload: a file, or parts, to a server."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from rig.standby.api.transfers.future import TransferFuture
from rig.standby.api.transfers.operation import TransferOperation
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.transfer_enums import BackgroundTransferStatus


@dataclass(frozen=True)
class BackgroundUploadProgress:
    """Bytes; a total of 0 is unknown. `bytes_received`: of the answer."""

    bytes_received: int
    bytes_sent: int
    total_bytes_to_receive: int
    total_bytes_to_send: int
    status: BackgroundTransferStatus
    has_restarted: bool
    """It began anew at byte 0, as every PUT does that was interrupted (BTR-020)."""
    has_response_changed: bool


class UploadOperation(TransferOperation):
    """`BackgroundUploader.create_upload` makes it."""

    _kept: BinaryIO | None = None
    """The answer, of one that has ended."""

    @property
    def method(self) -> str:
        return self.state.spec.method or "POST"

    @property
    def source_file(self) -> Path | None:
        """None for one of parts."""
        return Path(self.state.spec.path) if self.state.spec.path is not None else None

    @property
    def progress(self) -> BackgroundUploadProgress:
        how = self.state.progress
        return BackgroundUploadProgress(
            how.bytes_received,
            how.bytes_sent,
            how.total_bytes_to_receive,
            how.total_bytes_to_send,
            self.state.status,
            how.has_restarted,
            how.has_response_changed,
        )

    def get_result_stream_at(self, position: int) -> BinaryIO:
        """What the server has answered so far, from there on; close it. Also of one that this process has heard the end of.
        Raises HostError INVALID_ARG for a negative position, ELEMENT_NOT_FOUND when nothing has come."""
        if position < 0:
            raise HostError(HResult.INVALID_ARG, f"position {position}: 0 or more is wanted")
        try:
            stream = self._answer().open("rb")
        except FileNotFoundError as error:
            raise HostError(HResult.ELEMENT_NOT_FOUND, f"nothing has come of the answer to {self.requested_uri}") from error
        stream.seek(position)
        return stream

    def keep(self) -> None:
        """The system takes the answer's file away when it forgets the operation: it lasts as long as somebody has it open."""
        with suppress(FileNotFoundError):
            self._kept = self._answer().open("rb")

    def _answer(self) -> Path:
        """Raises FileNotFoundError."""
        if self._kept is not None:
            return Path(f"/proc/self/fd/{self._kept.fileno()}")
        if self.state.answer is None:
            raise FileNotFoundError
        return Path(self.state.answer)

    def start_async(self) -> TransferFuture[UploadOperation]:
        """Raises HostError ILLEGAL_METHOD_CALL when it was started before."""
        return self._start()

    def attach_async(self) -> TransferFuture[UploadOperation]:
        """As `DownloadOperation.attach_async`. A PUT that was interrupted begins anew, a POST has ended in an error (BTR-020)."""
        return self._attach()
