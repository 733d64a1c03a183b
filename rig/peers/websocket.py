"""A WebSocket server (RFC 6455) that a test scripts: it pushes, pings, closes, misbehaves and refuses when it is told to.

Handshake, answers and judgement of what the host sends are those of the `websockets` library, which has no sockets of its own
here. Beside it every frame of the host's is kept as it came, mask and all.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from websockets.frames import Close, Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from rig.clock import WAIT_S
from rig.host_port import host_and_port
from rig.net.namespace import Namespace
from rig.peers.connection import Connection, quietly
from rig.peers.listener import Listener
from rig.peers.websocket_frames import FrameReader, ReceivedFrame
from rig.timeline import TimelineWriter

END_OF_HEADERS = b"\r\n\r\n"
SWITCHING_PROTOCOLS = 101


@dataclass
class Manners:
    """How a server behaves. Set on the server before the host connects, or on one connection."""

    status: int = SWITCHING_PROTOCOLS
    """Another one refuses the handshake with it."""
    accept_key: str | None = None
    """Sec-WebSocket-Accept of the answer; None: the right one."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """More of the answer's, or others."""
    subprotocols: Sequence[str] = ()
    holds_handshake: bool = False
    """The answer waits for `release()`."""
    answers_pings: bool = True
    answers_close: bool = True


class WebSocketConnection(Connection):
    """One accepted connection. `frames` grows as the host sends; `error` is what of it was no WebSocket."""

    def __init__(
        self, sock: socket.socket, number: int, timeline: TimelineWriter, tls: ssl.SSLContext | None, manners: Manners
    ) -> None:
        super().__init__(sock, number, timeline, tls)
        self.manners = manners
        self.request: Request | None = None
        self.frames: list[ReceivedFrame] = []
        self._protocol = _Protocol(manners)
        self._sending = threading.RLock()
        self._unread_handshake = bytearray()
        self._frames = FrameReader()
        self._released = threading.Event()

    # -- what came ----------------------------------------------------------------------------------------------------

    @property
    def error(self) -> Exception | None:
        """Why the library failed the connection: ProtocolError, UnicodeDecodeError, EOFError (no close frame before the end)."""
        return self._protocol.handshake_exc or self._protocol.parser_exc

    @property
    def close_code(self) -> int | None:
        """Of the host's close frame; 1005 for one without a code; None: none came."""
        closes = self.received(Opcode.CLOSE)
        return Close.parse(closes[0].payload).code if closes else None

    def received(self, *opcodes: int) -> list[ReceivedFrame]:
        """Frames of these opcodes so far, all without one."""
        with self._changed:
            return [frame for frame in self.frames if not opcodes or frame.opcode in opcodes]

    def wait_request(self, timeout_s: float = WAIT_S) -> Request:
        """The host's opening handshake, answered or not."""
        self._wait(lambda: self.request is not None, timeout_s, "the opening handshake")
        assert self.request is not None
        return self.request

    def wait_open(self, timeout_s: float = WAIT_S) -> None:
        """The handshake has been answered, and not refused."""
        self._wait(lambda: self._protocol.state is not State.CONNECTING, timeout_s, "an opening handshake to accept")

    def wait_frame(self, *opcodes: int, count: int = 1, timeout_s: float = WAIT_S) -> ReceivedFrame:
        """The `count`-th frame of one of these opcodes, of any without one. Raises AssertionError with what came."""
        what = f"{count} of {[Opcode(one).name for one in opcodes] or 'any frame'}"
        self._wait(lambda: len(self.received(*opcodes)) >= count, timeout_s, what)
        return self.received(*opcodes)[count - 1]

    # -- what goes ----------------------------------------------------------------------------------------------------

    def push_text(self, text: str) -> int:
        """A text message in one frame; returns CLOCK_MONOTONIC ns just before, as all that send do."""
        return self._send(lambda: self._protocol.send_text(text.encode()), "text", len(text.encode()))

    def push(self, data: bytes) -> int:
        """A binary message in one frame."""
        return self._send(lambda: self._protocol.send_binary(data), "binary", len(data))

    def push_fragments(self, parts: Sequence[bytes], *, text: bool = False) -> int:
        """One message, a frame for each part, all given to the kernel together."""

        def said() -> None:
            first = self._protocol.send_text if text else self._protocol.send_binary
            first(parts[0], fin=len(parts) == 1)
            for index, part in enumerate(parts[1:], 2):
                self._protocol.send_continuation(part, fin=index == len(parts))

        return self._send(said, "fragments", sum(map(len, parts)))

    def ping(self, data: bytes = b"") -> int:
        return self._send(lambda: self._protocol.send_ping(data), "ping", len(data))

    def pong(self, data: bytes = b"") -> int:
        """One that nobody asked for (RFC 6455, section 5.5.3)."""
        return self._send(lambda: self._protocol.send_pong(data), "pong", len(data))

    def close_with(self, code: int | None = 1000, reason: str = "") -> int:
        """A close frame; None: one without a code. The host's answer ends the connection."""
        return self._send(lambda: self._protocol.send_close(code, reason), "close", 0)

    def push_raw(self, data: bytes) -> int:
        """Bytes as they are: garbage, half a frame, or one of `websocket_frames.frame`."""
        t_ns = time.monotonic_ns()
        self._timeline.add("PUSH", connection=self.number, bytes=len(data), frame="raw")
        with self._sending:
            self.stream.sendall(data)
        return t_ns

    def release(self) -> None:
        """Answer the handshake that `holds_handshake` has kept waiting."""
        self._released.set()

    def _end(self, directions: int) -> None:
        self.release()
        super()._end(directions)

    def _send(self, say: Callable[[], None], what: str, count: int) -> int:
        """What the library makes of it, once the handshake is over. Raises its InvalidState behind a close."""
        self.wait_open()
        t_ns = time.monotonic_ns()
        self._timeline.add("PUSH", connection=self.number, bytes=count, frame=what)
        with self._sending:
            say()
            self._flush()
        return t_ns

    # -- the reader's side --------------------------------------------------------------------------------------------

    def _keep(self, data: bytes) -> None:
        if self.request is None:
            self._unread_handshake += data
            _head, end, rest = self._unread_handshake.partition(END_OF_HEADERS)
            if not end:
                return
            data = bytes(rest)
        for frame in self._frames.feed(data):
            self.frames.append(frame)
            self._timeline.add("PEER_FRAME", connection=self.number, frame=str(frame), masked=frame.masked)

    def _arrived(self, data: bytes) -> None:
        """The library's turn. What it says of the host's frames goes out at once."""
        if self._protocol.eof_sent and not data:
            return
        with self._sending:
            if data:
                self._protocol.receive_data(data)
            else:
                self._protocol.receive_eof()
            events = self._protocol.events_received()
        if request := next((event for event in events if isinstance(event, Request)), None):
            self._answer_handshake(request)
        quietly(self._flush)

    def _answer_handshake(self, request: Request) -> None:
        with self._changed:
            self.request = request
            self._changed.notify_all()
        if self.manners.holds_handshake:
            self._released.wait()
        with self._sending:
            response = self._response(request)
            self._timeline.add("PEER_UPGRADE", connection=self.number, path=request.path, status=response.status_code)
            self._protocol.send_response(response)
            quietly(self._flush)
        with self._changed:
            self._changed.notify_all()

    def _response(self, request: Request) -> Response:
        manners = self.manners
        if manners.status != SWITCHING_PROTOCOLS:
            response = self._protocol.reject(manners.status, "refused by the test\n")
        else:
            response = self._protocol.accept(request)
        headers = dict(manners.headers)
        if manners.accept_key is not None:
            headers["Sec-WebSocket-Accept"] = manners.accept_key
        for name, value in headers.items():
            if name in response.headers:
                del response.headers[name]
            response.headers[name] = value
        return response

    def _flush(self) -> None:
        with self._sending:
            for data in self._protocol.data_to_send():
                if data:
                    self.stream.sendall(data)
                else:  # the library's word for the end
                    self.finish()

    def _received_so_far(self) -> str:
        return f"{list(map(str, self.frames))}; error {self.error!r}"


