"""One download, over any number of attempts: each goes on where the last one was cut off, or begins anew, and never mixes.

What is there already is asked for no more (RFC 9110 14.2), on the condition that it is still a part of the same thing (If-Range).
A server that has changed it, knows no ranges or answers another one than was asked for gives all of it again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import pycurl

from rig.standby.transfers.curl_loop import CurlError, CurlLoop
from rig.standby.transfers.partial_file import PartialFile
from rig.standby.transfers.response_head import ResponseHead

BUFFER_BYTES = 512 * 1024
"""A tenth of libcurl's most: each buffer that is full is one call of the interpreter."""
REDIRECTS = 10
HTTP = pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS
OK, PARTIAL, RANGE_NOT_SATISFIABLE = 200, 206, 416


class HttpFailed(Exception):
    """The server's answer is none of success."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"HTTP {status} {reason}".rstrip())
        self.status = status


class _OfSomethingElse(Exception):
    """What is there already is of no use with what the server has now."""


@dataclass(frozen=True, kw_only=True)
class DownloadRequest:
    uri: str
    """http, https, or ftp with its credentials inside (BTR-005)."""
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    connect_timeout_s: float = 300.0
    """BTR-015."""
    response_timeout_s: float = 120.0
    """From the connection to the first line of the answer (BTR-016)."""


class Listener(Protocol):
    """What lasts is its to see to, before it returns. It raises nothing."""

    def begun(self, validator: str, whole_bytes: int | None, *, restarted: bool) -> None:
        """From byte 0: what has come before is gone. `validator`: of what comes now, "" for none."""

    def received(self, length_bytes: int) -> None:
        """So much is there."""


class Download:
    def __init__(self, request: DownloadRequest, file: PartialFile, validator: str, listener: Listener) -> None:
        """`validator`: of what the file has already."""
        self.head = ResponseHead()
        """Of the last attempt."""
        self._request = request
        self._file = file
        self._validator = validator
        self._listener = listener
        self._decided = False
        self._error: Exception | None = None
        """What a callback of libcurl's must not raise."""

    async def attempt(self, curls: CurlLoop) -> None:
        """To its end; then the file is whole. Raises CurlError, HttpFailed, OSError of the file."""
        if not self._validator:
            self._file.restart()
        try:
            await self._ask(curls)
        except _OfSomethingElse:
            self._file.restart()
            await self._ask(curls)

    async def _ask(self, curls: CurlLoop) -> None:
        self.head, self._decided, self._error = ResponseHead(), False, None
        curl = pycurl.Curl()
        timer: list[asyncio.TimerHandle] = []
        try:
            self._prepare(curl, lambda: timer.append(self._limit_response(curls, curl)))
            await curls.perform(curl)
            self._decide()
            self._check_whole()
        except CurlError:
            if self._error is not None:
                raise self._error from None
            if self._decided or self._succeeds():
                raise
            self._decide()  # an answer that says no says more than how it ended
            raise
        finally:
            for handle in timer:
                handle.cancel()
            curl.close()
        if self._error is not None:
            raise self._error

    def _prepare(self, curl: Any, connected: Callable[[], None]) -> None:
        request = self._request
        headers = [f"{name}: {value}" for name, value in request.headers]
        if self._file.length:
            curl.setopt(pycurl.RANGE, f"{self._file.length}-")
            headers.append(f"If-Range: {self._validator}")
        curl.setopt(pycurl.URL, request.uri)
        curl.setopt(pycurl.PROTOCOLS, HTTP | pycurl.PROTO_FTP)
        curl.setopt(pycurl.REDIR_PROTOCOLS, HTTP)
        curl.setopt(pycurl.CUSTOMREQUEST, request.method)
        curl.setopt(pycurl.HTTPHEADER, headers)
        curl.setopt(pycurl.FOLLOWLOCATION, 1)
        curl.setopt(pycurl.MAXREDIRS, REDIRECTS)
        curl.setopt(pycurl.NOSIGNAL, 1)
        curl.setopt(pycurl.BUFFERSIZE, BUFFER_BYTES)
        curl.setopt(pycurl.CONNECTTIMEOUT_MS, max(1, int(request.connect_timeout_s * 1000)))
        curl.setopt(pycurl.HEADERFUNCTION, self.head.line)
        curl.setopt(pycurl.WRITEFUNCTION, self._body)

        def is_connected(*_ends: object) -> int:
            connected()
            return 0  # CURL_PREREQFUNC_OK

        curl.setopt(pycurl.PREREQFUNCTION, is_connected)

    def _limit_response(self, curls: CurlLoop, curl: Any) -> asyncio.TimerHandle:
        limit_s = self._request.response_timeout_s

        def over() -> None:
            if not self.head.status and not self._decided:
                curls.give_up(curl, CurlError(pycurl.E_OPERATION_TIMEDOUT, f"no answer within {limit_s:g} s"))

        return asyncio.get_running_loop().call_later(limit_s, over)

    # -- what comes ----------------------------------------------------------------------------------------------------

    def _body(self, data: bytes) -> int:
        """For libcurl: as many bytes as were taken; fewer end it."""
        try:
            self._decide()
            self._file.append(data)
        except Exception as error:
            self._error = error
            return 0
        self._listener.received(self._file.length)
        return len(data)

    def _check_whole(self) -> None:
        """A server may give less of it than was asked for."""
        whole = self.head.whole_bytes
        if whole is not None and whole != self._file.length:
            raise CurlError(pycurl.E_PARTIAL_FILE, f"{self._file.length} of {whole} bytes are there")

    def _succeeds(self) -> bool:
        return self.head.status in (0, OK, PARTIAL)

    def _decide(self) -> None:
        """Once, before the first byte: whether it goes on or begins anew. Raises."""
        if self._decided:
            return
        head, there = self.head, self._file.length
        if head.status == PARTIAL and there and head.begins_at == there:
            self._decided = True
            return
        if there and head.status == RANGE_NOT_SATISFIABLE and head.whole_bytes == there:
            self._decided = True  # it was whole before: the condition held, or the answer would be all of it
            return
        if there and head.status in (PARTIAL, RANGE_NOT_SATISFIABLE):
            raise _OfSomethingElse
        if not self._succeeds() or head.status == PARTIAL:
            raise HttpFailed(head.status, head.reason)
        self._decided = True
        self._file.restart()
        self._validator = head.validator
        self._listener.begun(head.validator, head.whole_bytes, restarted=there > 0)
