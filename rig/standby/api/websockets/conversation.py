"""A client's end of one WebSocket connection without input or output (RFC 6455): bytes in; parts of messages and bytes out.

The library does handshake, frames, masks, pongs and closing handshake. Here are what an app is told of it: parts of messages with
their kind, text that is UTF-8 (section 8.1), and one end: the server's close frame, or an error.

No extension is offered: with permessage-deflate (RFC 7692) the bytes of a frame would depend on all before it, and a device that
keeps the connection alive in the host's place could not be told what to send.
"""

from __future__ import annotations

import codecs
import errno
import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from websockets.client import ClientProtocol
from websockets.datastructures import Headers
from websockets.exceptions import InvalidState, InvalidStatus, ProtocolError
from websockets.frames import Close, CloseCode, Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import CONNECTING, OPEN
from websockets.typing import Subprotocol
from websockets.uri import WebSocketURI

from rig.standby.api.websockets.errors import HandshakeError, WebSocketError
from rig.standby.api.websockets.request_headers import check_request
from rig.standby.wire.hresult import HostError, HResult

MAX_MESSAGE_BYTES = 1 << 20
MAX_FRAME_BYTES = 16 << 20
"""A frame is held in memory until its last byte is there."""
CLOSE_REASON_BYTES = 123
"""A control frame has 125 bytes at most, two of them are the code (section 5.5)."""
PING_BYTES = 125
CONTROL_FRAME_BYTES = 2 + 4 + PING_BYTES
"""With its mask."""


HEAD_BYTES = 8192
"""Of each piece that comes of the server's answer. The library ends what is longer by far."""
_REFUSAL = re.compile(rb"HTTP/1\.1 (?!101)(\d{3})[^\n]*\n(?:[^\r\n][^\n]*\n)*\r?\n")
"""The head of an answer that is no 101, to its end."""


@dataclass(frozen=True)
class Part:
    """Of a message: all of it, or one frame. `last`: the message ends with it."""

    data: bytes
    text: bool
    last: bool


@dataclass(frozen=True)
class Closed:
    """The server's close frame. 1005: it gave no code."""

    code: int
    reason: str


def check_close(code: int, reason: str) -> None:
    """What an app may close with. Raises HostError INVALID_ARG."""
    if not (code == CloseCode.NORMAL_CLOSURE or 3000 <= code < 5000):
        raise HostError(HResult.INVALID_ARG, f"close code {code}: an app's are 1000 and 3000 to 4999")
    if len(reason.encode()) > CLOSE_REASON_BYTES:
        raise HostError(HResult.INVALID_ARG, f"a reason of {len(reason.encode())} bytes, {CLOSE_REASON_BYTES} allowed")


