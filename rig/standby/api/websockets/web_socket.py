"""What both kinds of WebSockets are: a transport over TCP or TLS whose bytes are a conversation (RFC 6455).

Pings of the server are answered, and its pongs taken, by whatever reads: no handler hears of them, and no push task runs for
them. That needs a read to be posted, as all on a channel does.
"""

from __future__ import annotations

import errno
from collections.abc import Callable

from websockets.uri import WebSocketURI

from rig.clock import Deadline
from rig.standby.api import session
from rig.standby.api.byte_stream import ByteStream
from rig.standby.api.control_channel import ControlChannelTrigger
from rig.standby.api.stream_transport import StreamTransport, protect
from rig.standby.api.websockets.control import WebSocketControl
from rig.standby.api.websockets.conversation import Closed, Conversation, check_close
from rig.standby.api.websockets.dialogue import Dialogue
from rig.standby.api.websockets.enums import KeepAliveFrame
from rig.standby.api.websockets.offloaded_keep_alive import offload
from rig.standby.api.websockets.unsolicited_pongs import UnsolicitedPongs
from rig.standby.api.websockets.uri import parsed
from rig.standby.wire.hresult import HostError, HResult

CLOSE_LIMIT_S = 1.0
"""How long `close` waits for the server to close its end too: many round trips. A server that is gone never does."""
PING_DATA_BYTES = 4

ClosedHandler = Callable[["WebSocket", Closed], None]


class WebSocket(StreamTransport):
    """Bind it to a channel before `connect`, add its handlers before `connect`. It connects once. Any thread may call."""

    def __init__(self, control: WebSocketControl) -> None:
        super().__init__()
        self.control = control
        self._conversation: Conversation | None = None
        self._where: WebSocketURI | None = None
        """Both from `connect` on."""
        self._dialogue: Dialogue | None = None
        """From the end of the opening handshake on."""
        self._closed_handlers: list[ClosedHandler] = []
        self._closing = False
        self._pongs: UnsolicitedPongs | None = None
        self._pings = 0

    # -- connecting ----------------------------------------------------------------------------------------------------

    def connect(self, uri: str, *, timeout_s: float = 10.0) -> None:
        """ws://host[:port]/path, or wss. When it returns the server has agreed to the opening handshake. Raises HostError
        INVALID_ARG for a bad URI, HandshakeError for another answer than that, TimeoutError for none, TlsError, OSError of the
        kernel, HostError NO_SLOT; SocketError.get_status says which. Whatever it raises, nothing is open and the channel's slot
        is free (CWS-014)."""
        where = parsed(uri)
        conversation = Conversation(
            where,
            protocols=self.control.supported_protocols,
            headers=self.control.request_headers,
            accepts_text=self._accepts_text,
            max_message_bytes=self._max_message_bytes,
        )
        with self._lock:
            self._check_before_connect("connect")
            self._conversation, self._where = conversation, where
        try:
            self._connect(where.host, where.port, timeout_s)
        except BaseException:
            self._conversation = self._dialogue = None
            raise
        interval_s = self.control.desired_unsolicited_pong_interval_s
        if self.channel_id is None and interval_s > 0:
            dialogue = self._talking("connect")
            self._pongs = UnsolicitedPongs(interval_s, lambda: dialogue.say(lambda conversation: conversation.pong()))
        self._opened_now()

    def push_enabled(self) -> None:
        """The channel has its slot."""
        channel = ControlChannelTrigger.by_id(self.channel_id)
        if self.control.offload_keep_alive and channel is not None and channel.payload_keep_alive is None:
            offload(channel, self.control.keep_alive_frame, protected=self.protected)

    @property
    def _accepts_text(self) -> bool:
        raise NotImplementedError

    @property
    def _max_message_bytes(self) -> int | None:
        """None: messages have no borders for who reads."""
        return None

    def _opened_now(self) -> None:
        """The app has a connection from now on."""

    def _shake_hands(self, stream: ByteStream, deadline: Deadline) -> None:
        conversation, where = self._conversation, self._where
        assert conversation is not None
        assert where is not None
        if where.secure:
            protect(stream, self.control.server_name or where.host, deadline, self.control.client_certificate)
        stream.write(conversation.outgoing())
        while not conversation.opened:
            if deadline.expired:
                raise TimeoutError(errno.ETIMEDOUT, "the server has not answered the opening handshake in time")
            data = stream.receive()
            if data is None:
                stream.wait_readable(deadline)
            else:
                conversation.feed(data)
        self._dialogue = Dialogue(stream, conversation)

    @property
    def protocol(self) -> str:
        """That the server has chosen of `control.supported_protocols`; "" for none."""
        conversation = self._conversation
        return conversation.protocol if conversation is not None else ""

    def add_closed(self, handler: ClosedHandler) -> None:
        """`handler(socket, closed)` when the server's close frame has been read. Raises HostError ILLEGAL_METHOD_CALL once the
        socket connects."""
        self._check_before_connect("add_closed")
        self._closed_handlers.append(handler)

    def _tell_closed(self, closed: Closed) -> None:
        """Once, whoever reads the end again."""
        handlers, self._closed_handlers = self._closed_handlers, []
        for handler in handlers:
            handler(self, closed)

    def _check_before_connect(self, call: str) -> None:
        if self._conversation is not None:
            text = f"{call} on WebSocket {self.socket_id}, which is connected, or was, or is about to be"
            raise HostError(HResult.ILLEGAL_METHOD_CALL, text)

    # -- the connection ------------------------------------------------------------------------------------------------

    def _talking(self, call: str) -> Dialogue:
        """Raises HostError ILLEGAL_METHOD_CALL."""
        dialogue = self._dialogue
        if dialogue is None or not self.connected or self._closing:
            raise HostError(HResult.ILLEGAL_METHOD_CALL, f"{call} on WebSocket {self.socket_id}, which is not connected")
        return dialogue

    def send_keep_alive(self, answer_limit_s: float) -> KeepAliveFrame:
        """One control frame, as `control.keep_alive_frame` says. A ping's answer is waited for, so that it comes while the host
        is awake; a server that owes it any longer is not failed here. Raises as `Dialogue.say`."""
        dialogue, kind = self._talking("keep-alive"), self.control.keep_alive_frame
        if kind is KeepAliveFrame.UNSOLICITED_PONG:
            dialogue.say(lambda conversation: conversation.pong())
            return kind
        self._pings += 1
        ping = (self._pings % (1 << 8 * PING_DATA_BYTES)).to_bytes(PING_DATA_BYTES, "big")
        dialogue.say(lambda conversation: conversation.ping(ping))
        dialogue.wait_pong(ping, answer_limit_s)
        return kind

    def close(self, code: int = 1000, reason: str = "") -> None:
        """The closing handshake, and then the socket. A posted read ends as cancelled. `code` 1000 or 3000 to 4999, a reason of
        at most 123 bytes, or HostError INVALID_ARG and nothing is closed. Closed already: nothing."""
        dialogue = self._dialogue
        if dialogue is None:
            super().close()
            return
        check_close(code, reason)
        with self._lock:
            mine, self._closing = not self._closing, True
            pending = self._pending
        if not mine:
            return
        if self._pongs is not None:
            self._pongs.stop()
        if pending is not None:
            session.current().withdraw(pending)
        try:
            dialogue.say_goodbye(code, reason, Deadline(CLOSE_LIMIT_S))
        finally:
            super().close()
