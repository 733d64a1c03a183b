"""libcurl on an asyncio loop: any number of transfers at a time, on one thread (curl_multi_socket_action(3))."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pycurl

READS = (pycurl.POLL_IN, pycurl.POLL_INOUT)
WRITES = (pycurl.POLL_OUT, pycurl.POLL_INOUT)
LOOK_S = 0.1


class CurlError(Exception):
    """`code` is a CURLcode (libcurl-errors(3)), such as pycurl.E_COULDNT_CONNECT."""

    def __init__(self, code: int, words: str) -> None:
        super().__init__(f"{words} (curl {code})")
        self.code = code
        self.os_error = 0
        """An errno of the connection; 0: unknown."""
        self.verify_result = 0
        """What OpenSSL has against the server's certificate: X509_V_ERR_..., 0 for nothing."""
        self.proxy_status = 0
        """What a proxy answered to CONNECT; 0: it was not asked."""


class CurlLoop:
    """To be made on the running loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._ends: dict[Any, asyncio.Future[None]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._left = asyncio.Event()
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._watch)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._set_timer)
        self._multi.setopt(pycurl.M_PIPELINING, pycurl.PIPE_NOTHING)

    async def perform(self, curl: Any) -> None:
        """One transfer, from its beginning to its end; cancelled, its connection is closed. Raises CurlError."""
        self._ends[curl] = self._loop.create_future()
        self._multi.add_handle(curl)
        try:
            await self._ends[curl]
        finally:
            del self._ends[curl]
            self._multi.remove_handle(curl)

    def give_up(self, curl: Any, error: CurlError) -> None:
        """End one that is under way. Also from its own callbacks."""
        self._end(curl, error)

    async def closing(self) -> None:
        """Until libcurl has left one of its sockets, or for a while."""
        self._left.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._left.wait(), LOOK_S)

    def close(self) -> None:
        """Nothing is under way any more."""
        if self._timer is not None:
            self._timer.cancel()
        self._multi.close()

    def _watch(self, event: int, fd: int, multi: Any, data: Any) -> None:
        self._loop.remove_reader(fd)
        self._loop.remove_writer(fd)
        if event == pycurl.POLL_REMOVE:
            self._left.set()
        if event in READS:
            self._loop.add_reader(fd, self._act, fd, pycurl.CSELECT_IN)
        if event in WRITES:
            self._loop.add_writer(fd, self._act, fd, pycurl.CSELECT_OUT)

    def _set_timer(self, timeout_ms: int) -> None:
        """-1: none. Also 0 is for later: libcurl must not be called from here."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if timeout_ms < 0 else self._loop.call_later(timeout_ms / 1000, self._timed_out)

    def _timed_out(self) -> None:
        self._timer = None
        self._act(pycurl.SOCKET_TIMEOUT, 0)

    def _act(self, fd: int, mask: int) -> None:
        self._multi.socket_action(fd, mask)
        more = 1
        while more:
            more, done, failed = self._multi.info_read()
            for curl in done:
                self._end(curl, None)
            for curl, code, words in failed:
                self._end(curl, CurlError(code, words))

    def _end(self, curl: Any, error: CurlError | None) -> None:
        future = self._ends[curl]
        if future.done():  # cancelled in this very turn of the loop
            return
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)
