"""One HTTP/1.1 request and its response, without input or output (RFC 9110, 9112).

h11 knows the protocol; this keeps its bounds and is strict where h11 leaves it to its user. Whatever way the bytes of a response
are cut into pieces, it ends the same. All that comes from the peer is hostile: a head has a greatest length, and so has
a body that is wanted as a whole; nothing is kept of what is not wanted; what could be read as two different messages is an error.
"""

from __future__ import annotations

from dataclasses import dataclass

import h11

from rig.standby.api.http.errors import HttpError
from rig.standby.api.http.message import HeaderList, Headers, Request, ResponseHead

HEAD_BYTES = 16 * 1024
"""Of the status line with its headers, and of all interim responses before it: what common servers allow a request."""
BODY_BYTES = 16 * 1024 * 1024
"""Of a body that is kept as a whole. What is longer is to be streamed."""
BEGINNING = b"HTTP/1."
"""Of each response, also of interim ones."""


@dataclass(frozen=True)
class Limits:
    """`body_bytes` None: as much as comes, for who takes it in parts."""

    head_bytes: int = HEAD_BYTES
    body_bytes: int | None = BODY_BYTES


class Exchange:
    """Send `outgoing`, feed what comes. One thread at a time."""

    def __init__(self, request: Request, limits: Limits | None = None) -> None:
        """Raises ValueError for a request that is none: a header with a line break, a method of two words."""
        self.request = request
        self.limits = limits or Limits()
        self.head: ResponseHead | None = None
        """The final response's; interim ones (1xx) are passed over."""
        self.complete = False
        """All of the body has been fed; some of it may not be taken yet."""
        self._connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=self.limits.head_bytes)
        self._body = bytearray()
        self._body_bytes = 0
        self._fed_bytes = self._head_bytes = 0
        self.outgoing = self._written(request)

    def feed(self, data: bytes) -> None:
        """What the peer has sent; b"" is its end of stream. Raises HttpError, and then nothing more is to be fed. What comes
        behind the response is kept, and makes the connection useless."""
        self._fed_bytes += len(data)
        self._connection.receive_data(data)
        while not self.complete:
            try:
                event = self._connection.next_event()
            except h11.RemoteProtocolError as error:
                raise HttpError(f"no HTTP response: {error}") from error
            if event is h11.NEED_DATA:
                self._check_begins_as_one(len(data))
                return
            self._take(event)

    def take(self, count: int) -> bytes:
        """Up to `count` bytes of the body, in order; b"": there are none now."""
        taken = bytes(self._body[:count])
        del self._body[:count]
        return taken

    @property
    def buffered_bytes(self) -> int:
        """Of the body, fed and not taken."""
        return len(self._body)

    @property
    def unanswered(self) -> bool:
        """Not one byte has come."""
        return self._fed_bytes == 0

    @property
    def over(self) -> bool:
        """Nothing more will come of it."""
        return self.complete and not self._body

    @property
    def reusable(self) -> bool:
        """Whether the connection may have another exchange (RFC 9112 9.3): both sides are through with this one, neither wants
        to close, and not one byte came behind the response: it would be taken for the next one's."""
        states = self._connection.states
        behind, ended = self._connection.trailing_data
        return states == {h11.CLIENT: h11.DONE, h11.SERVER: h11.DONE} and not behind and not ended

    @property
    def tunnelled(self) -> bool:
        """A CONNECT that the proxy granted: the connection is the origin's from here on. What came already came from who
        cannot know yet what it answers to: nobody may read it."""
        return self.complete and self._connection.their_state is h11.SWITCHED_PROTOCOL

    @property
    def bytes_behind(self) -> int:
        """That came behind the response."""
        return len(self._connection.trailing_data[0])

    def _written(self, request: Request) -> bytes:
        try:
            head = h11.Request(method=request.method, target=request.target, headers=list(request.headers))
            events: list[h11.Event] = [head, *([h11.Data(data=request.body)] if request.body else []), h11.EndOfMessage()]
            return b"".join(self._connection.send(event) or b"" for event in events)
        except h11.LocalProtocolError as error:
            raise ValueError(str(error)) from error

    def _take(self, event: object) -> None:
        match event:
            case h11.InformationalResponse():
                self._check_head(event.http_version)
            case h11.Response():
                self._check_head(event.http_version)
                self.head = self._head_of(event)
            case h11.Data():
                self._body_bytes += len(event.data)
                self._check_body(self._body_bytes)
                self._body += event.data
            case h11.EndOfMessage():
                self.complete = True
            case _:  # PAUSED: a granted CONNECT. Any other end h11 would have raised
                self.complete = True

    def _check_begins_as_one(self, count: int) -> None:
        """What is no HTTP from its first byte on is no head that is slow to come: h11 would wait for its end. Looked at as long
        as the `count` bytes that came last belong to the beginning."""
        if self.head is None and self._fed_bytes - self._head_bytes - count < len(BEGINNING):
            begun = self._connection.trailing_data[0][: len(BEGINNING)]
            if not BEGINNING.startswith(begun):
                raise HttpError(f"no HTTP response: it begins with {begun!r}")

    def _check_head(self, version: bytes) -> None:
        """Its length is that of all heads together: a peer may send as many interim responses as it likes. h11 bounds only what
        is incomplete, and takes any version."""
        if not version.startswith(b"1."):
            raise HttpError(f"HTTP/{version.decode('ascii')}, of which nobody spoke")
        self._head_bytes = self._fed_bytes - self.bytes_behind
        if self._head_bytes > self.limits.head_bytes:
            raise HttpError(f"a head of {self._head_bytes} bytes, at most {self.limits.head_bytes} are taken")

    def _head_of(self, event: h11.Response) -> ResponseHead:
        headers = Headers(_text(event.headers.raw_items()))
        lengths = headers.all("content-length")
        if "transfer-encoding" in headers and (lengths or event.http_version < b"1.1"):
            raise HttpError("a body framed in two ways: it may be meant for two readers (RFC 9112 6.1)")
        bodiless = self.request.method == "HEAD" or event.status_code in (204, 304)
        if lengths and not bodiless:
            self._check_body(int(lengths[0].split(",")[0]))
        return ResponseHead(event.status_code, event.reason.decode("latin-1"), headers, bodiless)

    def _check_body(self, length_bytes: int) -> None:
        most = self.limits.body_bytes
        if most is not None and length_bytes > most:
            raise HttpError(f"a body of {length_bytes} bytes or more, at most {most} are taken as a whole")


def _text(items: list[tuple[bytes, bytes]]) -> HeaderList:
    """Any byte is a character of its own: what it means is the reader's affair (RFC 9110 5.5)."""
    return tuple((name.decode("ascii"), value.decode("latin-1")) for name, value in items)
