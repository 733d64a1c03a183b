"""One download, over any number of attempts: each goes on where the last one was cut off, or begins anew, and never mixes.

What is there already is asked for no more (RFC 9110 14.2), on the condition that it is still a part of the same thing (If-Range).
A server that has changed it, knows no ranges or answers another one than was asked for gives all of it again.
"""

from __future__ import annotations

import dataclasses
from typing import Protocol

import pycurl

from rig.standby.transfers.curl_loop import CurlError, CurlLoop
from rig.standby.transfers.errors import HttpFailed, LyingServer
from rig.standby.transfers.exchange import Exchange, head_of
from rig.standby.transfers.ftp_replies import FtpReplies
from rig.standby.transfers.http_reply import PARTIAL, RANGE_NOT_SATISFIABLE, HttpReply
from rig.standby.transfers.partial_file import PartialFile
from rig.standby.transfers.request import TransferRequest
from rig.standby.wire.transfer_types import ResponseInformation

HEAD = "HEAD"
OF_IT_ALL = frozenset({200, 203})

NOT_FROM_THERE = frozenset({pycurl.E_FTP_COULDNT_USE_REST, pycurl.E_BAD_DOWNLOAD_RESUME})
"""The FTP server knows no REST, or the file is shorter now."""


class _OfSomethingElse(Exception):
    """What is there already is of no use with what the server has now."""


class DownloadListener(Protocol):
    """What lasts is its to see to, before it returns. It raises nothing."""

    def begun(self, validator: str, whole_bytes: int | None, *, restarted: bool) -> None:
        """From byte 0: what has come before is gone. `validator`: of what comes now, "" for none."""

    def received(self, length_bytes: int) -> None:
        """So much is there."""


class Download:
    def __init__(
        self,
        request: TransferRequest,
        file: PartialFile,
        validator: str,
        listener: DownloadListener,
        whole_bytes: int | None = None,
    ) -> None:
        """`validator`, `whole_bytes`: of what the file has already, as `begun` told them."""
        self._request = request
        self._file = file
        self._validator = validator
        self._whole_bytes = whole_bytes
        self._listener = listener
        self._head = head_of(request.uri)
        self._decided = False
        self._restarts = False
        """If it begins anew: something was there."""

    @property
    def response(self) -> ResponseInformation | None:
        """Of the last attempt."""
        return self._head.information

    async def attempt(self, curls: CurlLoop) -> None:
        """To its end; then the file is whole. Raises what `errors.fault_of` takes."""
        self._restarts = self._file.length > 0
        if not self._validator:
            self._file.restart()
        try:
            await self._ask(curls)
        except _OfSomethingElse:
            self._file.restart()
            await self._ask(curls)

    async def _ask(self, curls: CurlLoop) -> None:
        exchange = Exchange(curls, self._conditional())
        self._head, self._decided = exchange.head, False
        if self._request.method == HEAD:
            exchange.curl.setopt(pycurl.NOBODY, 1)
        else:
            exchange.curl.setopt(pycurl.CUSTOMREQUEST, self._request.method)
        if self._file.length:
            exchange.curl.setopt(pycurl.RANGE, f"{self._file.length}-")
        try:
            await exchange.perform(self._body)
        except CurlError as error:
            if self._file.length and error.code in NOT_FROM_THERE and not self._head.is_http:
                raise _OfSomethingElse from None
            if self._head.answered and not self._decided and self._head.status >= 400:
                self._decide()  # an answer that says no says more than how it ended
            raise
        self._decide()
        self._check_whole()

    def _conditional(self) -> TransferRequest:
        if not self._file.length:
            return self._request
        return dataclasses.replace(self._request, condition=self._validator)

    # -- what comes ----------------------------------------------------------------------------------------------------

    def _body(self, data: bytes) -> None:
        self._decide()
        if self._head.status == RANGE_NOT_SATISFIABLE:  # all is there: what comes are words for people
            return
        end = self._head.ends_at
        if end is not None and self._file.length + len(data) > end:
            self._file.restart()  # who knows which of it is the thing
            raise LyingServer(f"more comes than the {end} bytes that were told")
        self._file.append(data)
        self._listener.received(self._file.length)

    def _check_whole(self) -> None:
        """A server may give less of it than was asked for."""
        whole = self._head.whole_bytes
        if whole is not None and whole != self._file.length and self._request.method != HEAD:
            raise CurlError(pycurl.E_PARTIAL_FILE, f"{self._file.length} of {whole} bytes are there")

    def _decide(self) -> None:
        """Once, before the first byte: whether it goes on or begins anew. Raises."""
        if self._decided:
            return
        head, there = self._head, self._file.length
        if there and self._goes_on():
            self._decided = True
            return
        if there and (head.status in (PARTIAL, RANGE_NOT_SATISFIABLE) or not head.is_http):
            raise _OfSomethingElse
        if head.status == PARTIAL:
            raise LyingServer("a part of it, that was not asked for")
        if head.is_http and head.status not in OF_IT_ALL:
            raise HttpFailed(head.status, head.reason)
        if not head.makes_sense:
            raise LyingServer("a length that no file has")
        self._decided = True
        self._file.restart()
        self._validator, self._whole_bytes = head.validator, head.whole_bytes
        self._listener.begun(head.validator, head.whole_bytes, restarted=self._restarts)

    def _goes_on(self) -> bool:
        """The answer is the rest of what is there, or says that there is none. A server that knows ranges and not If-Range may
        have the rest of something else; one that does not tell how long the whole is may give less than the rest."""
        head, there = self._head, self._file.length
        if isinstance(head, FtpReplies):
            return bool(self._validator) and head.validator == self._validator
        if head.status == RANGE_NOT_SATISFIABLE:
            return head.whole_bytes == there and self._was_whole(head)
        if head.status != PARTIAL or head.whole_bytes is None:
            return False
        return head.begins_at == there and head.still_is(self._validator) and self._is_as_long

    def _was_whole(self, head: HttpReply) -> bool:
        """What is there is all that was to come, by what was told before, or the server says that it still is that. What was of
        no told length may have been longer: something else that is just so long now does not make it whole."""
        if self._whole_bytes is None:
            return head.still_is(self._validator)
        return self._is_as_long and head.may_be(self._validator)

    @property
    def _is_as_long(self) -> bool:
        """As it was told to be before."""
        return self._whole_bytes in (None, self._head.whole_bytes)
