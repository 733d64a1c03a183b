"""One request and its answer by libcurl: time limits, redirects, and what went wrong in the end.

Each has a connection of its own, closed with it: one that is paused or over leaves nothing open that a sleeping host's kernel
would have to answer for. So it is HTTP/1.1 alone, where a connection carries one request at a time.
"""

from __future__ import annotations

import array
import asyncio
import contextlib
import fcntl
import os
import socket
import termios
from collections.abc import Callable
from enum import Enum, auto
from typing import Any, TypeAlias

import pycurl

from rig.standby.transfers import options
from rig.standby.transfers.curl_loop import CurlError, CurlLoop
from rig.standby.transfers.ftp_replies import FtpReplies
from rig.standby.transfers.http_reply import HttpReply
from rig.standby.transfers.request import TransferRequest

Head: TypeAlias = HttpReply | FtpReplies
FAREWELL_LOOKS = 30
"""Three seconds: longer than libcurl's own limit."""
LOOKS = 8
"""In the time that a peer may be silent."""


def head_of(uri: str) -> Head:
    """Of an answer that is still to come."""
    return FtpReplies(uri) if uri[:4].lower() == "ftp:" else HttpReply(uri)


class Phase(Enum):
    CONNECTING = auto()
    """libcurl's own limit holds."""
    WAITING = auto()
    ANSWERED = auto()


class Exchange:
    """Of the request there and its answer. Nothing that libcurl calls may raise: what it would is `fail`'s."""

    def __init__(self, curls: CurlLoop, request: TransferRequest) -> None:
        self.head = head_of(request.uri)
        self.curl: Any = pycurl.Curl()
        self.method = request.method
        """Of the last request: another one behind a redirect (RFC 9110 15.4.4)."""
        self._curls = curls
        self._request = request
        self._loop = asyncio.get_running_loop()
        self._phase = Phase.CONNECTING
        self._moved_s = 0.0
        self._sockets: list[tuple[int, int]] = []
        """With their inodes: another one may get the number of one that is closed."""
        self._kept_bytes = 0
        self._timer: asyncio.Handle | None = None
        self._error: Exception | None = None

    async def perform(self, write: Callable[[bytes], None]) -> None:
        """`write` gets the body of the last answer; what it raises ends this, and is raised. Raises CurlError too."""

        def body(data: bytes) -> int:
            """For libcurl: as many bytes as were taken; fewer end it."""
            self.moved()
            return len(data) if self.guarded(write, data) else 0

        try:
            options.apply(self.curl, self._request)
            self.curl.setopt(pycurl.SOCKOPTFUNCTION, self._connects)
            self.curl.setopt(pycurl.PREREQFUNCTION, self._connected)
            self.curl.setopt(pycurl.HEADERFUNCTION, self._head_line)
            self.curl.setopt(pycurl.WRITEFUNCTION, body)
            await self._curls.perform(self.curl)
            self.method = self.curl.getinfo(pycurl.EFFECTIVE_METHOD)
            await self._hang_up()
        except CurlError as error:
            if self._error is None:
                raise self._explained(error) from None
        finally:
            if self._timer is not None:
                self._timer.cancel()
            self.curl.close()
        if self._error is not None:
            raise self._error
        if self.head.is_http and not self.head.answered:
            raise CurlError(pycurl.E_GOT_NOTHING, "the answer ends within its head")

    def guarded(self, work: Callable[[bytes], None], data: bytes) -> bool:
        """Whether it went well."""
        try:
            work(data)
        except Exception as error:
            self._error = self._error or error
            return False
        return True

    def moved(self) -> None:
        """A piece of a body went out, or came."""
        self._moved_s = self._loop.time()

    async def _hang_up(self) -> None:
        """libcurl would wait for the other side's farewell, of TLS, for seconds: nobody needs it."""
        for _ in range(FAREWELL_LOOKS):
            still = [fd for fd, inode in self._sockets if _inode(fd) == inode]
            if not still:
                return
            for fd in still:
                _shut_down(fd)
            await self._curls.closing()

    # -- for libcurl ---------------------------------------------------------------------------------------------------

    def _connects(self, fd: int, _purpose: int) -> int:
        """FTP's second connection is a part of its answer."""
        self._sockets.append((fd, _inode(fd)))
        if self.head.is_http:
            self._phase = Phase.CONNECTING
        return int(pycurl.SOCKOPT_OK)

    def _connected(self, *_ends: object) -> int:
        """Each request of a redirected one anew."""
        self._phase = Phase.WAITING
        self.head.begin()
        self.moved()
        if self._timer is None:
            self._timer = self._loop.call_soon(self._look)  # not from within libcurl
        return int(pycurl.PREREQFUNC_OK)

    def _head_line(self, line: bytes) -> int:
        if not self.guarded(self.head.line, line):
            return 0
        if self.head.answered and self._phase is Phase.WAITING:
            self._phase = Phase.ANSWERED
            self.moved()
        return len(line)

    # -- limits --------------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        """At whether it has been silent for too long: one timer, however much flows."""
        if self._drained():
            self.moved()
        limit_s = self._request.stall_timeout_s if self._phase is Phase.ANSWERED else self._request.response_timeout_s
        left_s = self._moved_s + limit_s - self._loop.time()
        if left_s > 0 or self._phase is Phase.CONNECTING:
            often_s = limit_s / LOOKS
            self._timer = self._loop.call_later(min(left_s, often_s) if left_s > 0 else often_s, self._look)
            return
        what = "no answer" if self._phase is Phase.WAITING else "nothing more of the answer"
        self._curls.give_up(self.curl, CurlError(pycurl.E_OPERATION_TIMEDOUT, f"{what} within {limit_s:g} s"))

    def _drained(self) -> bool:
        """Since the last look the peer took some of what the kernel still keeps: megabytes of a body, minutes on a slow line."""
        before, self._kept_bytes = self._kept_bytes, _kept_bytes(self.curl.getinfo(pycurl.ACTIVESOCKET))
        return self._kept_bytes < before

    def _explained(self, error: CurlError) -> CurlError:
        error.os_error = self.curl.getinfo(pycurl.OS_ERRNO)
        error.verify_result = self.curl.getinfo(pycurl.SSL_VERIFYRESULT)
        error.proxy_status = self.curl.getinfo(pycurl.HTTP_CONNECTCODE)
        return error


def _kept_bytes(fd: int) -> int:
    """That a socket's peer has not acknowledged (tcp(7), SIOCOUTQ)."""
    kept = array.array("i", [0])
    try:
        fcntl.ioctl(fd, termios.TIOCOUTQ, kept)
    except (OSError, ValueError):  # there is none at the moment
        return 0
    return kept[0]


def _inode(fd: int) -> int:
    """0: it is closed."""
    try:
        return os.fstat(fd).st_ino
    except OSError:
        return 0


def _shut_down(fd: int) -> None:
    """Both ways, for all who have it."""
    with socket.socket(fileno=os.dup(fd)) as sock, contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