class Conversation:
    """For one thread at a time. `feed` and then `parts`, `end` and `outgoing`; nothing is parsed behind an end."""

    def __init__(
        self,
        uri: WebSocketURI,
        *,
        protocols: tuple[str, ...] = (),
        headers: Mapping[str, str] | None = None,
        accepts_text: bool = True,
        max_message_bytes: int | None = MAX_MESSAGE_BYTES,
        max_frame_bytes: int = MAX_FRAME_BYTES,
    ) -> None:
        """Raises HostError INVALID_ARG for what cannot stand in a request (request_headers.py)."""
        check_request(protocols, headers or {})
        wanted = [Subprotocol(name) for name in protocols] or None
        self._ws = _Client(uri, subprotocols=wanted, max_size=(max_message_bytes, max_frame_bytes))
        request = self._ws.connect()
        request.headers.update(headers or {})
        self._ws.send_request(request)
        self._head = b""
        """Of the server's answer to the request, while it is not whole."""
        self._accepts_text = accepts_text
        self._text = False
        """The message under way."""
        self._utf8 = codecs.getincrementaldecoder("utf-8")("strict")
        self._sends_text = False
        self._utf8_out = codecs.getincrementaldecoder("utf-8")("strict")
        """Of the message that is being sent."""
        self.parts: deque[Part] = deque()
        """That have come and nobody has taken."""
        self.end: Closed | WebSocketError | None = None
        """Behind the last part."""
        self.pongs: deque[bytes] = deque(maxlen=8)
        """What the newest pongs of the server repeat."""

    # -- the opening handshake -----------------------------------------------------------------------------------------

    @property
    def opened(self) -> bool:
        """The server has agreed. Raises HandshakeError when it has not: as soon as that is known, as the body of a refusal may
        last as long as the connection."""
        if self._ws.handshake_exc is not None:
            raise HandshakeError(self._ws.handshake_exc)
        if self._ws.state is CONNECTING and (refusal := _REFUSAL.match(self._head)):
            raise HandshakeError(InvalidStatus(Response(int(refusal[1]), "", Headers())))
        return self._ws.state is OPEN or self.end is not None

    @property
    def protocol(self) -> str:
        """That the server has chosen; "" for none."""
        return self._ws.subprotocol or ""

    # -- what comes ----------------------------------------------------------------------------------------------------

    def feed(self, data: bytes) -> None:
        """From the server; b"" is the end of the stream."""
        if self._ws.state is CONNECTING:
            self._head += data[:HEAD_BYTES]
        if data:
            self._ws.receive_data(data)
        else:
            self._ws.receive_eof()
        for event in self._ws.events_received():
            if isinstance(event, Frame) and self.end is None:
                self._heard(event)
        broken = self._ws.parser_exc
        if broken is not None and self.end is None:
            self.end = WebSocketError(_code_of(self._ws.close_sent), str(broken))

    @property
    def waiting(self) -> bool:
        """There is something for the app."""
        return bool(self.parts) or self.end is not None

    def lose(self, error: OSError) -> None:
        """The stream below has failed."""
        if self.end is None:
            self.end = WebSocketError(CloseCode.ABNORMAL_CLOSURE, str(error), error.errno or errno.ECONNABORTED)
            self.end.__cause__ = error

    def _heard(self, frame: Frame) -> None:
        match frame.opcode:
            case Opcode.TEXT | Opcode.BINARY | Opcode.CONT:
                self._heard_data(frame)
            case Opcode.PONG:
                self.pongs.append(bytes(frame.data))
            case Opcode.CLOSE:
                close = self._ws.close_rcvd
                assert close is not None
                self.end = Closed(int(close.code), close.reason)

    def _heard_data(self, frame: Frame) -> None:
        if frame.opcode is not Opcode.CONT:
            self._text = frame.opcode is Opcode.TEXT
        if self._text and not self._accepts_text:
            self._fail(CloseCode.UNSUPPORTED_DATA, "a text message, and this socket takes binary ones alone")
            return
        if self._text:
            try:
                self._utf8.decode(frame.data, final=frame.fin)
            except UnicodeDecodeError as error:
                self._fail(CloseCode.INVALID_DATA, f"text that is no UTF-8: {error.reason}")
                return
        self.parts.append(Part(bytes(frame.data), self._text, frame.fin))

    def _fail(self, code: CloseCode, reason: str) -> None:
        """Section 7.1.7."""
        self._ws.fail(code, reason)
        self.end = WebSocketError(code, reason)

    # -- what goes -----------------------------------------------------------------------------------------------------

    @property
    def unsent_bytes(self) -> int:
        """What `outgoing` would give."""
        return sum(map(len, self._ws.writes))

    def outgoing(self) -> bytes:
        """For the server, in order: what was sent, pongs, the close frame; each byte once. The end of the stream is the
        caller's."""
        return b"".join(self._ws.data_to_send())

    def outgoing_control(self) -> bytes:
        """As `outgoing`, but the next frame alone, and nothing for one that is longer than a control frame ever is."""
        writes = self._ws.writes
        return writes.pop(0) if writes and len(writes[0]) <= CONTROL_FRAME_BYTES else b""

    def send(self, data: bytes, *, text: bool = False, last: bool = True) -> None:
        """A message, or its next part, which is of the kind of the first. Raises WebSocketError when the conversation is over,
        HostError INVALID_ARG for text that is no UTF-8, TypeError for what is no bytes."""
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise TypeError(f"a message of bytes, not of {type(data).__name__}")
        if not self._ws.expect_continuation_frame:
            self._sends_text = text
        if self._sends_text:
            self._check_text(data, last)
        try:
            if self._ws.expect_continuation_frame:
                self._ws.send_continuation(data, last)
            elif text:
                self._ws.send_text(data, last)
            else:
                self._ws.send_binary(data, last)
        except InvalidState as error:
            raise self._over() from error

    def _check_text(self, data: bytes, last: bool) -> None:
        """Nothing of a part that is refused is sent, and the part before it goes on."""
        before = self._utf8_out.getstate()
        try:
            self._utf8_out.decode(data, final=last)
        except UnicodeDecodeError as error:
            self._utf8_out.setstate(before)
            raise HostError(HResult.INVALID_ARG, f"text that is no UTF-8: {error.reason}") from error

    def ping(self, data: bytes = b"") -> None:
        """At most 125 bytes. Raises as `send` does."""
        self._control(Opcode.PING, data)

    def pong(self, data: bytes = b"") -> None:
        """Unsolicited (section 5.5.3). Raises as `send` does."""
        self._control(Opcode.PONG, data)

    def close(self, code: int, reason: str) -> None:
        """Begin the closing handshake; nothing when it has begun. Code and reason are `check_close`d."""
        if self._ws.state is OPEN:
            self._ws.send_close(code, reason)

    def _control(self, opcode: Opcode, data: bytes) -> None:
        try:
            (self._ws.send_ping if opcode is Opcode.PING else self._ws.send_pong)(data)
        except InvalidState as error:
            raise self._over() from error
        except ProtocolError as error:
            raise HostError(HResult.INVALID_ARG, f"a control frame of {len(data)} bytes, {PING_BYTES} allowed") from error

    def _over(self) -> WebSocketError:
        """What a sender is told."""
        match self.end:
            case WebSocketError():
                return self.end
            case Closed(code, reason):
                return WebSocketError(code, reason or "the server has closed it")
            case None:
                return WebSocketError(_code_of(self._ws.close_sent), "this end has closed it")


class _Client(ClientProtocol):
    """The library's, which takes a close frame between two fragments for an error; it is a control frame (section 5.4), and the
    message under way is never ended."""

    def recv_frame(self, frame: Frame) -> None:
        if frame.opcode is Opcode.CLOSE:
            self.current_size = None
        super().recv_frame(frame)


def _code_of(close: Close | None) -> int:
    return int(close.code if close is not None else CloseCode.ABNORMAL_CLOSURE)
