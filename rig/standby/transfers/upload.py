"""One upload: its body from the first byte to the last, each attempt anew (BTR-020), and what the server says to it."""

from __future__ import annotations

import dataclasses
from typing import Protocol

import pycurl

from rig.standby.transfers.answer_file import AnswerFile
from rig.standby.transfers.bodies import Body
from rig.standby.transfers.curl_loop import CurlError, CurlLoop
from rig.standby.transfers.errors import HttpFailed
from rig.standby.transfers.exchange import Exchange, head_of
from rig.standby.transfers.options import BUFFER_BYTES
from rig.standby.transfers.request import TransferRequest
from rig.standby.wire.transfer_types import ResponseInformation

EXPECTATION_FAILED = 417
"""Of a server that does not know to say "go on": it has read nothing (RFC 9110 10.1.1)."""


class UploadListener(Protocol):
    """It raises nothing."""

    def sent(self, length_bytes: int) -> None:
        """So many of the body were given away; fewer than before: it begins anew, at another place or for another attempt."""

    def received(self, length_bytes: int) -> None:
        """So much of the answer is there."""


class NoUploads(Exception):
    """To a server that takes none: FTP's (BTR-005)."""


class Upload:
    def __init__(self, request: TransferRequest, body: Body, answer: AnswerFile, listener: UploadListener) -> None:
        self._request = request
        self._body = body
        self._answer = answer
        self._listener = listener
        self._sent_bytes = 0
        self._head = head_of(request.uri)

    @property
    def response(self) -> ResponseInformation | None:
        """Of the last attempt."""
        return self._head.information

    async def attempt(self, curls: CurlLoop) -> None:
        """To its end: the server has said that it is well. Raises what `errors.fault_of` takes."""
        if not self._head.is_http:
            raise NoUploads("uploads go to http and https")
        request = self._described()
        try:
            await self._send(curls, request)
        except HttpFailed as error:
            if error.status != EXPECTATION_FAILED:
                raise
            await self._send(curls, dataclasses.replace(request, asks_first=False))

    async def _send(self, curls: CurlLoop, request: TransferRequest) -> None:
        self._answer.restart()
        self._rewind()
        exchange = Exchange(curls, request)
        self._head = exchange.head
        self._prepare(exchange)
        try:
            await exchange.perform(self._received)
        except CurlError:
            if self._head.answered and self._head.status >= 400:
                raise HttpFailed(self._head.status, self._head.reason) from None
            raise
        if not 200 <= self._head.status < 300:
            raise HttpFailed(self._head.status, self._head.reason)
        if exchange.method == request.method and self._sent_bytes < self._body.length:
            raise CurlError(pycurl.E_SEND_ERROR, f"the server took {self._sent_bytes} of {self._body.length} bytes")

    def _described(self) -> TransferRequest:
        """What the body is, the app may know better; where its parts end, it does not."""
        own, type_ = self._request.headers, self._body.media_type
        named = [header for header in own if header[0].lower() == "content-type"]
        if named and not type_.startswith("multipart/"):
            return self._request
        others = (header for header in own if header not in named)
        return dataclasses.replace(self._request, headers=(*others, ("Content-Type", type_)))

    def _prepare(self, exchange: Exchange) -> None:
        curl, method, length = exchange.curl, self._request.method, self._body.length
        if method == "POST":
            curl.setopt(pycurl.POST, 1)
            curl.setopt(pycurl.POSTFIELDSIZE_LARGE, length)
        else:
            curl.setopt(pycurl.UPLOAD, 1)
            curl.setopt(pycurl.INFILESIZE_LARGE, length)
            if method != "PUT":
                curl.setopt(pycurl.CUSTOMREQUEST, method)
        curl.setopt(pycurl.UPLOAD_BUFFERSIZE, BUFFER_BYTES)

        def read(limit_bytes: int) -> bytes | int:
            exchange.moved()
            pieces: list[bytes] = []
            if not exchange.guarded(lambda _data: pieces.append(self._read(limit_bytes)), b""):
                return int(pycurl.READFUNC_ABORT)
            return pieces[0]

        def seek(_offset: int, _origin: int) -> int:
            """libcurl asks for the beginning alone: a redirect, or a connection that was closed before the server read."""
            self._rewind()
            return int(pycurl.SEEKFUNC_OK)

        curl.setopt(pycurl.READFUNCTION, read)
        curl.setopt(pycurl.SEEKFUNCTION, seek)

    def _read(self, limit_bytes: int) -> bytes:
        data = self._body.read(limit_bytes)
        self._sent_bytes += len(data)
        self._listener.sent(self._sent_bytes)
        return data

    def _rewind(self) -> None:
        self._body.rewind()
        if self._sent_bytes:
            self._sent_bytes = 0
            self._listener.sent(0)

    def _received(self, data: bytes) -> None:
        self._answer.append(data)
        self._listener.received(self._answer.length)