class WebSocketServer(Listener[WebSocketConnection]):
    """Listens on an address of its namespace, accepts everything as its `manners` are. Context manager."""

    def __init__(
        self, namespace: Namespace, address: str, timeline: TimelineWriter, port: int = 0, *, tls: ssl.SSLContext | None = None
    ) -> None:
        self.manners = Manners()
        super().__init__(namespace, address, timeline, port, tls=tls)

    def url(self, path: str = "/") -> str:
        """ws:// or wss://, with its address and port."""
        return f"{'ws' if self._tls is None else 'wss'}://{host_and_port(self.address, self.port)}{path}"

    def push(self, data: bytes) -> int:
        """A binary message on the newest connection; returns CLOCK_MONOTONIC ns just before."""
        return self.connection().push(data)

    def _taken(self, sock: socket.socket, number: int) -> WebSocketConnection:
        return WebSocketConnection(sock, number, self._timeline, self._tls, self.manners)


class _Protocol(ServerProtocol):
    """The library's, less what a test has told it to leave out."""

    def __init__(self, manners: Manners) -> None:
        super().__init__(subprotocols=[Subprotocol(name) for name in manners.subprotocols] or None, max_size=None)
        self._manners = manners

    def recv_frame(self, frame: Frame) -> None:
        silent = {Opcode.PING: not self._manners.answers_pings, Opcode.CLOSE: not self._manners.answers_close}
        if not silent.get(frame.opcode):
            super().recv_frame(frame)
