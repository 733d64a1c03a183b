"""One request that an HTTP server got, and the means to answer it: at once, later, in parts, or not at all."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Protocol
from urllib.parse import parse_qs, urlsplit

import h11

from rig.peers.http_connection import HttpConnection

Headers = Iterable[tuple[str, str]]


class HttpRequest:
    """Whole, its body too. Any thread may answer; each method raises OSError when the host is gone, h11.LocalProtocolError when
    HTTP does not allow that now."""

    def __init__(self, connection: HttpConnection, number: int, request: h11.Request) -> None:
        self.connection = connection
        self.number = number
        """Counts the requests of the server, from 0."""
        self.method = request.method.decode("ascii")
        self.target = request.target.decode("ascii")
        """As in the request line: a path, or a URL for a proxy, or host:port of a CONNECT."""
        self.http_version = request.http_version.decode("ascii")
        self.headers: list[tuple[str, str]] = [(name.decode("ascii"), value.decode("latin-1")) for name, value in request.headers]
        """In their order; names in small letters (h11 makes them so)."""
        self.body = b""
        self.came_ns = time.monotonic_ns()
        self.status = 0
        """Of the answer, once it was begun."""
        self.answered = False
        """The whole answer is the kernel's."""
        self._sent_bytes = 0

    @property
    def path(self) -> str:
        """Without the query; of a target that is no URL, all before that."""
        try:
            return urlsplit(self.target).path
        except ValueError:
            return self.target.partition("?")[0]

    @property
    def query(self) -> dict[str, list[str]]:
        return parse_qs(self.target.partition("#")[0].partition("?")[2], keep_blank_values=True)

    def header(self, name: str) -> str | None:
        """The first of that name."""
        return next((value for known, value in self.headers if known == name.lower()), None)

    # -- the answer ----------------------------------------------------------------------------------------------------

    def respond(self, status: int = 200, body: bytes = b"", headers: Headers = (), *, close: bool = False) -> None:
        """The whole answer with its length; `close`: the connection ends with it."""
        head = self._head(status, [*headers, *([("Connection", "close")] if close else [])], len(body))
        whole = [head, h11.Data(data=body)] if body and self.method != "HEAD" else [head]
        self._record(len(body) if len(whole) > 1 else 0)
        self.connection.send(*whole)
        self.connection.end_response()

    def start(self, status: int = 200, headers: Headers = (), *, length: int | None = None) -> None:
        """The head. Without a length what follows is chunked, or ended by the close for HTTP/1.0."""
        self._record_part(0)
        self.connection.send(self._head(status, headers, length))

    def _head(self, status: int, headers: Headers, length: int | None) -> h11.Response:
        self.status = status
        framing = [] if length is None or status in (204, 304) else [("Content-Length", str(length))]
        return h11.Response(status_code=status, reason=_reason(status), headers=[*headers, *framing])

    def chunk(self, data: bytes) -> None:
        """A piece of the body: a chunk of its own where it is chunked, a segment of its own on an idle connection."""
        self._record_part(len(data))
        self.connection.send(h11.Data(data=data))
        self._sent_bytes += len(data)

    def end(self) -> None:
        """The body is over; the connection takes the next request, or ends when one side wanted that."""
        self._record(self._sent_bytes)
        self.connection.end_response()

    def _record_part(self, sent_bytes: int) -> None:
        """Before it goes out: a host that it wakes was woken by the test."""
        self.connection.timeline.add("PUSH", connection=self.connection.number, request=self.number, bytes=sent_bytes)

    def _record(self, sent_bytes: int) -> None:
        """Before the last byte: what the host does with it comes later on the timeline."""
        self.answered = True
        where = {"connection": self.connection.number, "request": self.number}
        self.connection.timeline.add("HTTP_RESPONSE", **where, status=self.status, bytes=sent_bytes)

    def raw(self, data: bytes) -> None:
        """Bytes that are no HTTP, or HTTP of the test's own making. The connection is of no use for other answers then."""
        self._record_part(len(data))
        self.connection.send_raw(data)

    def switch(self, sink: Callable[[bytes], None], headers: Headers = ()) -> None:
        """Say yes to a CONNECT; what comes from now on is `sink`'s, b"" at the end."""
        self.status, self.answered = 200, True
        self.connection.switch(h11.Response(status_code=200, reason=b"Connection established", headers=list(headers)), sink)

    def reset(self) -> None:
        """RST in place of an answer, or of the rest of it."""
        self.connection.reset()

    def finish(self) -> None:
        """FIN in place of an answer, or of the rest of it."""
        self.connection.finish()


class HttpHandler(Protocol):
    """Is called with each request of its path, on a thread of the request's own. One that returns without an answer leaves that
    to the test."""

    def __call__(self, request: HttpRequest, /) -> None: ...


def _reason(status: int) -> bytes:
    """The words beside the number, of those that have some."""
    known = {one.value: one.phrase for one in HTTPStatus}
    return known.get(status, "").encode("ascii")
