"""A response as apps see it."""

from __future__ import annotations

from dataclasses import dataclass
from email.message import Message

from rig.standby.api.http.connection import HttpConnection
from rig.standby.api.http.exchange import Exchange
from rig.standby.api.http.input_stream import HttpInputStream
from rig.standby.api.http.message import Headers


class HttpContent:
    """A body that is here as a whole."""

    def __init__(self, body: bytes, headers: Headers) -> None:
        self.headers = headers
        self._body = body

    def read_as_bytes(self) -> bytes:
        return self._body

    def read_as_string(self) -> str:
        """In the charset that the server names, UTF-8 by default; what it cannot mean is replaced."""
        message = Message()
        message["content-type"] = self.headers.get("content-type") or "text/plain"
        charset = str(message.get_param("charset") or "utf-8")
        try:
            return self._body.decode(charset, errors="replace")
        except LookupError:
            return self._body.decode("utf-8", errors="replace")


@dataclass(frozen=True)
class HttpResponseMessage:
    """`content` None: a response without any, by its status or its request's method (CHC-008)."""

    status_code: int
    reason_phrase: str
    headers: Headers
    content: HttpContent | None
    request_uri: str
    """Of the request that it answers: the last one, behind all redirects."""
    input_stream: HttpInputStream | None = None
    """What the body is read from, in place of `content`, when the response was wanted with its head alone."""


def response_of(exchange: Exchange, uri: str) -> HttpResponseMessage:
    """Of one that is complete; its body is taken."""
    head = exchange.head
    assert head is not None
    content = None if head.bodiless else HttpContent(exchange.take(exchange.buffered_bytes), head.headers)
    return HttpResponseMessage(head.status, head.reason, head.headers, content, uri)


def streamed_response_of(exchange: Exchange, uri: str, connection: HttpConnection) -> HttpResponseMessage:
    """Of one whose head is here. The stream ends the connection."""
    head = exchange.head
    assert head is not None
    stream = HttpInputStream(connection, exchange)
    return HttpResponseMessage(head.status, head.reason, head.headers, None, uri, stream)
