"""One request of an operation: what the engine needs to know of it, and what comes of what the engine says."""

from __future__ import annotations

import asyncio
import errno
from contextlib import closing
from pathlib import Path

import pycurl
from msgspec.structs import replace

from rig.standby.transfers.answer_file import AnswerFile
from rig.standby.transfers.bodies import Body, FileBody
from rig.standby.transfers.changes import Changes
from rig.standby.transfers.curl_loop import CurlError, CurlLoop
from rig.standby.transfers.download import Download
from rig.standby.transfers.multipart import MultipartBody
from rig.standby.transfers.operation import Operation
from rig.standby.transfers.partial_file import PartialFile
from rig.standby.transfers.request import TransferRequest, request_of
from rig.standby.transfers.settings import TransferSettings, answers_of
from rig.standby.transfers.upload import Upload
from rig.standby.wire.transfer_types import TransferSpec

LEAST_MINUTE_US = 500_000
"""Of time limits: where thirty others compute, an answer of a server on the same machine takes longer than a minute of 50 ms."""


class Attempts:
    def __init__(self, changes: Changes, curls: CurlLoop, settings: TransferSettings) -> None:
        self._changes = changes
        self._curls = curls
        self._settings = settings

    async def make(self, operation: Operation) -> None:
        """To its end: the file has its name, or the server has said that it has taken all. Raises what `errors.fault_of` takes,
        sqlite3.Error."""
        if operation.is_download:
            await self._download(operation)
        else:
            await self._upload(operation)

    async def _download(self, operation: Operation) -> None:
        saved = operation.saved
        with closing(PartialFile(operation.target)) as file:
            listener = _Listener(operation, self._changes)
            engine = Download(self._request(operation), file, saved.validator, listener, saved.whole_bytes)
            try:
                await engine.attempt(self._curls)
            finally:
                saved.response = engine.response or saved.response
            operation.finishing = True
            saved.whole_bytes = (
                file.length
            )  # whoever asks anew, as this was killed before it was flushed, hears that all is there
            self._changes.changed(operation)
            self._changes.write()
            await asyncio.to_thread(file.flush)
            saved.whole = True
            self._changes.changed(operation)
            self._changes.write()
            file.give_name()

    async def _upload(self, operation: Operation) -> None:
        saved, path = operation.saved, self.answer_of(operation)
        path.parent.mkdir(exist_ok=True)
        with closing(_body(saved.spec)) as body, closing(AnswerFile(path)) as answer:
            before = saved.progress
            saved.progress = replace(before, bytes_sent=0, total_bytes_to_send=body.length, has_restarted=before.bytes_sent > 0)
            engine = Upload(self._request(operation), body, answer, _Listener(operation, self._changes))
            try:
                await engine.attempt(self._curls)
            finally:
                saved.response = engine.response or saved.response

    def discard(self, operation: Operation) -> None:
        """What was kept for it, but for a file that is whole. Raises OSError."""
        if operation.part is not None:
            operation.part.unlink(missing_ok=True)
        else:
            self.answer_of(operation).unlink(missing_ok=True)

    def answer_of(self, operation: Operation) -> Path:
        """What a server has said to an upload."""
        return answers_of(Path(self._settings.store)) / operation.id

    def _request(self, operation: Operation) -> TransferRequest:
        minute_us = max(self._settings.minute_us, LEAST_MINUTE_US)
        settings = self._settings
        trusted = Path(settings.trusted)
        return request_of(operation.saved.spec, trusted=trusted, proxy=settings.proxy, minute_us=minute_us)


def _body(spec: TransferSpec) -> Body:
    """Raises OSError."""
    if spec.parts:
        return MultipartBody(spec)
    assert spec.path is not None
    return FileBody(Path(spec.path))


class _Listener:
    """What the engine says is written down, or told."""

    def __init__(self, operation: Operation, changes: Changes) -> None:
        self._operation = operation
        self._changes = changes

    def begun(self, validator: str, whole_bytes: int | None, *, restarted: bool) -> None:
        saved = self._operation.saved
        restarted = restarted or saved.progress.bytes_received > 0
        saved.validator, saved.whole_bytes = validator, whole_bytes
        saved.progress = replace(
            saved.progress, bytes_received=0, total_bytes_to_receive=whole_bytes or 0, has_restarted=restarted
        )
        self._changes.changed(self._operation)
        self._changes.write()

    def received(self, length_bytes: int) -> None:
        saved = self._operation.saved
        saved.progress = replace(saved.progress, bytes_received=length_bytes)
        self._changes.moved(self._operation)

    def sent(self, length_bytes: int) -> None:
        saved = self._operation.saved
        restarted = saved.progress.has_restarted or length_bytes < saved.progress.bytes_sent
        saved.progress = replace(saved.progress, bytes_sent=length_bytes, has_restarted=restarted)
        self._changes.moved(self._operation)


NOT_THERE = frozenset({errno.ENETDOWN, errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL})


def is_of_the_network(error: Exception) -> bool:
    """What a request meets whose host has just lost its network."""
    if not isinstance(error, CurlError):
        return False
    return error.code == pycurl.E_COULDNT_RESOLVE_HOST or error.os_error in NOT_THERE


def is_timeout(error: Exception) -> bool:
    """BTR-015, BTR-016."""
    return isinstance(error, CurlError) and error.code == pycurl.E_OPERATION_TIMEDOUT
